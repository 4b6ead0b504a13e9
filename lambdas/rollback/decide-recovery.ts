import type * as z from 'zod';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { ledgerLock } from '../../adapters/run-lock.ts';
import { DatabaseBusyError } from '../../core/errors.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { StatesError } from '../../core/run/failure.ts';
import { type RecoveryStep, recoveryStep } from '../../core/run/next-step.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const DecideRecoveryInput = ChangingEnvelope.extend({ failure: StatesError.nullable() });

/**
 * Says what is undone next: the newest phase that is begun or applied, then the proof, then nothing.
 *
 * @throws {DatabaseBusyError} when statements of this run are still at work; they are ended, and nothing is decided.
 * @throws {StaleTokenError} when a newer run took the lock over: undoing is its business now.
 */
export function decideRecovery(deps: Pick<StatePorts, 'session'>): Work<z.infer<typeof DecideRecoveryInput>, RecoveryStep> {
  const plans = planLedger(deps.session);
  return async ({ run }) => {
    await plans.holdsOrFails(run);
    // A migrated plan's cleanup is never undone: what of it is done stays, and it is started again.
    if (run.mode === 'cleanup') {
      return { kind: 'none', phase: null, outcome: 'halted' };
    }
    // A phase that still works would commit behind the undo's back.
    if ((await ledgerLock(deps.session).endBackends(run.id)) > 0) {
      throw new DatabaseBusyError(`statements of run ${run.id} were still at work; they are being ended`);
    }
    const [phases, inForce, isVerified] = await Promise.all([
      phaseLedger(deps.session).all(run.plan),
      plans.inForce(run.plan),
      plans.isUndoVerified(run.id),
    ]);
    return recoveryStep(phases, {
      hasBaseline: inForce?.baseRun != null || isVerified,
      isCompleted: run.mode === 'execute' && inForce?.migratedRun === run.id,
    });
  };
}

export const handler = stateHandler(DecideRecoveryInput, (environment) => decideRecovery(statePorts(environment)));
