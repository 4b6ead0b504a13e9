import { setTimeout as delay } from 'node:timers/promises';

/** Whether some work ends in time; it goes on otherwise. Throws what the work throws in time. */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const cancel = new AbortController();
  const late = delay(ms, false, { signal: cancel.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    cancel.abort();
  }
}
