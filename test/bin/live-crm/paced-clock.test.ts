import { expect, test } from 'vitest';
import { paceClock } from '../../../bin/live-crm/paced-clock.ts';

/** Keeps the process from its timers, as work does on a machine that is overloaded. */
function blockFor(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

test('a pace holds the clock once, and not at all when it is over, also where the process is too busy for its timers', async () => {
  let holds = 0;
  let most = 0;
  const clock = {
    hold() {
      holds += 1;
      most = Math.max(most, holds);
      let isHeld = true;
      return () => {
        if (isHeld) holds -= 1;
        isHeld = false;
      };
    },
  };
  const end = paceClock(clock);
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    // Two turns that are too long, and the timer comes twice before what it has put off.
    if (turn % 5 < 2) blockFor(260);
  }
  end();
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect({ most, holds }).toEqual({ most: 1, holds: 0 });
});
