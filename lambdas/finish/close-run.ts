import * as z from 'zod';
import { standingFence } from '../../adapters/fence.ts';
import { hasLedger } from '../../adapters/has-ledger.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { ledgerLock } from '../../adapters/run-lock.ts';
import { StepgateError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import { StartEnvelope } from '../../core/run/envelope.ts';
import { failureOf, StatesError } from '../../core/run/failure.ts';
import { changesDatabase } from '../../core/run/mode.ts';
import { Outcome } from '../../core/run/outcome.ts';
import { Recovery } from '../../core/run/recovery.ts';
import { outcomeSentence } from '../../core/run/sentence.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const CloseRunInput = StartEnvelope.extend({
  outcome: Outcome,
  failure: StatesError.nullable(),
  laterFailure: StatesError.nullable(),
  restoreFailure: StatesError.nullable().default(null),
  /** What the restore came to, in words; null where there was none. */
  restored: z.string().nullable().default(null),
  planState: z.string(),
  /** The newest phase that a way back leaves; null where there is none. */
  kept: z.string().nullable().default(null),
  recovery: Recovery.nullish(),
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
    const recorded = input.recovery?.recorded ?? null;
    const restoreFailure = failureOf(input.restoreFailure);
    const { kept, restored, proof } = input;
    const said = { outcome, mode: run.mode, plan: run.plan, failure, laterFailure, restoreFailure, restored, migratedAt, proof, kept };
    const sentence = recorded?.sentence ?? outcomeSentence(said);
    await tellKeptFence(deps, input);
    // What the run came to before it died stays said as it said it.
    if (recorded === null) {
      const [laterFailures, at] = [[laterFailure, restoreFailure].filter((one) => one !== null), now.toISOString()];
      const end = { kind: 'outcome', at, outcome, sentence, failure, laterFailures, endedAt: at, ...(kept === null ? {} : { kept }) } as const;
      await deps.journal.write(run.id, 'outcome', end);
    }
    const { mode, token } = run;
    if (token !== null) {
      await planLedger(deps.session).close(run.id, { outcome, sentence });
      await ledgerLock(deps.session).release(run.id, token);
    } else if (mode !== null && changesDatabase(mode)) {
      await closeIfTaken(deps, run.id, { outcome, sentence });
    }
    return { outcome, sentence };
  };
}

/** Only a halted run keeps a fence; one that another run raised, too. */
async function tellKeptFence({ session, journal }: Pick<StatePorts, 'session' | 'journal'>, { run, now, outcome }: Input): Promise<void> {
  if (outcome !== 'halted' || run.plan === null || run.token === null) return;
  const since = await standingFence(session, run.plan);
  if (since !== null) {
    await journal.write(run.id, 'fence-kept', { kind: 'fence', at: now.toISOString(), status: 'kept', since });
  }
}

/** AcquireLock failed, perhaps after it took the lock. A database that cannot be asked keeps it; the next run takes it over from this ended execution. */
async function closeIfTaken(
  { session }: Pick<StatePorts, 'session'>,
  run: RunId,
  end: { readonly outcome: Outcome; readonly sentence: string },
): Promise<void> {
  const lock = ledgerLock(session);
  try {
    if (!(await hasLedger(session))) return;
    await planLedger(session).close(run, end);
    const holder = await lock.holder();
    if (holder.run === run) {
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
