import * as z from 'zod';
import type { PlanId } from '../core/ids.ts';
import type { QualifiedName } from '../core/plan/compiled-plan.ts';
import type { MeasuredWork } from '../core/run/window.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { SqlSession } from './sql-session.ts';

const Row = z.object({ doneMs: z.number(), movedRows: z.number(), movingMs: z.number(), sourceRows: z.number() });

/** A phase of one transaction knows how long it took, batches know it, and the rest from beginning to end. */
const MEASURED = `with done as (
  select coalesce((f.result ->> 'durationMs')::float8,
    (select sum(t.working_ms)::float8 from stepgate.transfer t where (t.plan, t.phase, t.direction) = (f.plan, f.phase, 'up')),
    extract(epoch from coalesce(f.applied_at, clock_timestamp()) - f.begun_at)::float8 * 1000) as ms
  from stepgate.phase f where f.plan = :plan::text and (not :half::boolean or f.applied_at is null)
), moved as (
  select sum(rows)::float8 as rows, sum(ms)::float8 as ms from (
    select sum(t.rows) as rows, max(t.working_ms) as ms from stepgate.transfer t where t.plan = :plan::text and t.direction = 'up' group by t.phase, t.transfer
  ) transfers
)
select coalesce((select sum(ms) from done), 0)::float8 as "doneMs", coalesce(moved.rows, 0) as "movedRows", coalesce(moved.ms, 0) as "movingMs",
coalesce((select sum(greatest(c.reltuples, 0)) from json_array_elements_text(:sources::json) s (name) join pg_class c on c.oid = to_regclass(s.name)), 0)::float8 as "sourceRows"
from moved`;

/** What a plan's phases and batches took so far; `onlyHalf` leaves out the phases that are applied, because they would stay. */
export async function measuredWork(
  { query }: Pick<SqlSession, 'query'>,
  plan: PlanId,
  { sources, onlyHalf }: { readonly sources: readonly QualifiedName[]; readonly onlyHalf: boolean },
): Promise<MeasuredWork> {
  const [row] = await query(Row, MEASURED, { plan, sources: JSON.stringify(sources.map(quoteName)), half: onlyHalf });
  return row ?? { doneMs: 0, movedRows: 0, movingMs: 0, sourceRows: 0 };
}
