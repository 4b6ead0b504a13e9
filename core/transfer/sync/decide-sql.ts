import type { Transfer } from '../../plan/compiled-plan.ts';
import type { CarriedColumn } from '../carried-columns.ts';
import { quoteIdent, quoteLiteral } from '../identifier.ts';

/** `mapped`, `driving`, `target` give the rows of the keys in hand, each with its key as stepgate_key; `own` are the columns that are no key. */
export interface DecideParts {
  readonly transfer: Transfer;
  readonly mapped: string;
  readonly driving: string;
  readonly target: string;
  readonly own: readonly string[];
  readonly carried: readonly CarriedColumn[];
}

/**
 * What is to be done with each key whose rows are locked, by the rows and the journal of one snapshot, as a jsonb array of objects:
 * key, ids (the entries that are done with it), action, forward and backward (target columns to set), kept (forward-only columns that the
 * new side wrote), conflicts (column_name, kept).
 *
 * A deletion wins over an update, whichever came later, since a row cannot be made again from some of its columns; an insertion wins over
 * an earlier deletion. Of a column that both sides changed the later change wins.
 */
export function decideSql(parts: DecideParts): string {
  return `with fact as (
select k.key as fact_key, e.*, m.stepgate_key is not null as has_mapped, d.stepgate_key is not null as has_driving,
  t.stepgate_key is not null as has_row, coalesce(not t.stepgate_marked, false) as has_target, ${comparedSql(parts)} as compared
from unnest($3) as k (key)
left join ${parts.mapped} as m on m.stepgate_key = k.key
left join ${parts.driving} as d on d.stepgate_key = k.key
left join ${parts.target} as t on t.stepgate_key = k.key
cross join lateral (${entriesSql()}) as e
where (t.stepgate_key is null or t.stepgate_key = any ($5)) and (d.stepgate_key is null or d.stepgate_key = any ($6))
), decided as (
select f.*, ${actionSql(parts.transfer)} as action from fact f
)
select coalesce(jsonb_agg(jsonb_build_object('key', f.fact_key, 'ids', to_jsonb(f.ids), 'action', f.action, 'forward', c.forward, 'backward', c.backward,
  'kept', c.kept, 'conflicts', c.conflicts)), '[]')
from decided f cross join lateral (${columnsSql()}) as c`;
}

/** For each column: its name, whether it is carried back, whether both sides differ. */
function comparedSql({ own, carried }: DecideParts): string {
  const values = own.map((column) => {
    const isCarried = carried.some(({ columns }) => columns.includes(column));
    const name = quoteIdent(column);
    return `jsonb_build_object('name', ${quoteLiteral(column)}, 'is_carried', ${isCarried}, 'differs', row(m.${name})::record *<> row(t.${name})::record)`;
  });
  return `jsonb_build_array(${values.join(',\n  ')})`;
}

/** What the journal says of a key. What a guard suppressed is no decision of the application that a row be there or not. */
function entriesSql(): string {
  const last = (condition: string): string => `max(j.at) filter (where ${condition})`;
  return `select coalesce(array_agg(j.id) filter (where j.is_pending), '{}') as ids,
  ${last("j.is_pending and j.side = 'source'")} as source_at,
  ${last("j.is_pending and j.side = 'source' and j.op = 'insert'")} as source_insert_at,
  ${last("j.is_pending and j.side = 'target' and j.op = 'insert' and j.reason <> 'suppressed'")} as target_insert_at,
  ${last("j.is_pending and j.side = 'target' and j.op in ('delete', 'truncate') and j.reason <> 'suppressed'")} as target_delete_at,
  ${last("not j.is_pending and j.side = 'target' and j.op = 'insert'")} as kept_insert_at,
  ${last("not j.is_pending and j.side = 'target' and j.op in ('delete', 'truncate')")} as kept_delete_at
  from ${journalOf('k.key')} as j`;
}

function journalOf(key: string): string {
  return `(select e.*, e.reason <> 'not-carried' as is_pending from stepgate.sync_journal e where e.plan = $1 and e.transfer = $2 and e.key = ${key})`;
}

function actionSql({ isCovering, sync }: Transfer): string {
  const carries = isCovering && sync === 'both';
  return `case
  when f.has_mapped and f.has_target then 'set'
  when f.has_mapped and f.target_delete_at > coalesce(f.source_insert_at, '-infinity') then ${carries ? "'delete-source'" : "'keep-gone'"}
  when f.has_mapped and f.kept_delete_at > coalesce(f.source_insert_at, '-infinity') then 'none'
  when f.has_mapped and f.has_row then 'revive-target'
  when f.has_mapped then 'insert-target'
  when f.has_target and f.target_insert_at > coalesce(f.source_at, '-infinity') then ${carries ? "case when f.has_driving then 'delete-target' else 'insert-source' end" : "'keep-native'"}
  when f.has_target and f.kept_insert_at > coalesce(f.source_at, '-infinity') then 'none'
  when f.has_target then 'delete-target'
  else 'none' end`;
}

/**
 * An entry without columns means all that can be carried its way: for the target's side not those that only go forward. A change
 * of the key claims no column, but those that only go forward are derived again: what changed under the old key may be known by nobody else.
 */
function columnsSql(): string {
  return `select
  coalesce(jsonb_agg(v.name order by v.name) filter (where f.action = 'set' and v.winner = 'source'), '[]') as forward,
  coalesce(jsonb_agg(v.name order by v.name) filter (where f.action = 'set' and v.winner = 'target' and v.is_carried), '[]') as backward,
  coalesce(jsonb_agg(v.name order by v.name) filter (where f.action = 'set' and v.winner = 'target' and not v.is_carried), '[]') as kept,
  coalesce(jsonb_agg(jsonb_build_object('column_name', v.name, 'kept', case f.action when 'delete-target' then 'source' when 'delete-source' then 'target' else v.winner end))
    filter (where v.is_conflict), '[]') as conflicts
from (
select w.*, case
    when not w.differs then null
    when w.target_at is null and w.is_kept then null
    when w.source_at is null and w.target_at is null then null
    when w.target_at > coalesce(w.source_at, '-infinity') then 'target'
    else 'source' end as winner,
  w.differs and case f.action
    when 'set' then w.source_at is not null and w.target_at is not null
    when 'delete-target' then w.is_target_update
    when 'delete-source' then w.is_source_update
    else false end as is_conflict
from (
select x.name, x.is_carried, x.differs,
  max(j.at) filter (where j.is_pending and case when j.moved_from is null then j.side = 'source' else not x.is_carried end) as source_at,
  max(j.at) filter (where j.is_pending and j.side = 'target' and j.moved_from is null and (x.is_carried or j.columns is not null)) as target_at,
  coalesce(bool_or(not j.is_pending and not x.is_carried and j.op in ('insert', 'update')), false) as is_kept,
  coalesce(bool_or(j.is_pending and j.op = 'update' and j.side = 'source'), false) as is_source_update,
  coalesce(bool_or(j.is_pending and j.op = 'update' and j.side = 'target'), false) as is_target_update
from jsonb_to_recordset(f.compared) as x (name text, is_carried boolean, differs boolean)
left join ${journalOf('f.fact_key')} as j on (j.columns is null or x.name = any (j.columns))
group by x.name, x.is_carried, x.differs
) as w
) as v`;
}
