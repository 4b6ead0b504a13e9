import type { Node, RangeVar, SelectStmt } from 'libpg-query';
import { isNotIn } from '../read-only-select.ts';
import { functionName, locationOf, nodesIn, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard, HazardName, Look } from './hazard.ts';
import { startOf } from './table-parts.ts';

const SLEEPING = /^pg_sleep(_for|_until)?$/;

const VOID = /^(pg_sleep(_for|_until)?|pg_notify|pg_advisory_xact_lock(_shared)?|pg_stat_clear_snapshot|pg_stat_reset)$/;

/** What a query may get wrong, wherever it stands in a statement. */
export const findQueries: Finder = (look) => {
  const nodes = nodesIn(look.node);
  const tests = new Set(
    nodes.flatMap((node) => ('SubLink' in node && node.SubLink.subLinkType === 'EXISTS_SUBLINK' ? [node.SubLink.subselect] : [])),
  );
  const ctes = new Set(nodes.flatMap((node) => ('CommonTableExpr' in node ? [node.CommonTableExpr.ctename ?? ''] : [])));
  return nodes.flatMap((node): readonly FoundHazard[] => {
    if (isNotIn(node)) return [hazard('NOT_IN_QUERY', 'NOT IN (SELECT …)', locationOf(node))];
    if ('FuncCall' in node && SLEEPING.test(functionName(node.FuncCall)))
      return [hazard('SLEEP', `${functionName(node.FuncCall)}()`, startOf(node.FuncCall))];
    if (!('SelectStmt' in node) || tests.has(node)) return [];
    return [...starHazards(node.SelectStmt, ctes), ...limitHazards(node.SelectStmt), ...voidHazards(look, node.SelectStmt)];
  });
};

function starHazards({ targetList = [], fromClause }: SelectStmt, ctes: ReadonlySet<string>): readonly FoundHazard[] {
  const tables = nodesIn(fromClause, new Set(['SelectStmt', 'SubLink'])).flatMap((node) => ('RangeVar' in node ? [node.RangeVar] : []));
  const stored = tables.filter(({ schemaname, relname = '' }) => schemaname !== undefined || !ctes.has(relname));
  return targetList.flatMap((target) => {
    const qualifier = starQualifier(target);
    if (qualifier === null || !stored.some((table) => qualifier === '' || referenceOf(table) === qualifier)) return [];
    return [hazard('SELECT_STAR', `"${qualifier === '' ? '' : `${qualifier}.`}*"`, locationOf(target))];
  });
}

/** The `c` of `c.*`, empty for `*` alone, null for anything else. */
function starQualifier(target: Node): string | null {
  const value = 'ResTarget' in target ? target.ResTarget.val : undefined;
  if (value === undefined || !('ColumnRef' in value)) return null;
  const fields = value.ColumnRef.fields ?? [];
  return fields.some((field) => 'A_Star' in field) ? (stringsOf(fields).at(-1) ?? '') : null;
}

function referenceOf({ alias, relname }: RangeVar): string | undefined {
  return alias?.aliasname ?? relname;
}

function limitHazards({ limitCount, limitOffset, sortClause, fromClause, op }: SelectStmt): readonly FoundHazard[] {
  const isCut = limitCount !== undefined || limitOffset !== undefined;
  const hasRows = fromClause !== undefined || op !== 'SETOP_NONE';
  const at = limitCount === undefined ? null : locationOf(limitCount);
  return isCut && hasRows && sortClause === undefined ? [hazard('LIMIT_WITHOUT_ORDER', 'LIMIT without ORDER BY', at)] : [];
}

/** Only what is read of a query matters: a phase's statement gives its result to nobody. */
function voidHazards({ place }: Look, { targetList = [] }: SelectStmt): readonly FoundHazard[] {
  if (place !== 'query') return [];
  return targetList.flatMap((target) => {
    const value = 'ResTarget' in target ? target.ResTarget.val : undefined;
    if (value === undefined || !('FuncCall' in value) || !VOID.test(functionName(value.FuncCall))) return [];
    return [hazard('VOID_RESULT', `${functionName(value.FuncCall)}()`, startOf(value.FuncCall))];
  });
}

function hazard(name: HazardName, subject: string, at: number | null): FoundHazard {
  return { name, subject, table: null, at };
}
