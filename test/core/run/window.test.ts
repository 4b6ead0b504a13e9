import { expect, test } from 'vitest';
import { WindowClosedError } from '../../../core/errors.ts';
import { allowanceMs, deadlineOf, refuseLateStart, timeNeeded } from '../../../core/run/window.ts';

const NOW = new Date('2026-11-29T02:00:00.000Z');
const inMinutes = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);
const MINUTE = 60_000;

test('the rest is the rows that are left and a comparison of all, as fast as rows went; the undo takes as long as what it undoes', () => {
  expect(timeNeeded({ doneMs: 4_000, movedRows: 1_000, movingMs: 2_000, sourceRows: 3_000 })).toEqual({ restMs: 10_000, undoMs: 4_000 });
});

test('a planner that knows of fewer rows than have gone makes nothing negative; without a row nothing is measured', () => {
  expect(timeNeeded({ doneMs: 0, movedRows: 1_000, movingMs: 2_000, sourceRows: 10 })).toEqual({ restMs: 2_000, undoMs: 0 });
  expect(timeNeeded({ doneMs: 7, movedRows: 0, movingMs: 0, sourceRows: 10 })).toEqual({ restMs: 0, undoMs: 7 });
});

test('a visit may work for as long as the window still holds the rest and its undo', () => {
  expect(allowanceMs(inMinutes(10), NOW, { restMs: 4 * MINUTE, undoMs: 2 * MINUTE })).toBe(4 * MINUTE);
});

test.each([
  { left: 5, said: 'the window ends at 2026-11-29T02:05:00.000Z, in 5 min 00 s; the rest is estimated at 4 min 00 s and its undo at 2 min 00 s' },
  { left: 6, said: 'in 6 min 00 s' },
  { left: 0, said: 'the window ended at 2026-11-29T02:00:00.000Z; nothing more is begun' },
])('with $left minutes left for six of work nothing more is begun', ({ left, said }) => {
  const look = () => allowanceMs(inMinutes(left), NOW, { restMs: 4 * MINUTE, undoMs: 2 * MINUTE });
  expect(look).toThrow(WindowClosedError);
  expect(look).toThrow(said);
});

test('a window counts from when the run was to start; a plan without one has no end', () => {
  expect(deadlineOf(90, NOW)).toEqual(inMinutes(90));
  expect(deadlineOf(null, NOW)).toBeNull();
});

test('a start that comes more than ten minutes late is refused, one by hand never', () => {
  expect(refuseLateStart(NOW, inMinutes(10))).toBeNull();
  expect(refuseLateStart(NOW, inMinutes(11))).toBe('the run was to start at 2026-11-29T02:00:00.000Z and starts 11 min 00 s late; schedule it again');
  expect(refuseLateStart(null, NOW)).toBeNull();
});
