import { expect, test } from 'vitest';
import type { JournalEntry } from '../../../core/run/journal.ts';
import { buildReport } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import { PLAIN_PLACE, type RunPlace } from '../../../core/run/run-place.ts';
import { baseline, entry, gates, lock, phase, preflight, runEntry, snapshot } from './journal-example.ts';
import { unpadded } from './unpadded.ts';

const DIGEST_OF_BEFORE = '3'.repeat(32);
const meanwhile = { what: 'public.workspaces', before: `156 rows ${DIGEST_OF_BEFORE}`, after: `157 rows ${'4'.repeat(32)}` };
const differs = entry({
  kind: 'undo-verified',
  schemaEqual: true,
  tables: 6,
  rows: 200_000,
  differences: [{ what: 'public.contacts', before: `9 rows ${DIGEST_OF_BEFORE}`, after: `8 rows ${DIGEST_OF_BEFORE}` }],
  meanwhile: [meanwhile],
  acceptance: '0123456789ab',
});

/** Ends as the definition ends a run whose way back failed. */
function halted(error: string, first: string | null = null): JournalEntry {
  return entry({
    kind: 'outcome',
    outcome: 'halted',
    sentence: 'shop is halted',
    failure: first === null ? null : { error: first, sentence: 'the first error' },
    laterFailures: [{ error, sentence: 'what stopped the way back' }],
    endedAt: '2026-11-29T02:03:05.000Z',
  });
}

const BASE = { kind: 'lock', token: 4, takenOverFrom: null, planState: 'migrated', base: { run: 'shop-execute-1', snapshotId: 'stepgate-shop-1' } };
const rollback = [runEntry('rollback'), entry(BASE), preflight, phase('copy', 'undo'), phase('schema', 'undo')];
const execute = [runEntry('execute'), lock, ...gates, phase('schema')];

const RESTORE =
  'aws rds restore-db-cluster-from-snapshot --snapshot-identifier stepgate-shop-1 --engine aurora-postgresql --db-cluster-identifier NEW-NAME';

test.each([
  {
    name: 'whose database differs from before',
    entries: [...rollback, differs, halted('UndoFailedError')],
    commands: ['npx stepgate rollback shop', 'npx stepgate rollback shop --accept 0123456789ab', 'npx stepgate execute shop', RESTORE],
  },
  {
    name: 'whose undo has a statement that fails',
    entries: [...execute, halted('StatementFailedError', 'CheckFailedError')],
    commands: ['npx stepgate rollback shop', 'npx stepgate rollback shop --mended-undo', 'npx stepgate execute shop', RESTORE],
  },
  {
    name: 'at a phase without undo',
    entries: [...execute, halted('UndoFailedError', 'StatementFailedError')],
    commands: ['npx stepgate execute shop', RESTORE],
  },
  {
    name: 'by a lock that did not come',
    entries: [...execute, halted('DatabaseBusyError', 'CheckFailedError')],
    commands: ['npx stepgate rollback shop', 'npx stepgate execute shop', RESTORE],
  },
  { name: 'by a newer run', entries: [...execute, halted('StaleTokenError')], commands: ['npx stepgate status shop'] },
])('a run that is halted $name offers what can work, in this order', ({ entries, commands }) => {
  expect(buildReport(entries).next.map(({ command }) => command)).toEqual(commands);
});

test('what an operator accepts, and a corrected undo, can be started from the console', () => {
  const inputs = (error: string, ...more: readonly JournalEntry[]) =>
    buildReport([...rollback, ...more, halted(error)]).next.map(({ input }) => input);
  expect(inputs('UndoFailedError', differs)[1]).toBe('{"plan":"shop","mode":"rollback","accept":"0123456789ab"}');
  expect(inputs('StatementFailedError')[1]).toBe('{"plan":"shop","mode":"rollback","digest":"<digest of the corrected plan>"}');
});

test.each<{ name: string; place: RunPlace; restore: object }>([
  {
    name: 'in front of somebody’s server by the report of the run that took it',
    place: { ...PLAIN_PLACE, kind: 'external', options: '--database-url postgres://me@h:5432/crm' },
    restore: {
      what: expect.stringMatching(/the report of run shop-execute-1 names the command that restores snapshot stepgate-shop-1$/),
      command: 'npx stepgate report --run shop-execute-1 --database-url postgres://me@h:5432/crm',
    },
  },
  {
    name: 'in the local engine by a server on a copy of its folder',
    place: { ...PLAIN_PLACE, kind: 'embedded', snapshotFolder: '.stepgate/rds/snapshots' },
    restore: { command: expect.stringMatching(/^cp -a \.stepgate\/rds\/snapshots\/stepgate-shop-1\/data NEW-FOLDER && pg_ctl /) },
  },
])('a halted rollback names the snapshot of the run that it undoes, $name', ({ place, restore }) => {
  expect(buildReport([...rollback, halted('StatementFailedError')], place).next.at(-1)).toMatchObject(restore);
});

test('a halted run without any snapshot offers none', () => {
  const none = entry({ ...BASE, base: { run: 'shop-execute-1', snapshotId: null } });
  const report = buildReport([runEntry('rollback'), none, preflight, halted('UndoFailedError')]);
  expect(report.next.map(({ command }) => command)).toEqual(['npx stepgate execute shop']);
});

test('writes of others are told beside the proof, and are no difference', () => {
  const proven = entry({ kind: 'undo-verified', schemaEqual: true, tables: 6, rows: 200_000, differences: [], meanwhile: [meanwhile] });
  const end = entry({
    kind: 'outcome',
    outcome: 'rolled-back',
    sentence: 'shop is rolled back',
    failure: null,
    laterFailures: [],
    endedAt: '2026-11-29T02:03:05.000Z',
  });
  const report = buildReport([...rollback, baseline, proven, end]);
  const said = 'written meanwhile by others, and kept: public.workspaces: 156 rows before, 157 rows now';
  expect(report.stages.find(({ stage }) => stage === 'post-validation')).toEqual({
    stage: 'post-validation',
    status: 'PASSED',
    detail: `the rest of schema and 6 tables with 200,000 rows are as before, by digest; ${said}`,
  });
  expect(renderReport(report)).toContain(`PASS: schema equal, 6 tables with 200,000 rows held against the digests of before\n\n${said}.`);
});

test('the page says by what the differences are accepted', () => {
  const page = unpadded(renderReport(buildReport([...rollback, differs, halted('UndoFailedError')])));
  expect(page).toContain('As they are, these differences may be accepted as `0123456789ab`.');
  expect(page).toContain(`| public.contacts | 9 rows ${DIGEST_OF_BEFORE} | 8 rows ${DIGEST_OF_BEFORE} |`);
});

test('rows that an undo put away are told with where they lie', () => {
  const kept = entry({ kind: 'kept', phase: 'schema', tables: [{ table: 'public.notes', rows: 1234 }] });
  const report = buildReport([...rollback, kept, halted('StatementFailedError')]);
  expect(report.kept).toEqual([{ phase: 'schema', table: 'public.notes', rows: 1234 }]);
  expect(unpadded(renderReport(report))).toContain(
    "```sql\nselect * from stepgate_archive.row where run_id = 'shop-rollback-1';\n```\n\n| phase | rows of | rows |\n| ------ | ------------ | ----: |\n| schema | public.notes | 1,234 |",
  );
});

test('commands on somebody’s server come without its password, and the page says so', () => {
  const place: RunPlace = { ...PLAIN_PLACE, kind: 'external', options: '--database-url postgres://me@h:5432/crm', snapshotOptions: '--no-snapshot' };
  const page = renderReport(buildReport([...execute, halted('DatabaseBusyError')], place));
  expect(page).toContain('npx stepgate execute shop --database-url postgres://me@h:5432/crm --no-snapshot');
  expect(page).toContain('`PGPASSWORD`');
});

test('the engine whose clock jumps says so beside the time', () => {
  const report = (place: RunPlace) => unpadded(renderReport(buildReport([...execute, halted('DatabaseBusyError')], place)));
  expect(report({ ...PLAIN_PLACE, kind: 'embedded' })).toContain("| duration | 3 min 05 s by the workflow's clock, waits included;");
  expect(report(PLAIN_PLACE)).toContain('| duration | 3 min 05 s |');
});

test('a snapshot that a run took in the local engine is removed through that engine', () => {
  const report = buildReport(
    [
      runEntry('execute'),
      snapshot,
      entry({ kind: 'outcome', outcome: 'refused', sentence: 'no', failure: null, laterFailures: [], endedAt: '2026-11-29T02:03:05.000Z' }),
    ],
    {
      ...PLAIN_PLACE,
      kind: 'embedded',
    },
  );
  expect(report.next.at(-1)).toMatchObject({
    what: expect.stringContaining('with the variables that "npx stepgate local up" prints'),
    command: 'aws rds delete-db-cluster-snapshot --endpoint-url "$AWS_ENDPOINT_URL_RDS" --db-cluster-snapshot-identifier stepgate-shop-1',
  });
});
