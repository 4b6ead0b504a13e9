import { expect, test } from 'vitest';
import { progressTeller, type RunEvent } from '../../bin/progress.ts';
import * as example from '../core/run/journal-example.ts';

const entered = (state: string): RunEvent => ({ kind: 'entered', state });
const exited = (state: string, output: unknown = {}): RunEvent => ({ kind: 'exited', state, output });

test('a step is told when it begins, and what it found when it ends', () => {
  const progress = progressTeller([]);
  expect(progress.tell(entered('Preflight'), [])).toEqual(['pre-flight: cluster and database']);
  expect(progress.tell(exited('Preflight'), [example.preflight])).toEqual(['  1 check, 0 failed; PostgreSQL 17.10, 35.0 MB']);
});

test('states that only decide or wait are silent, and a loop is told once', () => {
  const progress = progressTeller([]);
  const events = ['AwaitSnapshot', 'IsSnapshotReady', 'WaitForSnapshot', 'AwaitSnapshot'].map(entered);
  expect(events.flatMap((event) => progress.tell(event, []))).toEqual(['snapshot']);
});

test('a phase is named by NextStep and told with its rows and rate', () => {
  const progress = progressTeller(['customers']);
  progress.tell(exited('NextStep', { kind: 'transfer', phase: 'copy' }), []);
  expect(progress.tell(entered('RunBackfill'), [])).toEqual(['phase copy']);
  expect(progress.tell(exited('RunBackfill'), [example.transfer()])).toEqual(['  customers: 45,230 rows copied in 3 batches, 2.0 s (22,615 rows/s)']);
});

test('a failure that a retry meets again is told once, and again by the next step', () => {
  const progress = progressTeller([]);
  const failed: RunEvent = { kind: 'failed', sentence: 'the database is away' };
  progress.tell(entered('CloseRun'), []);
  expect([failed, failed].flatMap((event) => progress.tell(event, []))).toEqual(['  failed: the database is away']);
  progress.tell(entered('WriteReport'), []);
  expect(progress.tell(failed, [])).toEqual(['  failed: the database is away']);
});

test('an undo tells what it kept', () => {
  const progress = progressTeller(['customers']);
  progress.tell(exited('DecideRecovery', { kind: 'undo', phase: 'copy' }), []);
  expect(progress.tell(entered('UndoPhase'), [])).toEqual(['undoing phase copy']);
  const [line] = progress.tell(exited('UndoPhase'), [example.transfer('undo'), example.phase('copy', 'undo')]);
  expect(line).toMatch(/taken out .*; 2 rows that the plan did not make kept in stepgate_archive\.customers$/);
});

test('what the journal holds of other states, or was told before, is not told again', () => {
  const progress = progressTeller([]);
  const journal = [example.preflight, example.assess, example.before];
  expect(progress.tell(exited('Preflight'), journal)).toHaveLength(1);
  expect(progress.tell(exited('Preflight'), journal)).toEqual([]);
});

test('a warning that comes twice is told once', () => {
  const progress = progressTeller([]);
  const warning = example.check({ name: 'emails', severity: 'warn', status: 'warn', bad: 1, total: 4 });
  const checks = (stage: string) => example.entry({ kind: 'checks', stage, checks: [warning] });
  expect(progress.tell(exited('ValidateSource'), [checks('before')])).toContain('  WARN emails: 75.000 % of 4 rows are valid (before.sql:3)');
  expect(progress.tell(exited('VerifyTarget'), [checks('after')])).toEqual(['  1 check, 0 failed, 1 warning']);
});

test('a failure is told in its own words', () => {
  expect(progressTeller([]).tell({ kind: 'failed', sentence: 'CheckFailedError: 1 row differs' }, [])).toEqual([
    '  failed: CheckFailedError: 1 row differs',
  ]);
});
