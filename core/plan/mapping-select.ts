import type { Node, SelectStmt } from 'libpg-query';
import { functionName, kindOf, nodesIn } from './sql-tree.ts';

/** Something that a mapping may not hold, and why. */
export interface MappingFault {
  /** Null for the SELECT as a whole. */
  readonly node: Node | null;
  readonly reason: string;
}

const ROW_BY_ROW = 'a batch maps a key range of the driving table row by row';

const AGGREGATES =
  /^(count|sum|avg|min|max|every|any_value|mode|(array|string|json|jsonb|xml|range|range_intersect)_?agg(_\w+)?|jsonb?_object_agg(_\w+)?|(bool|bit)_(and|or|xor)|stddev(_\w+)?|var(iance|_\w+)|corr|covar_\w+|regr_\w+|percentile_\w+)$/;

/** Functions that give another value each time, or in each session. */
const VOLATILE = new Set([
  ...['random', 'random_normal', 'setseed', 'gen_random_uuid', 'gen_random_bytes', 'uuidv4', 'uuidv7'],
  ...['uuid_generate_v1', 'uuid_generate_v1mc', 'uuid_generate_v4', 'currval', 'lastval', 'pg_backend_pid', 'pg_sleep'],
  ...['now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp', 'timeofday'],
  ...['txid_current', 'pg_current_xact_id', 'pg_current_wal_lsn'],
]);

const SET_RETURNING =
  /^(unnest|generate_series|generate_subscripts|string_to_table|regexp_split_to_table|regexp_matches|jsonb?_(array_elements(_text)?|each(_text)?|object_keys|populate_recordset|to_recordset))$/;

/** What makes a SELECT unfit for a mapping that is read in key ranges, and read again to verify. */
export function mappingFaults(select: SelectStmt): readonly MappingFault[] {
  const clauses = clauseFaults(select).map((reason) => ({ node: null, reason }));
  const { targetList = [], fromClause, whereClause } = select;
  const own = nodesIn({ targetList, fromClause, whereClause }, new Set(['SubLink', 'RangeSubselect']));
  return [...clauses, ...own.flatMap(grouping), ...nodesIn(select).flatMap(changing), ...targetList.flatMap(multiplying)];
}

function clauseFaults(select: SelectStmt): readonly string[] {
  const faults: readonly (readonly [boolean, string])[] = [
    [select.op !== 'SETOP_NONE', `${ROW_BY_ROW}, so it holds no UNION, INTERSECT or EXCEPT; write a transfer for each arm, into tables of their own`],
    [select.valuesLists !== undefined, `${ROW_BY_ROW}, and VALUES has no driving table; insert fixed rows in a phase with an up.sql`],
    [select.limitCount !== undefined || select.limitOffset !== undefined, `${ROW_BY_ROW}, and LIMIT or OFFSET would cut each range; remove it`],
    [select.sortClause !== undefined, `${ROW_BY_ROW} and in the key's order, so ORDER BY has no effect; remove it`],
    [select.distinctClause !== undefined, `${ROW_BY_ROW}, so DISTINCT would merge rows within a batch only; remove it`],
    [
      select.groupClause !== undefined || select.havingClause !== undefined,
      `${ROW_BY_ROW}, so GROUP BY and HAVING would group within a batch only; join a subquery that groups`,
    ],
    [select.windowClause !== undefined, `${ROW_BY_ROW}, so a window would see a batch only; join a subquery that holds it`],
  ];
  return faults.filter(([found]) => found).map(([, reason]) => reason);
}

function grouping(node: Node): readonly MappingFault[] {
  if (!groupsRows(node)) return [];
  const call = 'FuncCall' in node ? node.FuncCall : null;
  const subject = call === null ? 'an aggregate' : `the ${call.over === undefined ? 'aggregate' : 'window function'} ${functionName(call)}()`;
  return [{ node, reason: `${ROW_BY_ROW}, so ${subject} would see a batch only; join a subquery that holds it` }];
}

/** Whether a value is one of several rows: an aggregate or a window function. */
export function groupsRows(node: Node): boolean {
  if (['JsonArrayAgg', 'JsonObjectAgg', 'GroupingFunc'].includes(kindOf(node))) return true;
  if (!('FuncCall' in node)) return false;
  const { over, agg_star, agg_distinct, agg_filter, agg_order, agg_within_group } = node.FuncCall;
  const isMarked = [over, agg_star, agg_distinct, agg_filter, agg_order, agg_within_group].some((mark) => mark !== undefined);
  return isMarked || AGGREGATES.test(functionName(node.FuncCall));
}

function changing(node: Node): readonly MappingFault[] {
  const what = unsteadyReason(node);
  const advice = 'and a mapping is read again to verify every row; leave the column to its default, or take the value from a column';
  return what === null ? [] : [{ node, reason: `${what} gives another value each time, ${advice}` }];
}

/** What of a node gives another value each time; null for what is steady. */
export function unsteadyReason(node: Node): string | null {
  if ('SQLValueFunction' in node && /DATE|TIME/.test(node.SQLValueFunction.op ?? ''))
    return (node.SQLValueFunction.op ?? '').replace('SVFOP_', '').replace(/_N$/, '').toLowerCase();
  if ('TypeCast' in node && isClockWord(node.TypeCast.arg)) return 'this text, cast to a time,';
  if ('RangeTableSample' in node) return 'TABLESAMPLE';
  if (!('FuncCall' in node)) return null;
  const name = functionName(node.FuncCall);
  const isAgeOfToday = name === 'age' && node.FuncCall.args?.length === 1;
  return VOLATILE.has(name) || isAgeOfToday ? `${name}()` : null;
}

function isClockWord(node: Node | undefined): boolean {
  return node !== undefined && 'A_Const' in node && /^\s*(now|today|tomorrow|yesterday)\b/i.test(node.A_Const.sval?.sval ?? '');
}

function multiplying(column: Node): readonly MappingFault[] {
  return nodesIn(column, new Set(['SubLink'])).flatMap((node) => {
    if (!makesRows(node)) return [];
    const name = 'FuncCall' in node ? functionName(node.FuncCall) : '';
    return [{ node, reason: `${name}() makes several rows of one, and each target row has a key of its own; give the parts a driving table first` }];
  });
}

/** Whether a call gives several rows. */
export function makesRows(node: Node): boolean {
  return 'FuncCall' in node && SET_RETURNING.test(functionName(node.FuncCall));
}
