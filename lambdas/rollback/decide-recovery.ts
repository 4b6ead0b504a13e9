import * as z from 'zod';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { type PlanInForce, planLedger } from '../../adapters/plan-ledger.ts';
import { ledgerLock } from '../../adapters/run-lock.ts';
import { DatabaseBusyError } from '../../core/errors.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { StatesError } from '../../core/run/failure.ts';
import { goalAfterFailure, type RecoveryStep, recoveryStep, STAGES, type WayBackGoal } from '../../core/run/recovery-step.ts';
import { Asked } from '../../core/run/run-input.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const DecideRecoveryInput = ChangingEnvelope.extend({ failure: StatesError.nullable(), stage: z.enum(STAGES), asked: Asked });

/**
 * Says what is undone next: the newest phase that is begun or applied, unless it stays, then the proof, then nothing.
 *
 * @throws {DatabaseBusyError} when statements of this run are still at work; they are ended, and nothing is decided.
 * @throws {StaleTokenError} when a newer run took the lock over: undoing is its business now.
 */
export function decideRecovery(deps: Pick<StatePorts, 'session' | 'plans'>): Work<z.infer<typeof DecideRecoveryInput>, RecoveryStep> {
  const plans = planLedger(deps.session);
  return async ({ run, stage, asked }) => {
    // A migrated plan's cleanup is never undone: what of it is done stays, and it is started again.
    if (run.mode === 'cleanup') {
      await plans.holdsOrFails(run);
      return { kind: 'none', phase: null, outcome: 'halted', kept: null };
    }
    await plans.beginUndo(run, stage);
    // A phase that still works would commit behind the undo's back.
    if ((await ledgerLock(deps.session).endBackends(run.id)) > 0) {
      throw new DatabaseBusyError(`statements of run ${run.id} were still at work; they are being ended`);
    }
    const [phases, inForce, isVerified] = await Promise.all([
      phaseLedger(deps.session).all(run.plan),
      plans.inForce(run.plan),
      plans.isUndoVerified(run.id),
    ]);
    const step = recoveryStep(phases, {
      hasBaseline: inForce?.baseRun != null || isVerified,
      isCompleted: run.mode === 'execute' && inForce?.migratedRun === run.id,
      goal: await goalOf(deps, { run, stage, asked }, inForce),
      stage,
    });
    // Before the first phase goes: from then on the plan is one that goes on, not a whole one.
    if (step.kind === 'undo' && asked.to !== null) await plans.reopen(run);
    return step;
  };
}

/** The undo of a migrated plan that another run had begun is finished, whatever a failure would leave. */
async function goalOf(
  deps: Pick<StatePorts, 'plans'>,
  { run, stage, asked }: Pick<z.infer<typeof DecideRecoveryInput>, 'run' | 'stage' | 'asked'>,
  inForce: PlanInForce | null,
): Promise<WayBackGoal> {
  if (run.mode === 'rollback') return asked.to === null ? { kind: 'everything' } : { kind: 'to', phase: asked.to };
  if (inForce?.migratedAt != null) return { kind: 'everything' };
  return goalAfterFailure((await deps.plans.read(run.digest)).onFailure, stage);
}

export const handler = stateHandler(DecideRecoveryInput, (environment) => decideRecovery(statePorts(environment)));
