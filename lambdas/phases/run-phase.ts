import * as z from 'zod';
import { namingHolders } from '../../adapters/lock-holders.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { endImages } from '../../adapters/row-images.ts';
import { describeOlder } from '../../adapters/sync-ledger.ts';
import { olderThanRenaming, syncRenaming } from '../../adapters/sync-renaming.ts';
import { UnknownOutcomeError } from '../../core/errors.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import { phaseEntry } from '../middleware/phase-entry.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { waitForLocks } from '../middleware/wait-for-locks.ts';

export const RunPhaseInput = ChangingEnvelope.extend({ phase: z.string() });

export interface RunPhaseAnswer {
  readonly done: boolean;
  /** Sessions that are waited for before tables get other names: their transactions began before the last row was carried over. */
  readonly waitsFor?: readonly string[];
}

/**
 * Runs a transactional phase: one call that commits statements, checks and ledger row together.
 *
 * Not done means that the call went on in the server past 45 s: the next visit asks the ledger; or that a phase which renames tables waits.
 *
 * @throws {StatementFailedError | CheckFailedError} and nothing of the phase is there.
 */
export function runPhase(deps: StatePorts): Work<z.infer<typeof RunPhaseInput>, RunPhaseAnswer> {
  const ledger = phaseLedger(deps.session);
  return async ({ run, now, phase: id }) => {
    const plan = await deps.plans.read(run.digest);
    const phase = phaseOf(plan, id, 'transaction');
    if ((await ledger.result(run.plan, id)) === null) {
      if (await ledger.isRunning(run, id)) {
        return { done: false };
      }
      await ledger.throwFailure(run, id);
      const older = phase.renaming === undefined ? [] : await olderThanRenaming(deps.session, run, id);
      if (older.length > 0) {
        return { done: false, waitsFor: describeOlder(older) };
      }
      const renaming = await syncRenaming(deps.session, plan, id, 'up');
      const attempt = () => ledger.runTransaction(run, phase, renaming);
      try {
        await (renaming === null ? attempt() : waitForLocks(deps, transfersOf(plan.phases), attempt));
      } catch (error) {
        if (error instanceof UnknownOutcomeError && error.isTimeout) {
          return { done: false };
        }
        throw renaming === null ? await namingHolders(deps.session, phase.up.map(({ sql }) => sql).join('\n'), error) : error;
      }
    }
    const result = await ledger.result(run.plan, id);
    if (result === null) {
      return { done: false };
    }
    await endImages(deps.session, run, phase);
    await deps.journal.write(run.id, `phase-${phase.folder}`, phaseEntry(plan, phase, { now, result }));
    return { done: true };
  };
}

export const handler = stateHandler(RunPhaseInput, (environment) => runPhase(statePorts(environment)));
