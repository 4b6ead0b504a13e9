import * as z from 'zod';
import type { Reach } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { TableDigest } from '../core/run/journal.ts';
import type { SqlSession } from './sql-session.ts';

/** `before` is measured when nothing has changed yet, `after` when everything is undone. */
export type Moment = 'before' | 'after';

/** A range of a table that is still to be measured. */
export interface BaselineGap {
  readonly table: string;
  readonly nextBlock: number;
  readonly blocks: number;
}

export interface BaselineDifference {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

/** What is not as before. Lists hold the first 50 of each, counts are of all. */
export interface BaselineDifferences {
  /** Tables that the plan wrote or that are other ones, objects that it names, and what nobody can tell. */
  readonly ours: readonly BaselineDifference[];
  readonly oursCount: number;
  /** No transaction of the plan wrote the table and no statement of it names the object: somebody else changed it. */
  readonly others: readonly BaselineDifference[];
  readonly othersCount: number;
  /** The digest of what is ours, by name and not by content: rows that go on changing in the same tables are the same difference; null when there is none. */
  readonly acceptance: string | null;
}

/** The state of the application's schemas, in the ledger: catalog lines, and rows and digests of every table. */
export interface Baselines {
  /** Notes every table and, for `before`, every catalog line; what is noted already stays. `keptUnder` is the run under which it is kept: the base run before, the undoing run after. */
  begin(run: ChangingRun, keptUnder: string, moment: Moment): Promise<void>;
  gap(keptUnder: string, moment: Moment): Promise<BaselineGap | null>;
  /** Measures blocks of a table and adds them, if nobody did meanwhile. */
  measure(run: ChangingRun, keptUnder: string, range: BaselineGap & { readonly moment: Moment; readonly toBlock: number | null }): Promise<void>;
  tables(keptUnder: string, moment: Moment): Promise<readonly TableDigest[]>;
  schemaDigest(baseRun: string): Promise<string>;
  /** Says that `before` is whole; from now on a failed run is proven against it. */
  finishBefore(run: ChangingRun): Promise<void>;
  differences(run: { readonly plan: string; readonly id: string; readonly base: string }, reach: Required<Reach>): Promise<BaselineDifferences>;
}

const Gap = z.object({ table: z.string(), next_block: z.number().int(), blocks: z.number().int() });
const Digest = z.object({ table: z.string(), rows: z.number().int(), digest: z.string() });
const Text = z.object({ text: z.string() });
const Difference = z.object({
  what: z.string(),
  before: z.string(),
  after: z.string(),
  is_ours: z.boolean(),
  ours: z.number().int(),
  others: z.number().int(),
  acceptance: z.string().nullable(),
});
const MOST_SHOWN = 50;

/** Tables of the application with rows of their own, all of which this role sees; an extension's change with the extension's work. */
const TABLES = `select c.oid, format('%I.%I', n.nspname, c.relname) as table_name,
(select concat_ws(' ', c.oid, string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod), ' ' order by a.attnum))
  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as identity from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and c.relispopulated and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
and has_table_privilege(c.oid, 'select') and not row_security_active(c.oid)
and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;

export function baselines({ query }: SqlSession): Baselines {
  const ask = async (sql: string, parameters: Readonly<Record<string, string | number | null>>) => {
    await query(z.unknown(), sql, parameters);
  };
  return {
    begin: async (run, keptUnder, moment) => {
      const parameters = { run: run.id, token: run.token, base: keptUnder, moment };
      await ask(
        `insert into stepgate.baseline_table (run_id, moment, table_name, identity)
select :base::text, :moment::text, table_name, identity from (${TABLES}) t where exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint for share)
on conflict do nothing`,
        parameters,
      );
      if (moment === 'before') {
        await ask(
          `insert into stepgate.baseline_line (run_id, line, occurrence, about)
select :base::text, line, row_number() over (partition by line), about from stepgate.unfenced_objects()
where not exists (select from stepgate.baseline_line where run_id = :base::text)
and exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint for share)
on conflict do nothing`,
          { run: run.id, token: run.token, base: keptUnder },
        );
      }
    },
    gap: async (keptUnder, moment) => {
      const sql = `select table_name as table, next_block, (pg_relation_size(table_name::regclass) / current_setting('block_size')::int)::bigint as blocks
from stepgate.baseline_table where run_id = :base::text and moment = :moment::text and done_at is null order by table_name limit 1`;
      const [row] = await query(Gap, sql, { base: keptUnder, moment });
      return row === undefined ? null : { table: row.table, nextBlock: row.next_block, blocks: row.blocks };
    },
    measure: (run, keptUnder, { table, nextBlock, toBlock, moment }) =>
      ask(
        `update stepgate.baseline_table b set rows = b.rows + d.rows, hash_high = b.hash_high + d.hash_high, hash_low = b.hash_low + d.hash_low,
next_block = coalesce(:to::bigint, b.next_block), done_at = case when :to::bigint is null then clock_timestamp() end
from stepgate.table_digest(:table::regclass, :from::bigint, :to::bigint) d
where b.run_id = :base::text and b.moment = :moment::text and b.table_name = :table::text and b.next_block = :from::bigint and b.done_at is null
and exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint for share)`,
        { run: run.id, token: run.token, base: keptUnder, moment, table, from: nextBlock, to: toBlock },
      ),
    tables: (keptUnder, moment) =>
      query(
        Digest,
        `select table_name as table, rows, md5(concat_ws(':', rows, hash_high, hash_low)) as digest from stepgate.baseline_table
where run_id = :base::text and moment = :moment::text order by table_name`,
        { base: keptUnder, moment },
      ),
    schemaDigest: async (baseRun) => {
      const sql = `select md5(coalesce(string_agg(line, e'\\n' order by line), '')) as text from stepgate.baseline_line where run_id = :base::text`;
      const [row] = await query(Text, sql, { base: baseRun });
      return row?.text ?? '';
    },
    finishBefore: (run) =>
      ask(
        `update stepgate.plan set base_run = :run::text, baseline_done_at = clock_timestamp() where plan = :plan::text and baseline_done_at is null
and exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint for share)`,
        { run: run.id, token: run.token, plan: run.plan },
      ),
    differences: async ({ plan, id, base }, { names, exact, isOpaque }) => {
      const lists = { names: JSON.stringify(names), exact: JSON.stringify(exact) };
      const rows = await query(Difference, DIFFERENCES, { plan, base, run: id, ...lists, opaque: isOpaque });
      const [first] = rows;
      const shown = (ours: boolean) => rows.filter((row) => row.is_ours === ours).map(({ what, before, after }) => ({ what, before, after }));
      return {
        ours: shown(true),
        oursCount: first?.ours ?? 0,
        others: shown(false),
        othersCount: first?.others ?? 0,
        acceptance: first?.acceptance ?? null,
      };
    },
  };
}

/**
 * A table is the same one when its object and its columns are; a line is the plan's when the plan names what it is about, with its schema
 * where both say it. A line of a baseline of before says none.
 *
 * Counts and the digest of names are over all that differs, the rows are the first of each side.
 */
const DIFFERENCES = `with lines as (
  select line, count(*) filter (where side = 'before') as before, count(*) filter (where side = 'after') as after,
    :opaque::boolean or coalesce(bool_or(about && case when exists (select from unnest(about) name where starts_with(name, '"'))
      then array(select json_array_elements_text(:exact::json)) else array(select json_array_elements_text(:names::json)) end), true) as is_ours
  from (
    select line, about, 'before' as side from stepgate.baseline_line where run_id = :base::text
    union all select line, about, 'after' from stepgate.unfenced_objects()
  ) both_sides group by line
), digests as (
  select table_name, moment, identity, concat_ws(' ', rows, 'rows', md5(concat_ws(':', rows, hash_high, hash_low))) as digest
  from stepgate.baseline_table where (run_id = :base::text and moment = 'before') or (run_id = :run::text and moment = 'after')
), tables as (
  select coalesce(b.table_name, a.table_name) as table_name, b.digest as before, a.digest as after,
    case when b.table_name is not null and a.table_name is not null
      then b.identity is distinct from a.identity or b.identity is null or exists (
        select from stepgate.written w where w.plan = :plan::text and w.table_oid = split_part(b.identity, ' ', 1)::oid)
      else exists (select from lines where before <> after and is_ours and starts_with(line, 'relation ' || coalesce(b.table_name, a.table_name) || ' ')) end as is_ours
  from (select * from digests where moment = 'before') b full join (select * from digests where moment = 'after') a on a.table_name = b.table_name
), found as (
  select table_name as what, coalesce(before, 'not there') as before, coalesce(after, 'not there') as after, is_ours, 1 as place from tables where before is distinct from after
  union all
  select line, case when before > after then 'there' else 'not there' end, case when after > before then 'there' else 'not there' end, is_ours, 2
  from lines where before <> after
), numbered as (
  select found.*, row_number() over (partition by is_ours order by place, what, before) as number from found
)
select left(what, 200) as what, before, after, is_ours, (select count(*)::int from found where is_ours) as ours, (select count(*)::int from found where not is_ours) as others,
  (select left(md5(string_agg(what || ' ' || (before = 'there')::text, e'\\n' order by what, before)), 12) from found where is_ours) as acceptance
from numbered where number <= ${MOST_SHOWN} order by is_ours desc, number`;
