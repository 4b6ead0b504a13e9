import * as z from 'zod';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { drainOrFail } from '../middleware/drain-journal.ts';
import { finishTransferPhase } from '../middleware/finish-transfer-phase.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { withinWindow } from '../middleware/within-window.ts';

/** `finishes`: the phase is done when the journal is; `polls`: visits in a row that got nowhere. */
export const CatchUpInput = ChangingEnvelope.extend({ phase: z.string(), finishes: z.boolean(), polls: z.number().int() });

export interface CatchUpAnswer {
  readonly done: boolean;
  /** Keys that were derived again in this visit. */
  readonly repaired: number;
}

/**
 * Derives again what the journal names, until nothing is left of what it held at the beginning; a transfer phase is then done.
 *
 * @throws {CheckFailedError} when keys cannot be derived, visit after visit: their target refuses them.
 */
export function catchUp(deps: StatePorts): Work<z.infer<typeof CatchUpInput>, CatchUpAnswer> {
  return async ({ phase: id, finishes, polls, ...visit }) => {
    const { run, now } = visit;
    const plan = await planInForce(deps, run);
    await withinWindow(deps, plan, visit);
    const drained = await drainOrFail(deps, run, { plan, polls });
    if (drained.done && finishes) {
      await finishTransferPhase(deps, { run, now }, plan, phaseOf(plan, id, 'transfer'));
    }
    return drained;
  };
}

export const handler = stateHandler(CatchUpInput, (environment) => catchUp(statePorts(environment)));
