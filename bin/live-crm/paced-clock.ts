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
  let isHeld = true;
  let isOver = false;
  const timer = setInterval(() => {
    letGo();
    isHeld = false;
    // The jump comes a turn later, and whoever it wakes holds the clock first. A busy process may come here twice before that: of two holds one
    // would be let go by nobody, and time would never jump again.
    setImmediate(() =>
      setImmediate(() => {
        if (isOver || isHeld) return;
        letGo = clock.hold();
        isHeld = true;
      }),
    );
  }, WAIT_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
    letGo();
  };
}
