import fc from 'fast-check';
import { expect, test } from 'vitest';
import { virtualClock } from '../../local/virtual-clock.ts';

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;

async function sleeper(clock: ReturnType<typeof virtualClock>, ms: number): Promise<number> {
  const release = clock.hold();
  await clock.waitUntil(new Date(clock.now().getTime() + ms), never);
  const at = clock.now().getTime();
  release();
  return at;
}

test('any set of waits passes at once, and concurrent waits do not add up', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 1000 * HOUR_MS }), { minLength: 1, maxLength: 20 }), async (waits) => {
      const clock = virtualClock();
      const begin = clock.now().getTime();
      const realBegin = performance.now();
      const ends = await Promise.all(waits.map((ms) => sleeper(clock, ms)));
      const realMs = performance.now() - realBegin;
      expect(realMs).toBeLessThan(1000);
      for (const [index, ms] of waits.entries()) expect(ends[index]).toBeGreaterThanOrEqual(begin + ms);
      expect(clock.now().getTime() - begin).toBeLessThanOrEqual(Math.max(...waits) + realMs + 50);
    }),
    { numRuns: 50 },
  );
});

test('time is real while somebody holds the clock', async () => {
  const clock = virtualClock();
  const release = clock.hold();
  let woke = false;
  const sleep = sleeper(clock, HOUR_MS).then(() => {
    woke = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(woke).toBe(false);
  release();
  await sleep;
});

test('a timer fires in real time while the clock is held', async () => {
  const clock = virtualClock();
  const release = clock.hold();
  const begin = performance.now();
  await new Promise<void>((resolve) => clock.timer(new Date(clock.now().getTime() + 40), resolve));
  expect(performance.now() - begin).toBeGreaterThanOrEqual(35);
  release();
});

test('a timer never makes time jump by itself, but a jump past it fires it first', async () => {
  const clock = virtualClock();
  const begin = clock.now().getTime();
  const fired: string[] = [];
  clock.timer(new Date(begin + HOUR_MS), () => fired.push('timer'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(clock.now().getTime() - begin).toBeLessThan(HOUR_MS);
  await sleeper(clock, 2 * HOUR_MS).then(() => fired.push('sleeper'));
  expect(fired).toEqual(['timer', 'sleeper']);
});

test('a wait ends early when its signal aborts, with the hold taken back', async () => {
  const clock = virtualClock();
  const other = clock.hold();
  const release = clock.hold();
  const controller = new AbortController();
  const wait = clock.waitUntil(new Date(clock.now().getTime() + HOUR_MS), controller.signal);
  controller.abort();
  await wait;
  const before = clock.now().getTime();
  other();
  const jump = sleeper(clock, HOUR_MS);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(clock.now().getTime() - before).toBeLessThan(HOUR_MS);
  release();
  await jump;
});

test('a jump is told, so that a later clock can start where this one was', async () => {
  const told: number[] = [];
  const clock = virtualClock({ onJump: (aheadMs) => told.push(aheadMs) });
  await sleeper(clock, HOUR_MS);
  const later = virtualClock({ aheadMs: told.at(-1) ?? 0 });
  expect(Math.abs(later.now().getTime() - clock.now().getTime())).toBeLessThan(50);
});
