import type { Transfer } from '../plan/compiled-plan.ts';
import { rowOf } from './batch-sql.ts';
import { quoteIdent, quoteLiteral, quoteName } from './identifier.ts';
import { shownKeySql } from './shown-key.ts';
import { touchedSql, type UnmappedColumn } from './unmapped-column.ts';

/** A key range; null is open. Keys are texts of the key's type. */
export interface KeyRange {
  readonly after: string | null;
  readonly upto: string | null;
}

/** The last key of the next `:rows` rows of the driving table after a range: the key, as it may be shown, and how many rows those were; no row when there are none. */
export function compareBoundarySql(transfer: Transfer, after: string | null): string {
  return `with batch as (${keysAfter(transfer, after)})
select k::text as key, ${shownKeySql('k')} as shown, (select count(*) from batch)::int as rows from batch order by k desc limit 1`;
}

/** The key that is shown as `:shown` among the next `:rows` rows of the driving table. */
export function findKeySql(transfer: Transfer, after: string | null): string {
  return `with batch as (${keysAfter(transfer, after)})
select k::text as key from batch where ${shownKeySql('k')} = :shown::text limit 1`;
}

function keysAfter({ from, key: { source } }: Transfer, after: string | null): string {
  const key = quoteIdent(source);
  return `select ${key} as k from ${quoteName(from)} where ${inRange(key, { after, upto: null })} order by ${key} limit :rows`;
}

/**
 * Source and target of one key range compared by value, both directions, in one statement, so that both sides are of one moment.
 *
 * One row: driving (rows of the driving table, of which the mapping may leave some out), source (rows that the mapping makes), target,
 * missing, extra, different (bigint as text) and up to five keys, as they may be shown, as a JSON array.
 */
export function compareSql(transfer: Transfer, range: KeyRange, unmapped: readonly UnmappedColumn[]): string {
  const key = quoteIdent(transfer.key.target);
  const differs = [`${rowOf('s', transfer)} *<> ${rowOf('t', transfer)}`, ...touchedSql('t', unmapped)].join(' or ');
  return `select (select count(*) from ${quoteName(transfer.from)} where ${inRange(quoteIdent(transfer.key.source), range)})::text as driving,
count(s.stepgate_key)::text as source, count(t.stepgate_key)::text as target,
count(*) filter (where t.stepgate_key is null)::text as missing, count(*) filter (where s.stepgate_key is null)::text as extra,
count(*) filter (where s.stepgate_key is not null and t.stepgate_key is not null and (${differs}))::text as different,
coalesce(array_to_json((array_agg(${shownKeySql('coalesce(s.stepgate_key, t.stepgate_key)')} order by coalesce(s.stepgate_key, t.stepgate_key))
  filter (where s.stepgate_key is null or t.stepgate_key is null or ${differs}))[1:5]), '[]')::text as samples
from (select m.${key} as stepgate_key, m.* from (
${transfer.select}
) as m where ${inRange(`m.${key}`, range)}) as s
full join (select ${key} as stepgate_key, x.* from ${quoteName(transfer.into)} as x where ${inRange(`x.${key}`, range)}) as t on s.stepgate_key = t.stepgate_key`;
}

function inRange(key: string, { after, upto }: KeyRange): string {
  const conditions = [after === null ? [] : [`${key} > ${quoteLiteral(after)}`], upto === null ? [] : [`${key} <= ${quoteLiteral(upto)}`]].flat();
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}
