import type { VirtualClock } from '../../local/virtual-clock.ts';

/** Real time that a skipped wait still takes. */
const WAIT_MS = 250;

/**
 * Lets time jump over a wait four times a second only, until the returned function is called.
 *
 * A lock that somebody else holds is let go in real time: retries whose waits take none would all meet the same transaction.
 */
export function paceClock(clock: Pick<VirtualClock, 'hold'>): () => void {
  let letGo = clock.hold();
  let isOver = false;
  const timer = setInterval(() => {
    letGo();
    // The jump comes a turn later, and whoever it wakes holds the clock first.
    setImmediate(() =>
      setImmediate(() => {
        if (!isOver) letGo = clock.hold();
      }),
    );
  }, WAIT_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
    letGo();
  };
}
