import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { databaseChoice, dataFolderOf } from '../../bin/database-choice.ts';
import { placeOf } from '../../bin/run-place.ts';
import { newRunId } from '../../bin/run-plan.ts';
import { runExitCode, runSummary } from '../../bin/run-summary.ts';
import { RunId } from '../../core/ids.ts';
import type { Mode } from '../../core/run/mode.ts';
import type { Outcome } from '../../core/run/outcome.ts';
import { buildReport } from '../../core/run/report.ts';
import { commandAt } from '../../core/run/run-place.ts';
import { leftBehind, migrated, rolledBack } from '../core/run/journal-example.ts';

const PLACE = placeOf({ folder: resolve('.stepgate/demo'), plansFolder: 'migrations' });

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
  const lines = runSummary({ id: RunId.parse('r-1'), end, report: buildReport(migrated, PLACE), page: 'runs/r-1/report.md', wallMs: 4_200 }, PLACE);
  expect(lines).toContain('migrated: shop is migrated');
  expect(lines).toContain('  customers  public.customers  45,230 rows  2.0 s  22,615 rows/s  0 differences');
  expect(lines).toContain('  phases          schema 250 ms, copy 250 ms');
  expect(lines).toContain("  took            4.2 s; 3 min 05 s by the workflow's clock, waits included");
  expect(lines).toContain('  report          runs/r-1/report.md');
  expect(lines.join('\n')).toContain('npx stepgate rollback shop --data .stepgate/demo');
});

test('the summary of a rollback counts what was kept by table, conflicts by column, and what was not carried back by column', () => {
  const end = { outcome: 'rolled-back', status: 'FAILED', sentence: 'shop is rolled back' } as const;
  const report = buildReport([...rolledBack, leftBehind], PLACE);
  const lines = runSummary({ id: RunId.parse('r-1'), end, report, page: 'runs/r-1/report.md', wallMs: 4_200 }, PLACE);
  expect(lines).toContain('  rows kept       2 that others may have written, in stepgate_archive.row: public.customers 2');
  expect(lines).toContain('  conflicts       3 of columns that both sides changed, where the later change is in force: public.customers.email 3');
  expect(lines).toContain(
    '  not carried     17 rows with what the old side has no place for: public.customers.priority 14, new rows of public.customers 2, deletions in public.customers 1',
  );
});

test('a run id says plan, mode and time', () => {
  const now = new Date('2026-11-29T02:03:04.567Z');
  expect(newRunId('shop', 'dry-run', now)).toMatch(/^shop-dry-run-20261129T020304-[0-9a-f]{4}$/);
});

const URL_WITH_PASSWORD = 'postgres://me:s3cret@db.example:5432/crm?sslmode=no-verify&application_name=x';
const database = (more: object) => databaseChoice({ databaseUrl: URL_WITH_PASSWORD, ...more });
const url = "--database-url 'postgres://me@db.example:5432/crm?sslmode=no-verify&application_name=x'";
const plain = { folder: resolve('.stepgate'), plansFolder: 'migrations' };

test.each([
  { name: 'the default engine', shell: plain, shown: 'npx stepgate execute shop' },
  {
    name: 'another folder and other plans',
    shell: { folder: '/a b', plansFolder: '../plans' },
    shown: "npx stepgate execute shop --data '/a b' --plans ../plans",
  },
  {
    name: 'a stack',
    shell: { ...plain, stack: { name: 'Crm', region: 'eu-west-1' } },
    shown: 'npx stepgate execute shop --stack Crm --region eu-west-1',
  },
  {
    name: 'a database of one’s own, without its password',
    shell: { ...plain, database: database({ snapshot: false }), folder: dataFolderOf('.stepgate', database({})) },
    shown: `npx stepgate execute shop ${url} --no-snapshot`,
  },
  {
    name: 'a snapshot by command',
    shell: { folder: '/d', plansFolder: 'migrations', database: database({ snapshotCommand: "dump 'x'", restoreCommand: 'back' }) },
    shown: `npx stepgate execute shop ${url} --data /d --snapshot-command 'dump '\\''x'\\''' --restore-command back`,
  },
])('a command for $name is one that can be pasted', ({ shell, shown }) => {
  expect(commandAt(placeOf(shell), 'npx stepgate execute shop')).toBe(shown);
});

test.each([
  { command: 'npx stepgate check --all', shown: 'npx stepgate check --all --plans p' },
  {
    command: 'npx stepgate rollback shop --accept 0123456789ab',
    shown: 'npx stepgate rollback shop --accept 0123456789ab --stack Crm --plans p',
  },
  { command: 'npx stepgate status shop', shown: 'npx stepgate status shop --stack Crm' },
  { command: 'aws rds x', shown: 'aws rds x' },
])('"$command" takes what its verb takes', ({ command, shown }) => {
  expect(commandAt(placeOf({ ...plain, plansFolder: 'p', stack: { name: 'Crm' } }), command)).toBe(shown);
});
