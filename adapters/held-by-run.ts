import * as z from 'zod';
import type { PlanId, RunId } from '../core/ids.ts';
import { hasLedger } from './has-ledger.ts';
import type { SqlSession } from './sql-session.ts';

/** What the database still holds for a run. */
export interface HeldByRun {
  readonly lock: boolean;
  readonly fence: boolean;
  /** A newer run has taken the lock after it: what is left is that one's. */
  readonly isTakenOver: boolean;
}

const NOTHING: HeldByRun = { lock: false, fence: false, isTakenOver: false };

const Held = z.object({ lock: z.boolean(), is_taken_over: z.boolean(), has_fences: z.boolean() });
const HELD = `select coalesce(l.run_id = :run::text, false) as lock, coalesce(l.token > r.token and l.run_id is distinct from :run::text, false) as is_taken_over,
to_regclass('stepgate.fence') is not null as has_fences from stepgate.lock l left join stepgate.run r on r.run_id = :run::text`;
const Fenced = z.object({ fence: z.boolean() });
const FENCED = 'select exists (select from stepgate.fence where plan = :plan::text and run_id = :run::text) as fence';

/** Asks the ledger; a database without one holds nothing. Writes nothing. */
export async function heldByRun(session: SqlSession, { run, plan }: { readonly run: RunId; readonly plan: PlanId }): Promise<HeldByRun> {
  if (!(await hasLedger(session))) return NOTHING;
  const [held] = await session.query(Held, HELD, { run });
  if (held === undefined) return NOTHING;
  // The ledger of an earlier version knows no fence.
  const [fenced] = held.has_fences ? await session.query(Fenced, FENCED, { run, plan }) : [];
  return { lock: held.lock, fence: fenced?.fence ?? false, isTakenOver: held.is_taken_over };
}
