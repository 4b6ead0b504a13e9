import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextBatchRows } from '../../../core/run/batch-size.ts';
import { rangeEnd } from '../../../core/run/block-ranges.ts';

test.each([
  { name: 'doubles at most', last: { rows: 1000, elapsedMs: 1 }, rows: 2000 },
  { name: 'halves at most', last: { rows: 1000, elapsedMs: 60_000 }, rows: 500 },
  { name: 'aims at the time', last: { rows: 1000, elapsedMs: 1600 }, rows: 1250 },
  { name: 'never goes below one row', last: { rows: 1, elapsedMs: 60_000 }, rows: 1 },
  { name: 'never goes above half a million', last: { rows: 400_000, elapsedMs: 0 }, rows: 500_000 },
])('the next batch $name', ({ last, rows }) => {
  expect(nextBatchRows(last, 2000)).toBe(rows);
});

test('ranges of blocks follow each other to the table’s end, however far it has grown', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.integer({ min: 0, max: 50_000 }), (blocks, growth) => {
      let nextBlock = 0;
      for (let calls = 0; ; calls += 1) {
        const end = rangeEnd({ nextBlock, blocks: blocks + (calls > 0 ? growth : 0) });
        if (end === null) break;
        expect(end).toBe(nextBlock + 20_000);
        nextBlock = end;
      }
      expect(nextBlock + 20_000).toBeGreaterThanOrEqual(blocks);
    }),
  );
});
