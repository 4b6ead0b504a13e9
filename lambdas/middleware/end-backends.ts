import type { RunLock } from '../../adapters/run-lock.ts';
import { DatabaseBusyError } from '../../core/errors.ts';

/** 20 looks at half a second: a terminated backend is gone in milliseconds, one in a disk wait in seconds. */
const MOST_LOOKS = 20;
const LOOK_MS = 500;

/**
 * Ends what a dead run left at work in the server, and waits until it is gone; null is nobody.
 *
 * @throws {DatabaseBusyError} when it does not go.
 */
export async function endBackends(lock: RunLock, run: string | null, pause: (ms: number) => Promise<void>): Promise<void> {
  for (let look = 0; run !== null && (await lock.endBackends(run)) > 0; look += 1) {
    if (look === MOST_LOOKS) {
      throw new DatabaseBusyError(`backends of dead run ${run} do not end`);
    }
    await pause(LOOK_MS);
  }
}
