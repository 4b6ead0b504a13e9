import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meetsQuality, percent } from '../../../core/run/quality.ts';

const NINETY_NINE = { numerator: 99, denominator: 100 };

test.each([
  { valid: 98_996n, total: 100_000n, meets: false },
  { valid: 98_999_999_999n, total: 100_000_000_000n, meets: false },
  { valid: 99n, total: 100n, meets: true },
  { valid: 0n, total: 0n, meets: true },
  { valid: 0n, total: 1n, meets: false },
])('$valid of $total rows meet 99 %: $meets', ({ valid, total, meets }) => {
  expect(meetsQuality({ valid, total }, NINETY_NINE)).toBe(meets);
});

test('what is shown never passes what was refused', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.bigInt({ min: 1n, max: 10n ** 12n }), (valid, rest) => {
      const rows = { valid, total: valid + rest };
      if (!meetsQuality(rows, NINETY_NINE)) expect(Number.parseFloat(percent(rows))).toBeLessThan(99);
    }),
  );
});
