import type { Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { isSameName, qualifiedRelation } from '../sql-tree.ts';
import { constraintsIn, keyColumns, tableCommands } from './table-parts.ts';

/** What the plan holds as a whole, wherever it stands. */
export interface PlanFacts {
  readonly indexes: IndexesOfPlan;
  readonly policies: readonly { readonly table: QualifiedName; readonly command: string }[];
  readonly secured: readonly QualifiedName[];
}

/** By table, and by name for those that have one. */
interface IndexesOfPlan {
  readonly byTable: ReadonlyMap<string, readonly PlanIndex[]>;
  readonly byName: ReadonlyMap<string, PlanIndex>;
}

interface PlanIndex {
  /** Null for the index of a constraint without a name. */
  readonly name: string | null;
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  readonly isUnique: boolean;
}

export function planFacts(nodes: readonly Node[]): PlanFacts {
  const indexes = nodes.flatMap(indexesIn);
  const named = indexes.flatMap((index) => (index.name === null ? [] : [[keyOf({ schema: index.table.schema, name: index.name }), index] as const]));
  return {
    indexes: { byTable: Map.groupBy(indexes, ({ table }) => keyOf(table)), byName: new Map(named) },
    policies: nodes.flatMap((node) =>
      'CreatePolicyStmt' in node ? [{ table: qualifiedRelation(node.CreatePolicyStmt.table), command: node.CreatePolicyStmt.cmd_name ?? 'all' }] : [],
    ),
    secured: nodes.flatMap((node) =>
      tableCommands(node).flatMap(({ table, command }) => (command.subtype === 'AT_EnableRowSecurity' ? [table] : [])),
    ),
  };
}

export function isSecured(facts: PlanFacts, table: QualifiedName): boolean {
  return facts.secured.some((other) => isSameName(other, table));
}

/** Whether an index over all rows begins with these columns, in any order. */
export function hasIndexOn(facts: PlanFacts, table: QualifiedName, columns: readonly string[]): boolean {
  return indexesOf(facts, table).some((index) => {
    const head = index.columns.slice(0, columns.length);
    return columns.every((column) => head.includes(column));
  });
}

/** Whether this column alone tells the table's rows apart. */
export function isUniqueColumn(facts: PlanFacts, table: QualifiedName, column: string): boolean {
  return indexesOf(facts, table).some(({ isUnique, columns }) => isUnique && columns.length === 1 && columns[0] === column);
}

/** The table of an index that the plan creates. */
export function tableOfIndex(facts: PlanFacts, index: QualifiedName): QualifiedName | null {
  return facts.indexes.byName.get(keyOf(index))?.table ?? null;
}

/** The columns of an index that the plan creates; null for any other. */
export function columnsOfIndex(facts: PlanFacts, index: QualifiedName): readonly string[] | null {
  return facts.indexes.byName.get(keyOf(index))?.columns ?? null;
}

function indexesOf(facts: PlanFacts, table: QualifiedName): readonly PlanIndex[] {
  return facts.indexes.byTable.get(keyOf(table)) ?? [];
}

function keyOf({ schema, name }: QualifiedName): string {
  return `${schema}\0${name}`;
}

function indexesIn(node: Node): readonly PlanIndex[] {
  if ('IndexStmt' in node) {
    const { idxname, relation, indexParams, whereClause, unique } = node.IndexStmt;
    const columns = (indexParams ?? []).flatMap((part) => ('IndexElem' in part ? [part.IndexElem.name ?? ''] : []));
    const partial = whereClause !== undefined;
    return [{ name: idxname ?? null, table: qualifiedRelation(relation), columns: partial ? [] : columns, isUnique: unique === true && !partial }];
  }
  return constraintsIn(node).flatMap((written): readonly PlanIndex[] => {
    const { contype, conname } = written.constraint;
    if (contype !== 'CONSTR_PRIMARY' && contype !== 'CONSTR_UNIQUE') return [];
    return [{ name: conname ?? null, table: written.table, columns: keyColumns(written), isUnique: true }];
  });
}
