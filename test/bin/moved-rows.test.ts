import { expect, test } from 'vitest';
import type { Query } from '../../adapters/sql-session.ts';
import { movedLine, rowsInHand, rowWatch } from '../../bin/moved-rows.ts';
import { remainingMs } from '../../bin/remaining-time.ts';
import { PlanId } from '../../core/ids.ts';
import * as example from '../core/run/journal-example.ts';

const at = (seconds: number, rows: number) => ({ atMs: seconds * 1000, rows });

test.each([
  { name: 'one measurement', seen: [at(0, 0), at(1, 100)], nowMs: 1000, left: null },
  { name: 'two that agree', seen: [at(0, 0), at(1, 100), at(2, 190)], nowMs: 2000, left: 8526 },
  { name: 'two that do not', seen: [at(0, 0), at(1, 100), at(2, 150)], nowMs: 2000, left: null },
  { name: 'a rate that settled', seen: [at(0, 0), at(1, 500), at(2, 600), at(3, 700)], nowMs: 3000, left: 3000 },
  { name: 'rows that stopped coming', seen: [at(0, 0), at(1, 100), at(2, 190)], nowMs: 6001, left: null },
  { name: 'more rows than were counted', seen: [at(0, 0), at(1, 600), at(2, 1200)], nowMs: 2000, left: null },
])('the remaining time after $name is $left ms', ({ seen, nowMs, left }) => {
  const remaining = remainingMs(seen, { total: 1000, nowMs });
  expect(remaining === null ? null : Math.round(remaining)).toBe(left);
});

const customers = { transfer: 'customers', direction: 'up', rows: 31_000, done: false } as const;

test.each([
  { name: 'what was counted', rows: { ...customers, total: 45_230, isEstimated: false }, line: 'customers: 31,000 of 45,230 rows (68 %)' },
  { name: 'what was estimated', rows: { ...customers, total: 45_230, isEstimated: true }, line: 'customers: 31,000 of about 45,230 rows (68 %)' },
  { name: 'no total', rows: { ...customers, total: null, isEstimated: false }, line: 'customers: 31,000 rows' },
  {
    name: 'what it waits for',
    rows: { ...customers, total: null, isEstimated: false, pausing: '9 sessions at work, more than 8' },
    line: 'customers: 31,000 rows, pausing: 9 sessions at work, more than 8',
  },
  { name: 'a total that was too low', rows: { ...customers, total: 30_000, isEstimated: true }, line: 'customers: 31,000 rows' },
])('moved rows are told against $name', ({ rows, line }) => {
  expect(movedLine(rows, [at(0, 31_000)], 0)).toBe(line);
});

test('rate and remaining time are told when they are measured', () => {
  const seen = [at(0, 0), at(10, 10_000), at(20, 20_000)];
  const rows = { ...customers, rows: 20_000, total: 100_000, isEstimated: false };
  expect(movedLine(rows, seen, 20_000)).toBe('customers: 20,000 of 100,000 rows (20 %), 1,000 rows/s, about 1 min 20 s left');
});

test('an undo is held against the rows that were copied', () => {
  const rows = [{ ...customers, done: true }, { ...customers, direction: 'undo', rows: 1_000 } as const];
  const found = rowsInHand(rows, { moving: { phase: 'copy', direction: 'undo' }, transfers: [], journal: [example.assess] });
  expect(found).toMatchObject({ rows: 1_000, total: 31_000 });
});

test('a database that may not be asked is asked once, and the reason is told', async () => {
  const told: string[] = [];
  let asked = 0;
  const query: Query = async () => {
    asked += 1;
    throw new Error('AccessDeniedException: not you');
  };
  const watch = rowWatch(
    { query },
    { plan: PlanId.parse('shop'), transfers: [], everyMs: 1000, readJournal: async () => [], onRefused: (reason) => told.push(reason) },
  );
  const moving = { phase: 'copy', direction: 'up' } as const;
  expect([await watch.look(moving, 0), await watch.look(moving, 5_000)]).toEqual([null, null]);
  expect({ asked, told }).toEqual({ asked: 1, told: ['AccessDeniedException: not you'] });
});
