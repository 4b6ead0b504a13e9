import type { IndexStmt } from 'libpg-query';
import { describeName, qualified, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { tableOfIndex } from './plan-facts.ts';

/** Indexes that are built or dropped while a table is in use. */
export const findIndexes: Finder = (look) => {
  const { node, state } = look;
  if ('IndexStmt' in node) {
    const table = qualifiedRelation(node.IndexStmt.relation);
    if (node.IndexStmt.concurrent === true || state.isNew(table)) return [];
    return [{ name: 'INDEX_BLOCKS_WRITES', subject: describeIndex(node.IndexStmt), table, at: null }];
  }
  if (!('DropStmt' in node) || node.DropStmt.removeType !== 'OBJECT_INDEX' || node.DropStmt.concurrent === true) return [];
  return (node.DropStmt.objects ?? []).flatMap((object) => ('List' in object ? dropHazards(look, stringsOf(object.List.items)) : []));
};

function dropHazards({ state, facts }: Look, parts: readonly string[]): readonly FoundHazard[] {
  const index = qualified(parts);
  const table = tableOfIndex(facts, index);
  if (table !== null && state.isNew(table)) return [];
  return [{ name: 'INDEX_DROP_BLOCKS', subject: `DROP INDEX ${describeName(index)}`, table, at: null }];
}

function describeIndex({ idxname, relation }: IndexStmt): string {
  return `CREATE INDEX ${idxname === undefined ? '' : `${idxname} `}on ${describeName(qualifiedRelation(relation))}`;
}
