import type { Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { describeName, kindOf, nodesIn, qualifiedRelation } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { LOCK_MODES } from './lock.ts';
import { isAlwaysTrue, namesRows } from './row-limits.ts';

/** Statements that hold changes of their own; one that makes a rule or a function runs none of what it holds. */
const RUNNING = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CreateTableAsStmt']);

/** Changes of many rows by one statement. */
export const findDataChanges: Finder = (look) => {
  const { node, state } = look;
  if ('TruncateStmt' in node) {
    const tables = (node.TruncateStmt.relations ?? []).flatMap((one) => ('RangeVar' in one ? [qualifiedRelation(one.RangeVar)] : []));
    const isCascade = node.TruncateStmt.behavior === 'DROP_CASCADE';
    return tables
      .filter((table) => isCascade || !state.isNew(table))
      .map((table) => ({ name: 'TRUNCATES_TABLE', subject: `TRUNCATE of ${describeName(table)}`, table, at: null }));
  }
  if ('LockStmt' in node) return lockHazards(look);
  return RUNNING.has(kindOf(node)) ? nodesIn(node).flatMap((part) => changeHazards(look, part)) : [];
};

function lockHazards({ node, state }: Look): readonly FoundHazard[] {
  if (!('LockStmt' in node)) return [];
  const lock = LOCK_MODES[(node.LockStmt.mode ?? 8) - 1] ?? 'AccessExclusiveLock';
  const tables = (node.LockStmt.relations ?? []).flatMap((one) => ('RangeVar' in one ? [qualifiedRelation(one.RangeVar)] : []));
  return tables
    .filter((table) => !state.isNew(table))
    .map((table) => ({ name: 'EXPLICIT_LOCK', subject: `LOCK TABLE ${describeName(table)}`, table, at: null, lock }));
}

function changeHazards(look: Look, part: Node): readonly FoundHazard[] {
  if ('UpdateStmt' in part) return changedRows(look, 'UPDATE', part.UpdateStmt);
  if ('DeleteStmt' in part) return changedRows(look, 'DELETE', part.DeleteStmt);
  if ('MergeStmt' in part) {
    const table = qualifiedRelation(part.MergeStmt.relation);
    return look.state.isNew(table) ? [] : [whole(`MERGE into ${describeName(table)}`, table)];
  }
  const query = 'InsertStmt' in part ? part.InsertStmt.selectStmt : 'CreateTableAsStmt' in part ? part.CreateTableAsStmt.query : undefined;
  if (query === undefined || !('SelectStmt' in query)) return [];
  if ('CreateTableAsStmt' in part && (part.CreateTableAsStmt.objtype !== 'OBJECT_TABLE' || part.CreateTableAsStmt.into?.skipData === true)) return [];
  return movedRows(look, part);
}

function changedRows(
  { state, facts }: Look,
  command: 'UPDATE' | 'DELETE',
  { relation, whereClause }: { readonly relation?: Parameters<typeof qualifiedRelation>[0]; readonly whereClause?: Node },
): readonly FoundHazard[] {
  const table = qualifiedRelation(relation);
  if (state.isNew(table)) return [];
  const subject = `${command} of ${describeName(table)}`;
  if (whereClause === undefined || isAlwaysTrue(whereClause)) return [{ name: 'CHANGE_WITHOUT_WHERE', subject, table, at: null }];
  return namesRows(whereClause, { table, facts }) ? [] : [whole(subject, table)];
}

/** The rows of a table that was there before, moved by one statement. */
function movedRows({ node, state, facts }: Look, part: Node): readonly FoundHazard[] {
  const arms = nodesIn(part, new Set(['SubLink'])).flatMap((one) => ('SelectStmt' in one ? [one.SelectStmt] : []));
  const ctes = new Set(nodesIn(node).flatMap((one) => ('CommonTableExpr' in one ? [one.CommonTableExpr.ctename] : [])));
  const tables = arms.flatMap(({ fromClause, whereClause, limitCount }) => {
    const read = nodesIn(fromClause, new Set(['SelectStmt', 'SubLink'])).flatMap((one) => ('RangeVar' in one ? [one.RangeVar] : []));
    const sources = read.filter(({ schemaname, relname }) => schemaname !== undefined || !ctes.has(relname)).map(qualifiedRelation);
    const isLimited = (table: QualifiedName): boolean =>
      limitCount !== undefined || (whereClause !== undefined && namesRows(whereClause, { table, facts }));
    return sources.some(isLimited) ? [] : sources.filter((table) => !state.isNew(table));
  });
  const [first] = tables;
  return first === undefined ? [] : [{ ...whole(`copying ${describeName(first)}`, first), lock: null }];
}

function whole(subject: string, table: QualifiedName): FoundHazard {
  return { name: 'WHOLE_TABLE_CHANGE', subject, table, at: null };
}
