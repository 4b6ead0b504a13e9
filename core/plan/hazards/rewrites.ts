import type { ColumnDef, Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { describeName, functionName, nodesIn, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { startOf, tableCommands } from './table-parts.ts';

/** Commands of ALTER TABLE that write every row anew. */
const REWRITING: ReadonlyMap<string, string> = new Map([
  ['AT_SetLogged', 'SET LOGGED'],
  ['AT_SetUnLogged', 'SET UNLOGGED'],
  ['AT_SetTableSpace', 'SET TABLESPACE'],
  ['AT_SetAccessMethod', 'SET ACCESS METHOD'],
  ['AT_SetExpression', 'SET EXPRESSION'],
]);

/** Functions that give one value for the whole statement: PostgreSQL then keeps it once, and rewrites nothing. */
const NOT_VOLATILE = new Set([
  ...['now', 'transaction_timestamp', 'statement_timestamp', 'current_setting', 'timezone', 'date_trunc', 'date_part', 'age', 'make_date'],
  ...['make_timestamptz', 'make_interval', 'to_date', 'to_timestamp', 'to_char', 'to_json', 'to_jsonb', 'json_build_object', 'json_build_array'],
  ...['jsonb_build_object', 'jsonb_build_array', 'lower', 'upper', 'concat', 'concat_ws', 'replace', 'left', 'right', 'md5', 'abs', 'round'],
]);

/** Everything that makes PostgreSQL write a table or an index of it anew. */
export const findRewrites: Finder = (look) => [...wholeStatements(look), ...tableCommands(look.node).flatMap((one) => commandHazards(look, one))];

function wholeStatements({ node, state }: Look): readonly FoundHazard[] {
  const rewrite = (subject: string, table: QualifiedName | null): readonly FoundHazard[] =>
    table !== null && state.isNew(table) ? [] : [{ name: 'TABLE_REWRITE', subject, table, at: null }];
  if ('ClusterStmt' in node) {
    const table = qualifiedRelation(node.ClusterStmt.relation);
    return rewrite(`CLUSTER ${describeName(table)}`, table);
  }
  if ('AlterTableMoveAllStmt' in node) return rewrite('ALTER … ALL IN TABLESPACE', null);
  if ('ReindexStmt' in node) {
    const { kind, relation } = node.ReindexStmt;
    const table = qualifiedRelation(relation);
    if (kind === 'REINDEX_OBJECT_TABLE' && state.isNew(table)) return [];
    const what = kind === 'REINDEX_OBJECT_TABLE' ? 'TABLE' : 'INDEX';
    const subject = `REINDEX ${what} ${describeName(table)}`;
    return [{ name: 'REINDEX_BLOCKS_WRITES', subject, table: kind === 'REINDEX_OBJECT_TABLE' ? table : null, at: null }];
  }
  if (!('RefreshMatViewStmt' in node)) return [];
  const { relation, concurrent, skipData } = node.RefreshMatViewStmt;
  const view = qualifiedRelation(relation);
  if (concurrent === true || skipData === true || state.isOwn({ kind: 'view', ...view })) return [];
  return [{ name: 'REFRESH_BLOCKS_READS', subject: `REFRESH MATERIALIZED VIEW ${describeName(view)}`, table: view, at: null }];
}

function commandHazards({ state }: Look, { table, command }: ReturnType<typeof tableCommands>[number]): readonly FoundHazard[] {
  if (state.isNew(table)) return [];
  const { subtype = '', name = '', def } = command;
  const of = ` of ${describeName(table)}`;
  const rewriting = REWRITING.get(subtype);
  if (rewriting !== undefined) return [{ name: 'TABLE_REWRITE', subject: `${rewriting}${of}`, table, at: null }];
  if (subtype === 'AT_AlterColumnType') return [{ name: 'COLUMN_TYPE_CHANGE', subject: `the new type of ${name}${of}`, table, at: null }];
  if (subtype !== 'AT_AddColumn' || def === undefined || !('ColumnDef' in def)) return [];
  const column = def.ColumnDef;
  const subject = `the new column ${column.colname ?? ''}${of}`;
  const at = startOf(column);
  if (makesItsValues(column)) return [{ name: 'TABLE_REWRITE', subject, table, at }];
  const value = defaultOf(column);
  const call = value === undefined ? null : volatileCall(value);
  if (call !== null) return [{ name: 'VOLATILE_DEFAULT', subject: `the default ${call}() of ${column.colname ?? ''}${of}`, table, at }];
  const isRequired = hasConstraint(column, 'CONSTR_NOTNULL') || hasConstraint(column, 'CONSTR_PRIMARY');
  return isRequired && value === undefined ? [{ name: 'REQUIRED_COLUMN', subject, table, at }] : [];
}

/** A serial, identity or stored generated column: each row gets a value of its own. */
function makesItsValues(column: ColumnDef): boolean {
  const stored = (column.constraints ?? []).some(
    (one) => 'Constraint' in one && one.Constraint.contype === 'CONSTR_GENERATED' && one.Constraint.generated_kind !== 'v',
  );
  return stored || hasConstraint(column, 'CONSTR_IDENTITY') || isSerial(column);
}

export function isSerial(column: ColumnDef): boolean {
  return /^(small|big)?serial[248]?$/.test(stringsOf(column.typeName?.names).at(-1) ?? '');
}

function hasConstraint(column: ColumnDef, type: string): boolean {
  return (column.constraints ?? []).some((one) => 'Constraint' in one && one.Constraint.contype === type);
}

export function defaultOf(column: ColumnDef): Node | undefined {
  const found = (column.constraints ?? []).find((one) => 'Constraint' in one && one.Constraint.contype === 'CONSTR_DEFAULT');
  return found !== undefined && 'Constraint' in found ? found.Constraint.raw_expr : undefined;
}

/** A function that is not known here is taken for volatile, as PostgreSQL takes it where nothing else is said. */
function volatileCall(expression: Node): string | null {
  const calls = nodesIn(expression).flatMap((node) => ('FuncCall' in node ? [functionName(node.FuncCall)] : []));
  return calls.find((name) => !NOT_VOLATILE.has(name)) ?? null;
}
