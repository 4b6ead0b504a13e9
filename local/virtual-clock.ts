import type { Clock } from './clock.ts';

/** A clock that runs in real time while anybody holds it, and else jumps to the next moment that somebody waits for. */
export interface VirtualClock extends Clock {
  /** Keeps time real until the returned function is called; calling that twice does nothing. */
  hold(): () => void;
  /** Fires when virtual time reaches `at`. By itself it never makes time jump. The returned function cancels it. */
  timer(at: Date, fire: () => void): () => void;
  /**
   * Gives up one hold of the caller, so that time may jump to `at`, and takes it back before it resolves.
   *
   * Resolves early when `signal` aborts.
   */
  waitUntil(at: Date, signal: AbortSignal): Promise<void>;
  /** Cancels all timers. */
  stop(): void;
}

interface Timer {
  readonly at: number;
  readonly jumps: boolean;
  readonly fire: () => void;
}

/** The longest delay that setTimeout takes; a timer further away is looked at again after it. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Makes a clock that is `aheadMs` ahead of real time.
 *
 * Concurrent waits do not add up: a jump goes to the earliest moment, and timers on the way fire in order.
 */
export function virtualClock(options: { readonly aheadMs?: number; readonly onJump?: (aheadMs: number) => void } = {}): VirtualClock {
  const queue = timerQueue(options.aheadMs ?? 0, options.onJump ?? (() => {}));
  return {
    now: () => new Date(queue.now()),
    hold() {
      queue.holdBy(1);
      let held = true;
      return () => {
        if (held) queue.holdBy(-1);
        held = false;
      };
    },
    timer: (at, fire) => queue.add({ at: at.getTime(), jumps: false, fire }),
    waitUntil: (at, signal) =>
      new Promise((resolve) => {
        const done = () => {
          queue.holdBy(1);
          signal.removeEventListener('abort', done);
          cancel();
          resolve();
        };
        const cancel = queue.add({ at: at.getTime(), jumps: true, fire: done });
        signal.addEventListener('abort', done);
        queue.holdBy(-1);
        if (signal.aborted) done();
      }),
    stop: queue.clear,
  };
}

function timerQueue(aheadAtStartMs: number, onJump: (aheadMs: number) => void) {
  const timers = new Set<Timer>();
  let aheadMs = aheadAtStartMs;
  let holds = 0;
  let cancelNext = () => {};
  const now = () => Date.now() + aheadMs;
  const earliest = () =>
    [...timers].reduce<Timer | undefined>((first, timer) => (first === undefined || timer.at < first.at ? timer : first), undefined);

  function arm(): void {
    cancelNext();
    const next = earliest();
    if (next === undefined) {
      cancelNext = () => {};
    } else if (holds === 0 && [...timers].some((timer) => timer.jumps)) {
      // A turn later, so that work that was just let go may hold the clock again first.
      const immediate = setImmediate(() => fire(true));
      cancelNext = () => clearImmediate(immediate);
    } else {
      const timeout = setTimeout(() => fire(false), Math.min(Math.max(next.at - now(), 0), MAX_DELAY_MS));
      cancelNext = () => clearTimeout(timeout);
    }
  }

  /** One timer at a time: what fires may hold the clock, which ends a jump. */
  function fire(jump: boolean): void {
    const next = earliest();
    if (jump && next !== undefined && next.at > now()) {
      aheadMs += next.at - now();
      onJump(aheadMs);
    }
    if (next !== undefined && next.at <= now()) {
      timers.delete(next);
      next.fire();
    }
    arm();
  }

  return {
    now,
    holdBy(count: 1 | -1) {
      holds += count;
      arm();
    },
    add(timer: Timer): () => void {
      timers.add(timer);
      arm();
      return () => {
        if (timers.delete(timer)) arm();
      };
    },
    clear() {
      timers.clear();
      arm();
    },
  };
}
