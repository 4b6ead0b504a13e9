import type * as z from 'zod';
import { isFenced } from '../../adapters/fence.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { forgetImages } from '../../adapters/row-images.ts';
import { syncLedger } from '../../adapters/sync-ledger.ts';
import { transferLedger } from '../../adapters/transfer-ledger.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { nextStep as firstNotApplied, type NextStep } from '../../core/run/next-step.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { withinWindow } from '../middleware/within-window.ts';

export const NextStepInput = ChangingEnvelope;

/**
 * Reads ledger and plan, and says what is next.
 *
 * @throws {WindowClosedError} when the plan's window leaves no time for the rest and its undo.
 */
export function nextStep(deps: StatePorts): Work<z.infer<typeof NextStepInput>, NextStep> {
  return async (visit) => {
    const { run } = visit;
    await planLedger(deps.session).holdsOrFails(run);
    const plan = await deps.plans.read(run.digest);
    await withinWindow(deps, plan, visit);
    const [phases, live, copied, fenced] = await Promise.all([
      phaseLedger(deps.session).all(run.plan),
      syncLedger(deps.session).live(run.plan),
      transferLedger(deps.session).copied(run.plan),
      isFenced(deps.session, run.plan),
    ]);
    // From its cleanup on a plan is not undone.
    if (run.mode === 'cleanup') await forgetImages(deps.session, run);
    return firstNotApplied(plan, phases, { live, copied, isFenced: fenced }, run.mode === 'cleanup' ? 'cleanup' : 'run');
  };
}

export const handler = stateHandler(NextStepInput, (environment) => nextStep(statePorts(environment)));
