import { setTimeout as delay } from 'node:timers/promises';
import { DescribeExecutionCommand, ExecutionDoesNotExist } from '@aws-sdk/client-sfn';
import type { RunId } from '../core/ids.ts';
import { executionBeside, MOST_RECOVERIES, recoverName } from '../core/run/recovery.ts';
import { buildReport } from '../core/run/report.ts';
import { followRun, type RunEnd } from './follow-run.ts';
import type { RunEvent } from './progress.ts';
import type { RunSite } from './run-site.ts';

export interface FollowRecoveryOptions {
  /** An execution of the same machine. */
  readonly executionArn: string;
  readonly onEvents: (events: readonly RunEvent[]) => Promise<void>;
  readonly say: (line: string) => void;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** EventBridge delivers within seconds; where it does not, a person need not sit and wait. The local engine delivers at once. */
const PATIENCE_MS = { stack: 120_000, engine: 30_000 } as const;

/** A run that has said its outcome may still hold the lock, which a recovery gives back; where nothing comes within this, nothing is held. */
const GRACE_MS = { stack: 15_000, engine: 3_000 } as const;

/**
 * Follows what settles a run whose execution ended without an outcome, one recovery after another, to the run's outcome.
 *
 * Gives `broken` back where none comes, or the last one fails, too.
 */
export async function followRecovery(site: RunSite, run: RunId, broken: RunEnd, options: FollowRecoveryOptions): Promise<RunEnd> {
  const { executionArn, say, onEvents, signal } = options;
  for (let number = 1; number <= MOST_RECOVERIES; number += 1) {
    const name = recoverName(run, number);
    const arn = executionBeside(executionArn, name);
    const found = await awaitExecution(site, run, { ...options, arn });
    if (found === 'settled') break;
    if (found === 'nothing') {
      say(`nothing has settled it yet; see "${site.asTyped(`npx stepgate status --run ${run}`)}"`);
      break;
    }
    say(`${number === 1 ? `its execution ended ${broken.status}` : 'that one ended, too'}; ${name} settles it`);
    const end = await followRun(site.sfn, arn, { onEvents, pollMs: site.pollMs, signal });
    if (end.status === 'SUCCEEDED') {
      return (await recorded(site, run, broken.status)) ?? { outcome: null, status: broken.status, sentence: end.sentence };
    }
  }
  return (await recorded(site, run, broken.status)) ?? broken;
}

/** What the journal says the run came to. */
async function recorded(site: RunSite, run: RunId, status: string): Promise<RunEnd | null> {
  const { outcome } = buildReport(await site.readJournal(run), site.place);
  return outcome && { outcome: outcome.outcome, sentence: outcome.sentence, status };
}

/** `settled`: the run has its outcome, and no recovery of it is needed or there. */
async function awaitExecution(
  site: RunSite,
  run: RunId,
  { arn, now, signal }: FollowRecoveryOptions & { readonly arn: string },
): Promise<'there' | 'settled' | 'nothing'> {
  const begun = now().getTime();
  const place = site.isDeployed ? 'stack' : 'engine';
  for (;;) {
    signal.throwIfAborted();
    if (await isThere(site, arn)) return 'there';
    const waitedMs = now().getTime() - begun;
    if (waitedMs > GRACE_MS[place] && (await recorded(site, run, '')) !== null) return 'settled';
    if (waitedMs > PATIENCE_MS[place]) return 'nothing';
    await delay(site.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

async function isThere({ sfn }: RunSite, executionArn: string): Promise<boolean> {
  try {
    await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return true;
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return false;
    throw error;
  }
}
