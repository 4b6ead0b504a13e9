import type { Node } from 'libpg-query';
import type { QualifiedName, TableRename } from './compiled-plan.ts';
import { isSameName, qualifiedRelation } from './sql-tree.ts';

/** What `alter table … rename to …` does; null for any other statement. A table stays in its schema. */
export function tableRename(node: Node): TableRename | null {
  if (!('RenameStmt' in node) || node.RenameStmt.renameType !== 'OBJECT_TABLE') return null;
  const from = qualifiedRelation(node.RenameStmt.relation);
  return { from, to: { schema: from.schema, name: node.RenameStmt.newname ?? '' } };
}

/** What some statements, one after another, make of the names of before; a table that has its own name again is not among them. */
export function composedRenames(nodes: readonly Node[]): readonly TableRename[] {
  const all = nodes.flatMap((node) => tableRename(node) ?? []).reduce(then, []);
  return all.filter(({ from, to }) => !isSameName(from, to));
}

function then(before: readonly TableRename[], next: TableRename): readonly TableRename[] {
  const known = before.some(({ to }) => isSameName(to, next.from));
  const moved = before.map((one) => (isSameName(one.to, next.from) ? { from: one.from, to: next.to } : one));
  return known ? moved : [...moved, next];
}

export function nameAfter(renames: readonly TableRename[], table: QualifiedName): QualifiedName {
  return renames.find(({ from }) => isSameName(from, table))?.to ?? table;
}
