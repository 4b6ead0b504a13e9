import type * as z from 'zod';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const CompleteRunInput = ChangingEnvelope;

/**
 * The point of no return: one statement writes that the plan is migrated.
 *
 * @throws {StaleTokenError} when a newer run took the lock over.
 */
export function completeRun(deps: Pick<StatePorts, 'session'>): Work<z.infer<typeof CompleteRunInput>, { completed: true }> {
  return async ({ run, now }) => {
    await planLedger(deps.session).complete(run, now);
    return { completed: true };
  };
}

export const handler = stateHandler(CompleteRunInput, (environment) => completeRun(statePorts(environment)));
