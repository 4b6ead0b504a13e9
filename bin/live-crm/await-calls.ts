import { setTimeout as delay } from 'node:timers/promises';
import { countInWords, durationInWords } from '../../core/run/in-words.ts';
import { DemoStuckError } from '../no-run-error.ts';
import type { CrmClient } from './crm-client.ts';

const LOOK_MS = 50;

interface Awaited {
  readonly calls: number;
  readonly stuckAfterMs: number;
  /** What the application's connections wait for, asked when no call has begun for so long. */
  readonly why: () => Promise<string>;
  readonly signal: AbortSignal;
}

/**
 * Returns when so many more calls have been begun.
 *
 * @throws {DemoStuckError} when none has for `stuckAfterMs`: a client whose connections all wait begins no more than it can queue.
 */
export async function awaitCalls(crm: Pick<CrmClient, 'begun'>, { calls, stuckAfterMs, why, signal }: Awaited): Promise<void> {
  let last = crm.begun();
  const until = last + calls;
  for (let since = performance.now(); last < until; ) {
    await delay(LOOK_MS, undefined, { signal });
    const begun = crm.begun();
    if (begun > last) since = performance.now();
    last = begun;
    if (performance.now() - since > stuckAfterMs) throw new DemoStuckError(stuckSentence(stuckAfterMs, until - last, await why()));
  }
}

export function stuckSentence(ms: number, missing: number, why: string): string {
  return `the application of the demo has come to a stop: ${countInWords(missing)} calls of it have not ended or begun for ${durationInWords(ms)}; ${why}; run the demo again`;
}
