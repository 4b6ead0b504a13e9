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
  { name: 'leaves out how long its end was looked for', last: { rows: 1000, elapsedMs: 2000, boundaryMs: 1900 }, rows: 1000 },
  { name: 'is smaller where its end is hard to find', last: { rows: 1000, elapsedMs: 1, boundaryMs: 6250 }, rows: 800 },
  { name: 'takes half as long where somebody waited for the last', last: { rows: 1000, elapsedMs: 1600, waiting: 1 }, rows: 625 },
  { name: 'does not grow while somebody waits', last: { rows: 1000, elapsedMs: 1, waiting: 1 }, rows: 1000 },
])('the next batch $name', ({ last, rows }) => {
  expect(nextBatchRows({ boundaryMs: 0, waiting: 0, ...last }, 2000)).toBe(rows);
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
