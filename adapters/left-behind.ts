import * as z from 'zod';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import { Conflict, NotCarried } from '../core/run/journal.ts';
import { quoteLiteral } from '../core/transfer/identifier.ts';
import { DIGEST_PREFIX, shownKeySql } from '../core/transfer/shown-key.ts';
import { tableColumns } from './catalog.ts';
import type { Query } from './sql-session.ts';

/** What both sides changed, and what the new side alone has, as the ledger has it before it forgets. */
export interface LeftBehind {
  readonly conflicts: readonly Conflict[];
  readonly notCarried: readonly NotCarried[];
}

type Place = { readonly phase: string; readonly transfer: Transfer };

/** Of one transfer, since its phase was begun; asked before the phase's row goes; afterwards there is nothing. */
export async function leftBehind(query: Query, run: ChangingRun, place: Place): Promise<LeftBehind> {
  return { conflicts: await conflicts(query, run, place), notCarried: await notCarried(query, run, place) };
}

const ConflictRow = z.object({ column: z.string(), kept: z.enum(['source', 'target']), count: z.number().int(), samples: z.string() });
const Samples = Conflict.shape.samples;

/** Values as digests: they are the application's, and may be anybody's name. Of their JSON, which holds what no text does (\u0000). */
async function conflicts(query: Query, run: ChangingRun, { phase, transfer }: Place): Promise<readonly Conflict[]> {
  const value = (column: string) => `'${DIGEST_PREFIX}' || left(md5(${quoteLiteral(run.id)} || coalesce(c.${column}::text, '')), 12)`;
  const rows = await query(
    ConflictRow,
    `select c.column_name as column, c.kept, count(*)::int as count, array_to_json((array_agg(json_build_object('key', ${await shownKey(query, run, transfer)},
  'source', ${value('source_value')}, 'target', ${value('target_value')}) order by c.id))[1:20])::text as samples
from stepgate.conflict as c where c.plan = :plan::text and c.transfer = :transfer::text
and c.at >= (select p.begun_at from stepgate.phase as p where p.plan = :plan::text and p.phase = :phase::text)
group by c.column_name, c.kept order by 1, 2`,
    { plan: run.plan, phase, transfer: transfer.id },
  );
  return rows.map(({ samples, ...row }) => ({ ...named(transfer), ...row, samples: Samples.parse(JSON.parse(samples)) }));
}

/** The journal has a key as a text; what of it may be shown, its column's type says. */
async function shownKey(query: Query, run: ChangingRun, { into, keys }: Transfer): Promise<string> {
  const columns = await tableColumns(query, into);
  const typeOf = (name: string) => columns.find((column) => column.name === name)?.type ?? 'text';
  const shown = keys.map(({ target }, index) => {
    const text = keys.length === 1 ? 'c.key' : `c.key::json ->> ${index}`;
    return shownKeySql(`(${text})::${typeOf(target)}`, run.id);
  });
  return shown.length === 1 ? shown.join() : `concat('(', ${shown.join(", ', ', ")}, ')')`;
}

const NotCarriedRow = z.object({ column: z.string().nullable(), what: NotCarried.shape.what, rows: z.number().int() });

/** An entry without columns is about the whole row. */
async function notCarried(query: Query, run: ChangingRun, { phase, transfer }: Place): Promise<readonly NotCarried[]> {
  const rows = await query(
    NotCarriedRow,
    `select c.name as column, w.what, count(distinct j.key)::int as rows
from stepgate.sync_journal as j left join lateral unnest(j.columns) as c (name) on true
cross join lateral (select case when j.op in ('delete', 'truncate') then 'deletion' when j.op = 'insert' and c.name is null then 'row' else 'value' end as what) as w
where j.plan = :plan::text and j.transfer = :transfer::text and j.reason = 'not-carried'
and exists (select from stepgate.phase as p where p.plan = :plan::text and p.phase = :phase::text)
group by c.name, w.what order by w.what, c.name`,
    { plan: run.plan, phase, transfer: transfer.id },
  );
  return rows.map((row) => ({ ...named(transfer), ...row }));
}

function named({ id, into }: Transfer) {
  return { transfer: id, table: `${into.schema}.${into.name}` };
}
