import type * as z from 'zod';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { nextStep as firstNotApplied, type NextStep } from '../../core/run/next-step.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const NextStepInput = ChangingEnvelope;

/** Reads ledger and plan, and says what is next. */
export function nextStep(deps: StatePorts): Work<z.infer<typeof NextStepInput>, NextStep> {
  return async ({ run }) => {
    await planLedger(deps.session).holdsOrFails(run);
    const plan = await deps.plans.read(run.digest);
    return firstNotApplied(plan, await phaseLedger(deps.session).all(run.plan));
  };
}

export const handler = stateHandler(NextStepInput, (environment) => nextStep(statePorts(environment)));
