import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { commandFor } from '../../bin/data-folder.ts';
import { newRunId } from '../../bin/run-plan.ts';
import { runExitCode, runSummary } from '../../bin/run-summary.ts';
import { RunId } from '../../core/ids.ts';
import type { Mode } from '../../core/run/mode.ts';
import type { Outcome } from '../../core/run/outcome.ts';
import { buildReport } from '../../core/run/report.ts';
import { migrated } from '../core/run/journal-example.ts';

test.each<{ outcome: Outcome | null; status?: string; mode: Mode; code: number }>([
  { outcome: 'passed', mode: 'dry-run', code: 0 },
  { outcome: 'migrated', mode: 'execute', code: 0 },
  { outcome: 'refused', mode: 'verify', code: 2 },
  { outcome: 'rolled-back', mode: 'execute', code: 3 },
  { outcome: 'rolled-back', mode: 'rollback', code: 0 },
  { outcome: 'halted', mode: 'rollback', code: 5 },
  { outcome: null, status: 'ABORTED', mode: 'execute', code: 130 },
  { outcome: null, status: 'TIMED_OUT', mode: 'execute', code: 5 },
])('$mode that ends $outcome $status exits with $code', ({ outcome, status = 'FAILED', mode, code }) => {
  expect(runExitCode({ outcome, status, sentence: '' }, mode)).toBe(code);
});

test('the summary names outcome, counts, times, report and what to try next', () => {
  const end = { outcome: 'migrated', status: 'SUCCEEDED', sentence: 'shop is migrated' } as const;
  const lines = runSummary({ id: RunId.parse('r-1'), end, report: buildReport(migrated), page: 'runs/r-1/report.md', wallMs: 4_200 }, (command) =>
    commandFor(resolve('.stepgate/demo'), command),
  );
  expect(lines).toContain('migrated: shop is migrated');
  expect(lines).toContain('  customers  public.customers  45,230 rows  2.0 s  22,615 rows/s  0 differences');
  expect(lines).toContain('  phases          schema 250 ms, copy 250 ms');
  expect(lines).toContain('  took            4.2 s');
  expect(lines).toContain('  report          runs/r-1/report.md');
  expect(lines.join('\n')).toContain('npx stepgate rollback shop --data .stepgate/demo');
});

test.each([
  { folder: '.stepgate', command: 'npx stepgate verify shop', shown: 'npx stepgate verify shop' },
  { folder: '.stepgate/demo', command: 'npx stepgate verify shop', shown: 'npx stepgate verify shop --data .stepgate/demo' },
  { folder: '/elsewhere', command: 'npx stepgate verify shop', shown: 'npx stepgate verify shop --data /elsewhere' },
  { folder: '/elsewhere', command: 'aws rds x', shown: 'aws rds x' },
])('for data in $folder, "$command" is shown as "$shown"', ({ folder, command, shown }) => {
  expect(commandFor(resolve(folder), command)).toBe(shown);
});

test('a run id says plan, mode and time', () => {
  const now = new Date('2026-11-29T02:03:04.567Z');
  expect(newRunId('shop', 'dry-run', now)).toMatch(/^shop-dry-run-20261129T020304-[0-9a-f]{4}$/);
});
