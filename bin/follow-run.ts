import { setTimeout as delay } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { Outcome } from '../core/run/outcome.ts';
import type { RunEvent } from './progress.ts';

/** GetExecutionHistory gives at most 1,000 events a page. */
const PAGE_EVENTS = 1_000;

/** The first look comes soon, since a run with nothing to do ends at once; each later one after twice the time, up to the full one. */
const FIRST_POLL_SHARE = 1 / 8;

/** How an execution ended; without an outcome when it was stopped, timed out or broke. */
export interface RunEnd {
  readonly outcome: Outcome | null;
  readonly status: string;
  readonly sentence: string;
}

/** Follows an execution until it ends, with at most `pollMs` between two looks; `onEvents` is awaited, gets each event once, and is called without one, too. */
export async function followRun(
  sfn: SFNClient,
  executionArn: string,
  {
    onEvents,
    pollMs,
    signal,
  }: { readonly onEvents: (events: readonly RunEvent[]) => Promise<void>; readonly pollMs: number; readonly signal: AbortSignal },
): Promise<RunEnd> {
  let lastId = 0;
  let waitMs = pollMs * FIRST_POLL_SHARE;
  for (;;) {
    signal.throwIfAborted();
    // Described first, so that no event of an ended execution is missed.
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const events = await eventsAfter(sfn, executionArn, lastId);
    lastId = events.at(-1)?.id ?? lastId;
    await onEvents(events.flatMap(runEvent));
    if (described.status !== 'RUNNING') return runEnd(described);
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    waitMs = Math.min(2 * waitMs, pollMs);
  }
}

/** Newest first until one is known, so that a long history is not read again and again. */
async function eventsAfter(sfn: SFNClient, executionArn: string, lastId: number): Promise<readonly HistoryEvent[]> {
  const fresh: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const page = await sfn.send(
      new GetExecutionHistoryCommand({
        executionArn,
        reverseOrder: true,
        maxResults: lastId === 0 ? PAGE_EVENTS : 100,
        ...(nextToken && { nextToken }),
      }),
    );
    const events = page.events ?? [];
    fresh.push(...events.filter((event) => (event.id ?? 0) > lastId));
    nextToken = events.some((event) => (event.id ?? 0) <= lastId) ? undefined : page.nextToken;
  } while (nextToken !== undefined);
  return fresh.reverse();
}

const LambdaError = z.object({ errorMessage: z.string() });

function runEvent(event: HistoryEvent): readonly RunEvent[] {
  const { stateEnteredEventDetails: entered, stateExitedEventDetails: exited, taskFailedEventDetails: failed } = event;
  if (entered?.name !== undefined) return [{ kind: 'entered', state: entered.name }];
  if (exited?.name !== undefined) return [{ kind: 'exited', state: exited.name, output: parsed(exited.output) }];
  if (failed === undefined) return [];
  const cause = LambdaError.safeParse(parsed(failed.cause));
  return [{ kind: 'failed', sentence: `${failed.error ?? 'error'}: ${cause.success ? cause.data.errorMessage : (failed.cause ?? '')}` }];
}

const Ended = z.object({ outcome: Outcome, sentence: z.string() });

function runEnd({ status = 'FAILED', output, error, cause }: DescribeExecutionCommandOutput): RunEnd {
  const succeeded = Ended.safeParse(parsed(output));
  if (succeeded.success) return { ...succeeded.data, status };
  const failed = Outcome.safeParse(error);
  return { outcome: failed.success ? failed.data : null, status, sentence: cause ?? error ?? status };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    // Texts that are cut or no JSON tell nothing more.
    return null;
  }
}
