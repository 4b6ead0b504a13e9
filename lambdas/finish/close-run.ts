import * as z from 'zod';
import { hasLedger } from '../../adapters/ledger-install.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { ledgerLock } from '../../adapters/run-lock.ts';
import { StepgateError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import { StartEnvelope } from '../../core/run/envelope.ts';
import { failureOf, StatesError } from '../../core/run/failure.ts';
import { changesDatabase } from '../../core/run/mode.ts';
import { Outcome } from '../../core/run/outcome.ts';
import { outcomeSentence } from '../../core/run/sentence.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const CloseRunInput = StartEnvelope.extend({
  outcome: Outcome,
  failure: StatesError.nullable(),
  laterFailure: StatesError.nullable(),
  planState: z.string(),
  proof: z.object({ meanwhile: z.number().int(), accepted: z.number().int() }).nullable().default(null),
});
type Input = z.infer<typeof CloseRunInput>;

/** Every mode ends here: the outcome goes to the journal and, where the run changed the database, to the ledger; the lock is given back. */
export function closeRun(deps: Pick<StatePorts, 'session' | 'journal'>): Work<Input, { outcome: Outcome; sentence: string }> {
  return async (input) => {
    const { run, now, outcome } = input;
    const failure = failureOf(input.failure);
    const laterFailure = failureOf(input.laterFailure);
    const migratedAt = await earlierMigration(deps, input);
    const sentence = outcomeSentence({ outcome, mode: run.mode, plan: run.plan, failure, laterFailure, migratedAt, proof: input.proof });
    await deps.journal.write(run.id, 'outcome', {
      kind: 'outcome',
      at: now.toISOString(),
      outcome,
      sentence,
      failure,
      laterFailures: laterFailure === null ? [] : [laterFailure],
      endedAt: now.toISOString(),
    });
    const { plan, digest, mode, token } = run;
    if (plan !== null && digest !== null && mode !== null && token !== null) {
      await planLedger(deps.session).close({ ...run, plan, digest, mode, token }, { outcome, sentence });
      await ledgerLock(deps.session).release(run.id, token);
    } else if (mode !== null && changesDatabase(mode)) {
      await releaseIfTaken(deps, run.id);
    }
    return { outcome, sentence };
  };
}

/** AcquireLock failed, perhaps after it took the lock. A database that cannot be asked keeps it; the next run takes it over from this ended execution. */
async function releaseIfTaken({ session }: Pick<StatePorts, 'session'>, run: RunId): Promise<void> {
  const lock = ledgerLock(session);
  try {
    const holder = (await hasLedger(session)) ? await lock.holder() : null;
    if (holder?.run === run) {
      await lock.release(run, holder.token);
    }
  } catch (error) {
    if (!(error instanceof StepgateError)) {
      throw error;
    }
  }
}

/** When the plan was migrated by an earlier run, so that "nothing was done" carries a date. */
async function earlierMigration(deps: Pick<StatePorts, 'session'>, { run, outcome, planState }: Input): Promise<string | null> {
  if (outcome !== 'migrated' || planState !== 'migrated' || run.plan === null) {
    return null;
  }
  return (await planLedger(deps.session).inForce(run.plan))?.migratedAt ?? null;
}

export const handler = stateHandler(CloseRunInput, (environment) => closeRun(statePorts(environment)));
