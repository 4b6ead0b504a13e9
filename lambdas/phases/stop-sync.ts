import * as z from 'zod';
import { syncLedger } from '../../adapters/sync-ledger.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { drainOrFail } from '../middleware/drain-journal.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { waitForLocks } from '../middleware/wait-for-locks.ts';
import type { CatchUpAnswer } from './catch-up.ts';

/** `polls`: visits in a row that got nowhere. */
export const StopSyncInput = ChangingEnvelope.extend({ polls: z.number().int() });

/**
 * Ends what kept the old side current, once the time in which the plan may be rolled back is over: what is left in the journal is derived,
 * then the triggers go.
 *
 * @throws {CheckFailedError} when keys cannot be derived; the triggers stay.
 */
export function stopSync(deps: StatePorts): Work<z.infer<typeof StopSyncInput>, CatchUpAnswer> {
  return async ({ run, now, polls }) => {
    const plan = await planInForce(deps, run);
    const drained = await drainOrFail(deps, run, { plan, polls });
    if (!drained.done) return drained;
    const sync = syncLedger(deps.session);
    const live = await sync.live(plan.id);
    for (const phase of plan.phases) {
      if (phase.kind !== 'transfer' || !phase.transfers.some(({ id }) => live.some(({ transfer }) => transfer === id))) continue;
      await waitForLocks(deps, phase.transfers, () => sync.remove(run, plan, phase.id));
    }
    await deps.journal.write(run.id, 'sync-ended', {
      kind: 'sync-ended',
      at: now.toISOString(),
      transfers: [...new Set(live.map(({ transfer }) => transfer))],
    });
    return drained;
  };
}

export const handler = stateHandler(StopSyncInput, (environment) => stopSync(statePorts(environment)));
