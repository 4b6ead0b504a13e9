import type { Node, RangeVar } from 'libpg-query';
import type { CompiledStatement } from './compile-statements.ts';
import type { QualifiedName } from './compiled-plan.ts';
import { innerStatements } from './hazards/inner-statements.ts';
import type { SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { faultAt } from './source-text.ts';
import { describeName, isSameName, kindOf, nodesIn, parseName, qualified, qualifiedRelation, stringsOf } from './sql-tree.ts';

/** The names of `protect`, with their schemas, each once. */
export function protectedTables(names: readonly string[]): readonly QualifiedName[] {
  const tables = names.flatMap((name) => {
    const parts = parseName(name);
    return parts === null ? [] : [qualified(parts)];
  });
  return tables.filter((table, index) => tables.findIndex((other) => isSameName(other, table)) === index);
}

const ROW_STATEMENTS = ['DeleteStmt', 'InsertStmt', 'MergeStmt', 'UpdateStmt'];

/** Whether statements do nothing but change rows of protected tables, so that their images are undo enough. */
export function changesOnly(tables: readonly QualifiedName[], statements: readonly Pick<CompiledStatement, 'node'>[]): boolean {
  return statements.every(({ node }) => {
    const relations = nodesIn(node).flatMap((one) => (ROW_STATEMENTS.includes(kindOf(one)) ? [relationOf(one)] : []));
    return ROW_STATEMENTS.includes(kindOf(node)) && relations.every((relation) => tables.some((table) => isSameName(table, relation)));
  });
}

function relationOf(node: Node): QualifiedName {
  const [statement] = Object.values(node) as readonly { readonly relation?: RangeVar }[];
  return qualifiedRelation(statement?.relation);
}

/** Refuses what changes or takes rows of a protected table without a trigger's seeing it (PostgreSQL, "CREATE TRIGGER"). */
export function refuseUnseen(file: SqlFile, up: readonly CompiledStatement[], tables: readonly QualifiedName[], report: Report): void {
  for (const { node, statement } of up) {
    const nodes = [node, ...innerStatements(node, statement.sql).nodes];
    const reason = nodes.flatMap((one) => tables.flatMap((table) => unseen(one, table)))[0];
    const start = file.statements[statement.number - 1]?.start ?? 0;
    if (reason !== undefined) report(faultAt(file.source, start, reason));
  }
}

function unseen(node: Node, table: QualifiedName): readonly string[] {
  const name = describeName(table);
  const refusal = (what: string, advice: string): readonly string[] => [
    `${what} ${name}, which this phase protects, and no trigger sees it, so no row could be put back; ${advice}`,
  ];
  const elsewhere = 'do it in a phase without "protect" on it';
  if ('TruncateStmt' in node) return truncates(node.TruncateStmt, table) ? refusal('TRUNCATE empties', 'write DELETE, or protect another table') : [];
  if ('DropStmt' in node) return drops(node.DropStmt, table) ? refusal('DROP takes', elsewhere) : [];
  if (!('AlterTableStmt' in node) || !isSameName(qualifiedRelation(node.AlterTableStmt.relation), table)) return [];
  const kinds = (node.AlterTableStmt.cmds ?? []).flatMap((command) => ('AlterTableCmd' in command ? [command.AlterTableCmd.subtype ?? ''] : []));
  if (kinds.includes('AT_AlterColumnType')) return refusal('ALTER TYPE rewrites', elsewhere);
  if (kinds.includes('AT_DropColumn')) return refusal('DROP COLUMN takes values of', elsewhere);
  if (kinds.some((kind) => kind.startsWith('AT_DisableTrig'))) return refusal('DISABLE TRIGGER hides writes to', 'leave the triggers on');
  return [];
}

/** CASCADE empties whatever refers to the tables that are named. */
function truncates({ relations = [], behavior }: Extract<Node, { TruncateStmt: unknown }>['TruncateStmt'], table: QualifiedName): boolean {
  return behavior === 'DROP_CASCADE' || relations.some((one) => 'RangeVar' in one && isSameName(qualifiedRelation(one.RangeVar), table));
}

function drops({ removeType, objects = [] }: Extract<Node, { DropStmt: unknown }>['DropStmt'], table: QualifiedName): boolean {
  const names = objects.map((object) => ('List' in object ? stringsOf(object.List.items) : stringsOf([object])));
  if (removeType === 'OBJECT_SCHEMA') return names.some((parts) => parts.at(-1) === table.schema);
  return removeType === 'OBJECT_TABLE' && names.some((parts) => isSameName(qualified(parts), table));
}
