import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod';
import type { JournalEntry } from '../../../core/run/journal.ts';
import { buildReport, Report } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import * as example from './journal-example.ts';

const { runEntry, lock, preflight, assess, snapshot, before, gates, phase, comparison, after, end } = example;

const refusedFinding = { name: 'free-names', status: 'fail', found: 'customers is there', advice: 'drop it', source: 'select 1' };
const refusedPreflight = { kind: 'preflight', engineVersion: '17.10', databaseBytes: 1, findings: [refusedFinding] };

test.each<{ name: string; entries: readonly JournalEntry[]; stages: string }>([
  { name: 'nothing at all', entries: [], stages: 'RUNNING PENDING PENDING PENDING PENDING SKIPPED' },
  { name: 'an input that was refused', entries: [end('refused')], stages: 'FAILED SKIPPED SKIPPED SKIPPED SKIPPED SKIPPED' },
  {
    name: 'a run that was killed in its phases',
    entries: [runEntry('execute'), lock, ...gates, phase('schema')],
    stages: 'PASSED PASSED PASSED RUNNING PENDING PENDING',
  },
  {
    name: 'a pre-flight that says no',
    entries: [runEntry('execute'), lock, example.entry(refusedPreflight), end('refused')],
    stages: 'FAILED SKIPPED SKIPPED SKIPPED SKIPPED SKIPPED',
  },
  {
    name: 'a snapshot that failed',
    entries: [runEntry('execute'), lock, preflight, assess, end('refused')],
    stages: 'PASSED SKIPPED FAILED SKIPPED SKIPPED SKIPPED',
  },
  {
    name: 'a dry-run that passed',
    entries: [runEntry('dry-run'), preflight, assess, before, end('passed')],
    stages: 'PASSED PASSED SKIPPED SKIPPED SKIPPED SKIPPED',
  },
  {
    name: 'a backup',
    entries: [runEntry('backup'), preflight, assess, snapshot, end('passed')],
    stages: 'PASSED PASSED PASSED SKIPPED SKIPPED SKIPPED',
  },
  { name: 'a migration', entries: example.migrated, stages: 'PASSED PASSED PASSED PASSED PASSED PENDING' },
  { name: 'a migration of before', entries: [runEntry('execute'), lock, end('migrated')], stages: 'SKIPPED SKIPPED SKIPPED SKIPPED SKIPPED PENDING' },
  {
    name: 'a phase that failed',
    entries: [runEntry('execute'), lock, ...gates, phase('schema'), phase('schema', 'undo'), example.undoVerified(true), end('rolled-back')],
    stages: 'PASSED PASSED PASSED FAILED SKIPPED PASSED',
  },
  { name: 'a difference that was found', entries: example.rolledBack, stages: 'PASSED PASSED PASSED PASSED FAILED PASSED' },
  {
    name: 'a way back that stopped',
    entries: [runEntry('execute'), lock, ...gates, phase('schema'), end('halted')],
    stages: 'PASSED PASSED PASSED FAILED SKIPPED FAILED',
  },
  {
    name: 'a verify without differences',
    entries: [runEntry('verify'), preflight, comparison(0), after, end('passed')],
    stages: 'PASSED SKIPPED SKIPPED SKIPPED PASSED SKIPPED',
  },
  {
    name: 'a verify with differences',
    entries: [runEntry('verify'), preflight, comparison(2), end('refused')],
    stages: 'PASSED SKIPPED SKIPPED SKIPPED FAILED SKIPPED',
  },
  {
    name: 'a rollback',
    entries: [runEntry('rollback'), lock, preflight, phase('schema', 'undo'), example.undoVerified(true), end('rolled-back')],
    stages: 'PASSED SKIPPED SKIPPED PASSED PASSED SKIPPED',
  },
  {
    name: 'a rollback that is not as before',
    entries: [runEntry('rollback'), lock, preflight, phase('schema', 'undo'), example.undoVerified(false), end('halted')],
    stages: 'PASSED SKIPPED SKIPPED PASSED FAILED SKIPPED',
  },
])('the six lines tell $name', ({ entries, stages }) => {
  const report = buildReport(entries);
  expect(report.stages.map((line) => line.stage)).toEqual(['pre-flight', 'validation', 'backup', 'executed', 'post-validation', 'cleanup']);
  expect(report.stages.map((line) => line.status).join(' ')).toBe(stages);
});

test('a report adds up what the entries say', () => {
  const report = buildReport(example.rolledBack);
  expect(report.run).toMatchObject({ id: 'shop-execute-1', mode: 'execute', durationMs: 185_000 });
  expect(report.outcome).toMatchObject({ outcome: 'rolled-back', exitCode: 3, failure: { sentence: '1 row differs' } });
  expect(report.totals).toEqual({ checks: { pass: 3, fail: 0, warn: 0, info: 0 }, rowsMoved: 45_230, differences: 1 });
  expect(report.transfers[0]).toMatchObject({ rows: 45_230, batches: 3, rowsPerSecond: 22_615 });
  expect(report.archived).toEqual([{ phase: 'copy', transfer: 'customers', of: 'public.customers', table: 'stepgate_archive.customers', rows: 2 }]);
  expect(report.phases.map(({ phase: name, direction }) => `${name} ${direction}`)).toEqual(['schema up', 'copy up', 'copy undo', 'schema undo']);
  expect(report.notChecked).toEqual(['ask the shop']);
});

test('an asked-for rollback exits with 0', () => {
  expect(buildReport([runEntry('rollback'), end('rolled-back')]).outcome?.exitCode).toBe(0);
});

test.each<{ name: string; entries: readonly JournalEntry[]; commands: readonly string[] }>([
  { name: 'no plan', entries: [end('refused')], commands: ['npx stepgate check --all'] },
  { name: 'a dry-run', entries: [runEntry('dry-run'), end('passed')], commands: ['npx stepgate execute shop'] },
  { name: 'a migration', entries: example.migrated, commands: ['npx stepgate verify shop', 'npx stepgate rollback shop'] },
  {
    name: 'a refusal with a snapshot',
    entries: [runEntry('execute'), snapshot, end('refused')],
    commands: ['npx stepgate dry-run shop', 'aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier stepgate-shop-1'],
  },
  {
    name: 'a halt',
    entries: [runEntry('execute'), snapshot, end('halted')],
    commands: [
      'npx stepgate rollback shop',
      'npx stepgate execute shop',
      'aws rds restore-db-cluster-from-snapshot --snapshot-identifier stepgate-shop-1 --engine aurora-postgresql --db-cluster-identifier NEW-NAME',
    ],
  },
  { name: 'no outcome', entries: [runEntry('execute')], commands: ['npx stepgate execute shop', 'npx stepgate rollback shop'] },
])('after $name the report says what to do', ({ entries, commands }) => {
  expect(buildReport(entries).next.map((next) => next.command)).toEqual(commands);
});

test('the JSON Schema in the project is that of the report; write it with "stepgate report --schema"', () => {
  const written: unknown = JSON.parse(readFileSync(new URL('../../../core/run/report.schema.json', import.meta.url), 'utf8'));
  expect(written).toEqual(z.toJSONSchema(Report));
});

test('a run that died names the execution that settled it, and one that nobody could settle says so', () => {
  const recovery = { kind: 'recovery', number: 1, by: 'recover-shop-execute-1-1', executionArn: 'arn', because: 'it was stopped' };
  const begun = example.entry({ ...recovery, status: 'begun' });
  expect(buildReport([runEntry('execute'), begun, end('rolled-back')]).recoveries).toMatchObject([{ status: 'begun', by: recovery.by }]);
  expect(renderReport(buildReport([runEntry('execute'), begun, end('rolled-back')]))).toContain(
    'recovered by | recover-shop-execute-1-1: it was stopped',
  );
  const given = example.entry({ ...recovery, status: 'given-up', number: 3 });
  expect(renderReport(buildReport([runEntry('execute'), begun, given]))).toContain('not recovered by | recover-shop-execute-1-1');
});
