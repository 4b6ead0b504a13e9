import type { Transfer } from '../plan/compiled-plan.ts';
import { rowOf } from './batch-sql.ts';
import { quoteLiteral, quoteName } from './identifier.ts';
import { isSynced } from './is-synced.ts';
import { columnOf, keyColumns, keyText } from './key-text.ts';
import { shownKeySql, shownKeysSql } from './shown-key.ts';
import { softDeletedSql } from './soft-delete.ts';
import { touchedSql, type UnmappedColumn } from './unmapped-column.ts';

/** A key range; null is open. Keys are texts (core/transfer/key-text.ts). */
export interface KeyRange {
  readonly after: string | null;
  readonly upto: string | null;
}

/**
 * `bytes`: what is equal is the same bytes, by the type. `text`: so it is under collation "C". `image`: neither, as with numbers that have a scale.
 *
 * A row of images costs twice a comparison by type.
 */
export type Equality = 'bytes' | 'text' | 'image';

/** What a comparison knows beside the plan. */
export interface Compared {
  /** Columns of the target that the SELECT does not fill. */
  readonly unmapped: readonly UnmappedColumn[];
  /** How equality of the target's columns can be told; of a column that is not here, by its binary image. */
  readonly equality?: Readonly<Record<string, Equality>>;
  /** What digests of keys are salted with; '' for none. */
  readonly salt: string;
  /** Whose ledger is asked; null where there is none, and every difference fails. */
  readonly ledger: { readonly plan: string; readonly hasJournal: boolean; readonly hasQuarantined: boolean } | null;
}

/** The last of the next `:rows` rows of the driving table after a range: its key, as it may be shown, and how many rows those were; no row when there are fewer. */
export function compareBoundarySql(transfer: Transfer, after: string | null, salt: string): string {
  const names = batchNames(transfer);
  return `select ${keyText(null, names)} as key, ${shownKeysSql(names, salt)} as shown, :rows::int as rows
from (${keysAfter(transfer, after)} offset :rows::int - 1 limit 1) as nth`;
}

/** The key that is shown as `:shown` among the next `:rows` rows of the driving table. */
export function findKeySql(transfer: Transfer, after: string | null, salt: string): string {
  const names = batchNames(transfer);
  return `with batch as (${keysAfter(transfer, after)} limit :rows)
select ${keyText(null, names)} as key from batch where ${shownKeysSql(names, salt)} = :shown::text limit 1`;
}

function batchNames({ keys }: Transfer): readonly string[] {
  return keys.map((_, index) => `k${index + 1}`);
}

function keysAfter(transfer: Transfer, after: string | null): string {
  const sources = transfer.keys.map(({ source }) => source);
  const columns = sources.map((source, index) => `${columnOf(null, source)} as k${index + 1}`).join(', ');
  const range = inRange(null, sources, { after, upto: null });
  return `select ${columns} from ${quoteName(transfer.from)} where ${range} order by ${keyColumns(null, sources)}`;
}

/**
 * Source and target of one key range compared by value, both directions, in one statement, so that both sides are of one moment.
 *
 * One row of texts: driving (rows of the driving table, of which the mapping may leave some out), source (rows that the mapping makes and
 * the quarantine does not hold), target, quarantined, missing, extra, different, lagging (the journal holds the key, a repair is due),
 * changed (the journal says that the new side differs on purpose), and up to five keys of missing, extra and different, as they may be
 * shown, as a JSON array. The journal is asked for keys that differ only.
 */
export function compareSql(transfer: Transfer, range: KeyRange, compared: Compared): string {
  const { from } = transfer;
  const sources = transfer.keys.map(({ source }) => source);
  const driving = `select count(*) from ${quoteName(from)} as d where ${inRange('d', sources, range)}`;
  const quarantined = quarantinedKeys(transfer, compared);
  const held = quarantined === null ? `'0'` : `(${driving} and ${keyText('d', sources)} in (${quarantined}))::text`;
  const count = (verdict: string) => `(select count(*) from judged where verdict = '${verdict}')::text`;
  return `with joined as (
${joinedSql(transfer, range, compared)}
), judged as (
${judgedSql(transfer, compared)}
)
select (${driving})::text as driving, source::text, target::text, ${held} as quarantined,
${['missing', 'extra', 'different', 'lagging', 'changed'].map((verdict) => `${count(verdict)} as ${verdict}`).join(', ')},
(select coalesce(json_agg(shown order by n), '[]') from (
select shown, n from judged where verdict in ('missing', 'extra', 'different') order by n limit 5) as sample)::text as samples
from joined`;
}

/** Counts of both sides, and a JSON array [kind, key, shown key, columns that differ] for each key that is not alike on both. */
function joinedSql(transfer: Transfer, range: KeyRange, compared: Compared): string {
  const targets = transfer.keys.map(({ target }) => target);
  const [s, t] = ['s', 't'].map((alias) => targets.map((_, index) => `${alias}.stepgate_key_${index + 1}`)) as [string[], string[]];
  const isAbsent = { source: `${s[0]} is null`, target: `${t[0]} is null` };
  const either = s.map((name, index) => `coalesce(${name}, ${t[index]})`);
  const isBad = transfer.quarantine.length === 0 ? [] : ['s.stepgate_bad'];
  const differs = [isAbsent.source, isAbsent.target, ...isBad, ...valuesDiffer(transfer, compared)].join(' or ');
  const bad = isBad.map((flag) => ` when ${flag} and ${isAbsent.target} then 'missing' when ${flag} then 'extra'`).join('');
  const kind = `case when ${isAbsent.source} then 'extra'${bad} when ${isAbsent.target} then 'missing' else 'different' end`;
  const difference = [
    kind,
    keyTextOf(either),
    shownForPeople(either, compared.salt),
    ...(hasJournal(transfer, compared) ? [differing(transfer)] : []),
  ];
  return `select count(${s[0]}) as source, count(${t[0]}) as target,
array_agg(json_build_array(${difference.join(', ')}) order by ${either.join(', ')}) filter (where ${differs}) as differences
from (${mappedSql(transfer, range, compared)}) as s
full join (${targetSql(transfer, range, compared)}) as t on ${s.map((name, index) => `${name} = ${t[index]}`).join(' and ')}`;
}

function mappedSql(transfer: Transfer, range: KeyRange, compared: Compared): string {
  const targets = transfer.keys.map(({ target }) => target);
  const rules = transfer.quarantine.map(({ condition }) => `(${condition})`).join(' or ');
  const bad = rules === '' ? '' : `coalesce(${rules}, false) as stepgate_bad, `;
  const quarantined = quarantinedKeys(transfer, compared);
  // NOT IN stays a filter of the scan: a row whose mapping raises is not mapped then.
  const kept = quarantined === null ? '' : ` and ${keyText('m', targets)} not in (${quarantined})`;
  return `select ${keysAs('m', targets)}, ${bad}m.* from (
${transfer.select}
) as m where ${inRange('m', targets, range)}${kept}`;
}

function targetSql(transfer: Transfer, range: KeyRange, { unmapped }: Compared): string {
  const targets = transfer.keys.map(({ target }) => target);
  const deleted = softDeletedSql('x', transfer.deletes, unmapped);
  const kept = deleted === null ? '' : ` and not ${deleted}`;
  return `select ${keysAs('x', targets)}, x.* from ${quoteName(transfer.into)} as x where ${inRange('x', targets, range)}${kept}`;
}

function keysAs(alias: string, columns: readonly string[]): string {
  return columns.map((column, index) => `${columnOf(alias, column)} as stepgate_key_${index + 1}`).join(', ');
}

function keyTextOf(keys: readonly string[]): string {
  const texts = keys.map((key) => `(${key})::text`);
  return texts.length === 1 ? texts.join() : `json_build_array(${texts.join(', ')})::text`;
}

function shownForPeople(keys: readonly string[], salt: string): string {
  const shown = keys.map((key) => shownKeySql(key, salt));
  return shown.length === 1 ? shown.join() : `concat('(', ${shown.join(", ', ', ")}, ')')`;
}

function valuesDiffer(transfer: Transfer, compared: Compared): readonly string[] {
  const keys = transfer.keys.map(({ target }) => target);
  // Equal keys are the same bytes, too, where a type says so.
  const columns = transfer.columns.filter((column) => !keys.includes(column) || compared.equality?.[column] !== 'bytes');
  const images = columns.filter((column) => (compared.equality?.[column] ?? 'image') === 'image');
  const byType = columns.filter((column) => !images.includes(column)).map((column) => differsByType(column, compared.equality?.[column]));
  return [
    ...byType,
    ...(images.length === 0 ? [] : [`${rowOf('s', images)} *<> ${rowOf('t', images)}`]),
    ...touchedSql('t', ownColumns(transfer, compared)),
  ];
}

/** An explicit collation wins over those of both sides (PostgreSQL, collation support). */
function differsByType(column: string, equality: Equality | undefined): string {
  const collation = equality === 'text' ? ' collate "C"' : '';
  return `${columnOf('s', column)}${collation} is distinct from ${columnOf('t', column)}${collation}`;
}

/** The mark of a deletion is no value. */
function ownColumns({ deletes }: Transfer, { unmapped }: Compared): readonly UnmappedColumn[] {
  return unmapped.filter(({ name }) => deletes.kind === 'hard' || name !== deletes.column);
}

/** The names of columns that differ, as a JSON array; of columns that only the new side has, none: they are its own. */
function differing(transfer: Transfer): string {
  const names = transfer.columns.map((name) => {
    const [s, t] = [columnOf('s', name), columnOf('t', name)];
    return `case when row(${s})::record *<> row(${t})::record then ${quoteLiteral(name)} end`;
  });
  return `to_json(array_remove(array[${names.join(', ')}]::text[], null))`;
}

/** Each difference with what it is: missing, extra, different, or what the journal knows of it: lagging, changed. */
function judgedSql(transfer: Transfer, compared: Compared): string {
  const unnested = 'joined, unnest(differences) with ordinality as d (one, n)';
  if (!hasJournal(transfer, compared)) return `select one ->> 0 as verdict, one ->> 2 as shown, n from ${unnested}`;
  const [plan, id] = [compared.ledger?.plan ?? '', transfer.id].map(quoteLiteral);
  const isGone = transfer.deletes.kind === 'soft' ? ` or ${quoteLiteral(transfer.deletes.column)} = any (j.columns)` : '';
  return `select case when j.is_pending then 'lagging'
  when one ->> 0 = 'different' and (j.is_every or array(select json_array_elements_text(one -> 3)) <@ coalesce(j.columns, '{}')) then 'changed'
  when one ->> 0 <> 'different' and (j.is_whole${isGone}) then 'changed'
  else one ->> 0 end as verdict, one ->> 2 as shown, n
from ${unnested} left join lateral (
select bool_or(e.reason <> 'not-carried') as is_pending, bool_or(e.reason = 'not-carried' and (e.op <> 'update' or e.columns is null)) as is_whole,
  bool_or(e.reason = 'not-carried' and e.op in ('insert', 'update') and e.columns is null) as is_every,
  array_agg(c.name) filter (where e.reason = 'not-carried' and c.name is not null) as columns
from stepgate.sync_journal as e left join lateral unnest(e.columns) as c (name) on true
where e.plan = ${plan} and e.transfer = ${id} and (e.key = one ->> 1 or e.key is null)
) as j on true`;
}

/** Whether a difference may be the live sync's, and the journal can say so. */
function hasJournal(transfer: Transfer, { ledger }: Compared): boolean {
  return isSynced(transfer) && (ledger?.hasJournal ?? false);
}

/** Keys of the transfer that the quarantine holds; null where it holds none. */
function quarantinedKeys({ id }: Transfer, { ledger }: Compared): string | null {
  if (ledger === null || !ledger.hasQuarantined) return null;
  return `select q.key from stepgate.quarantine as q where q.plan = ${quoteLiteral(ledger.plan)} and q.transfer = ${quoteLiteral(id)}`;
}

function inRange(alias: string | null, columns: readonly string[], { after, upto }: KeyRange): string {
  const names = keyColumns(alias, columns);
  const isOne = columns.length === 1;
  const bound = (operator: string, key: string | null) =>
    key === null
      ? []
      : [isOne ? `${names} ${operator} ${quoteLiteral(key)}` : `(${names}) ${operator} (${partsOf(key).map(quoteLiteral).join(', ')})`];
  const conditions = [...bound('>', after), ...bound('<=', upto)];
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}

function partsOf(key: string): readonly string[] {
  const parts: unknown = JSON.parse(key);
  if (!Array.isArray(parts)) throw new Error(`not the text of a key of several columns: ${typeof parts}`);
  return parts.map(String);
}
