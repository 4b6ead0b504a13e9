import type { Node, SelectStmt } from 'libpg-query';
import { parseSync } from 'libpg-query';
import { quoteName } from '../transfer/identifier.ts';
import { aroundName } from './around-name.ts';
import type { CompiledStatement } from './compile-statements.ts';
import type { QualifiedName, RenamedTransfer, Renaming, TableRename, Transfer } from './compiled-plan.ts';
import { drivingTable } from './driving-table.ts';
import { lookupsOf } from './lookups.ts';
import type { ParsedStatement, SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { faultAt } from './source-text.ts';
import { describeName, isSameName, kindOf, nodesIn, qualified, qualifiedRelation, stringsOf } from './sql-tree.ts';
import { tablesRead } from './table-places.ts';
import { composedRenames, nameAfter, tableRename } from './table-renames.ts';

/** A file of the phase, and its statements. */
export interface RenamingFile {
  readonly file: SqlFile;
  readonly statements: readonly CompiledStatement[];
}

export interface RenamingParts {
  readonly up: RenamingFile;
  readonly undo: RenamingFile;
  /** Those of the phases before it. */
  readonly transfers: readonly Transfer[];
}

/** What a phase with `cutover: rename` calls otherwise, and its transfers by the new names; what is not understood is refused. */
export function renamingOf({ up, undo, transfers }: RenamingParts, report: Report): Renaming {
  const tables = composedRenames(up.statements.map(({ node }) => node));
  for (const part of [up, undo]) {
    for (const { statement, node } of part.statements) {
      const reason = notFollowed(node, transfers);
      if (reason !== null) refuse(part, statement.number, reason, report);
    }
  }
  refuseOtherUndo({ up, undo }, tables, report);
  const concerned = transfers.filter((transfer) => tables.some(({ from }) => tablesOf(transfer).some((table) => isSameName(table, from))));
  if (concerned.length === 0) {
    const example = transfers[0] === undefined ? '' : `, such as ${describeName(transfers[0].from)}`;
    refuse(
      up,
      1,
      `with "cutover: rename" up.sql renames tables of the transfers${example}; write "alter table … rename to …", or use "cutover: flag"`,
      report,
    );
  }
  const renamed = concerned.flatMap((transfer) => {
    const reason = notRenamed(transfer, tables);
    if (reason !== null) refuse(up, 1, reason, report);
    return reason === null ? [[transfer.id, renamedTransfer(transfer, tables)] as const] : [];
  });
  return { tables, transfers: Object.fromEntries(renamed) };
}

function refuse({ file }: RenamingFile, number: number, reason: string, report: Report): void {
  report(faultAt(file.source, file.statements[number - 1]?.start ?? 0, reason));
}

const WRITING: ReadonlySet<string> = new Set(['DeleteStmt', 'InsertStmt', 'MergeStmt', 'TruncateStmt', 'UpdateStmt']);
const OPAQUE: ReadonlySet<string> = new Set(['DoStmt', 'CallStmt', 'SelectStmt']);

/** Why the names after a statement are not known, or a row that it writes would be carried by the names of before. */
function notFollowed(node: Node, transfers: readonly Transfer[]): string | null {
  if (OPAQUE.has(kindOf(node)))
    return 'nobody can read from this statement which tables it renames or writes, and live sync has to follow; write the renames as statements, and do the rest in another phase';
  if (nodesIn(node).some((one) => WRITING.has(kindOf(one))))
    return 'this statement writes rows while live sync changes over to other names; write them in a phase before or behind this one';
  if (tableRename(node) !== null && 'RenameStmt' in node && node.RenameStmt.missing_ok === true)
    return 'live sync has to follow this rename, and IF EXISTS leaves open whether it happens; remove it';
  if ('RenameStmt' in node && node.RenameStmt.renameType === 'OBJECT_SCHEMA')
    return 'live sync follows names of tables, and not of their schemas; rename the tables only';
  if (!('AlterObjectSchemaStmt' in node)) return null;
  const table = qualifiedRelation(node.AlterObjectSchemaStmt.relation);
  return transfers.some((transfer) => tablesOf(transfer).some((one) => isSameName(one, table)))
    ? `live sync follows names of tables, and not of their schemas; leave ${describeName(table)} where it is, and rename it`
    : null;
}

function refuseOtherUndo({ up, undo }: Pick<RenamingParts, 'up' | 'undo'>, tables: readonly TableRename[], report: Report): void {
  const back = composedRenames(undo.statements.map(({ node }) => node));
  const isBack = ({ from, to }: TableRename): boolean => back.some((one) => isSameName(one.from, to) && isSameName(one.to, from));
  const missing = tables.filter((one) => !isBack(one));
  if (undo.statements.length === 0 || up.statements.length === 0) return;
  if (missing.length === 0 && back.length === tables.length) return;
  const wanted = tables.map(({ from, to }) => `${describeName(to)} to ${describeName(from)}`).join(', ');
  refuse(undo, 1, `the undo has to rename back exactly what up.sql renames: ${wanted === '' ? 'nothing' : wanted}; write these renames`, report);
}

function tablesOf({ from, into, select }: Transfer): readonly QualifiedName[] {
  return [from, into, ...tablesRead(selectIn(select)).map(qualifiedRelation)];
}

/** What stands in a mapping and would not be found under another name. */
function notRenamed({ id, file, line, select }: Transfer, tables: readonly TableRename[]): string | null {
  const said = `transfer ${id} (${file}:${line})`;
  const isRenamed = (name: QualifiedName): boolean => tables.some(({ from }) => isSameName(from, name));
  for (const node of nodesIn(selectIn(select))) {
    if ('ColumnRef' in node && stringsOf(node.ColumnRef.fields).length > 2)
      return `${said} names the column ${stringsOf(node.ColumnRef.fields).join('.')} with a schema, which a rename takes from it; give the table an alias there`;
    if (!('TypeCast' in node)) continue;
    const type = stringsOf(node.TypeCast.typeName?.names);
    if (isRenamed(qualified(type)) || type.at(-1) === 'regclass')
      return `${said} names a table as a type or in a text, ${type.join('.')}, where a rename does not reach; write the mapping without it, or use "cutover: flag"`;
  }
  return null;
}

function renamedTransfer(transfer: Transfer, tables: readonly TableRename[]): RenamedTransfer {
  const select = renamedSelect(transfer.select, tables);
  const statement = statementOf(select);
  const parsed = selectIn(select);
  const [from, into] = [nameAfter(tables, transfer.from), nameAfter(tables, transfer.into)];
  const driving = drivingTable(parsed, from);
  // The text before it compiled, and only names stand elsewhere.
  if ('fault' in driving) throw new Error(driving.fault);
  const lookups =
    transfer.sync === 'none'
      ? []
      : lookupsOf(parsed, driving.place, statement, (_, reason) => {
          throw new Error(reason);
        });
  return { select, from, into, driving: aroundName(statement, driving.place), lookups };
}

/** From the last table to the first, so that the places of the others stay; each keeps the name by which the SELECT calls it. */
function renamedSelect(select: string, tables: readonly TableRename[]): string {
  const places = tablesRead(selectIn(select))
    .flatMap((range) => {
      const to = nameAfter(tables, qualifiedRelation(range));
      return isSameName(to, qualifiedRelation(range)) ? [] : [{ range, to }];
    })
    .toSorted((a, b) => (b.range.location ?? 0) - (a.range.location ?? 0));
  return places.reduce((text, { range, to }) => {
    const { before, after } = aroundName({ ...statementOf(select), sql: text }, { range, reference: range.alias?.aliasname ?? range.relname ?? '' });
    return `${before}${quoteName(to)}${after}`;
  }, select);
}

function statementOf(sql: string): ParsedStatement {
  return { node: { SelectStmt: selectIn(sql) }, sql, number: 1, line: 1, start: 0, end: Buffer.byteLength(sql) };
}

function selectIn(sql: string): SelectStmt {
  const node = parseSync(sql).stmts?.[0]?.stmt;
  if (node === undefined || !('SelectStmt' in node)) throw new Error(`no SELECT: ${sql}`);
  return node.SelectStmt;
}
