/** Calls that are due at once after the process could do nothing for a while; the rest of them never come. */
const MOST_AT_ONCE = 10;

/** Begins a call so many times a second, whether the last one has ended or not, until `stop`. */
export function startPace(perSecond: number, begin: () => void): { stop(): void } {
  const everyMs = 1_000 / perSecond;
  let due = performance.now();
  const timer = setInterval(
    () => {
      const now = performance.now();
      due = Math.max(due, now - MOST_AT_ONCE * everyMs);
      for (; due <= now; due += everyMs) begin();
    },
    Math.max(1, everyMs),
  );
  return { stop: () => clearInterval(timer) };
}
