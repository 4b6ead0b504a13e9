import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CheckFailedError, StaleTokenError, StatementFailedError } from '../../../core/errors.ts';
import { awaitLong } from '../../../lambdas/phases/await-long.ts';
import { runLong } from '../../../lambdas/phases/run-long.ts';
import { beginRun, brokenWire, deploy, emptyPlanDatabase, entries, onePhase, refusal } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  emptyPlanDatabase(
    bench,
    'create table kept (id int primary key, note text, more text); insert into kept select i, i::text, i::text from generate_series(1, 2000) i;',
  ),
);

const UP = 'create index concurrently kept_note on kept (note);\ncreate unique index concurrently kept_more on kept (more);\n';
const UNDO = 'drop index concurrently kept_more;\ndrop index concurrently kept_note;\n';
const VALID =
  'select indexrelid::regclass::text as index, indisvalid as valid from pg_index where indrelid = $$kept$$::regclass and not indisprimary order by 1';
const BOTH_VALID = [
  { index: 'kept_more', valid: true },
  { index: 'kept_note', valid: true },
];

test('RunLong run twice builds each index once', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'twice' });
  const input = { ...run, phase: 'only' };
  expect(await runLong(bench.ports)(input)).toEqual({ next: 'next-step', statement: null });
  expect(await runLong(bench.ports)(input)).toEqual({ next: 'next-step', statement: null });
  expect(await awaitLong(bench.ports)(input)).toEqual({ next: 'run', statement: null });
  expect(await bench.sql(VALID)).toEqual(BOTH_VALID);
  expect(await bench.sql('select number, attempts from stepgate.long_statement order by number')).toEqual([
    { number: 1, attempts: 1 },
    { number: 2, attempts: 1 },
  ]);
  expect(await entries(bench, run, 'phase')).toMatchObject([{ phase: 'only', statements: 2 }]);
});

test.each([1, 2, 3])('RunLong beside itself builds each index once, and neither call fails (%i)', async (time) => {
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: `beside-${time}` });
  const input = { ...run, phase: 'only' };
  const both = await Promise.allSettled([runLong(bench.ports)(input), runLong(bench.ports)(input)]);
  for (const one of both) {
    if (one.status === 'rejected')
      expect(one.reason, String(one.reason)).toMatchObject({ name: expect.stringMatching(/DatabaseBusyError|UnknownOutcomeError/) });
  }
  for (let next = 'run'; next !== 'next-step'; ) ({ next } = await runLong(bench.ports)(input));
  expect(await bench.sql(VALID)).toEqual(BOTH_VALID);
});

test('an invalid index that an interrupted build left is built anew', async () => {
  await bench.sql('insert into kept values (0, $$a$$, $$7$$)');
  await bench.sql('create unique index concurrently kept_more on kept (more)').catch(() => undefined);
  await bench.sql('delete from kept where id = 0');
  expect(await bench.sql(VALID)).toEqual([{ index: 'kept_more', valid: false }]);
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'invalid' });
  expect(await runLong(bench.ports)({ ...run, phase: 'only' })).toMatchObject({ next: 'next-step' });
  expect(await bench.sql(VALID)).toEqual(BOTH_VALID);
});

test('values that are not unique are named by file and line, without the values, and leave no invalid index', async () => {
  await bench.sql('insert into kept values (0, $$a$$, $$secret-value$$), (-1, $$a$$, $$secret-value$$)');
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'unique' });
  const error = await refusal(runLong(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toMatch(/^1-only\/up\.sql:\d+: statement 2: ERROR: could not create unique index "kept_more"/);
  expect(error.message).not.toContain('secret-value');
  expect(await bench.sql(VALID)).toEqual([{ index: 'kept_note', valid: true }]);
});

test('a lost answer is asked of the catalog', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'lost' });
  const wire = await brokenWire(bench, (sql) => sql.includes('concurrently'));
  expect(await runLong(wire.ports)({ ...run, phase: 'only' })).toMatchObject({ next: 'next-step' });
  await wire.close();
  expect(await bench.sql(VALID)).toEqual(BOTH_VALID);
  expect(await bench.sql('select attempts from stepgate.long_statement')).toEqual([{ attempts: 1 }, { attempts: 1 }]);
});

test('an index of that name on another table is not taken for the proof', async () => {
  await bench.sql('create table other (note text); create index kept_note on other (note)');
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'other' });
  const error = await refusal(runLong(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toMatch(/^1-only\/up\.sql:\d+: statement 1: ERROR: relation "kept_note" already exists/);
  expect(await bench.sql('select indisvalid as valid from pg_index where indrelid = $$other$$::regclass')).toEqual([{ valid: true }]);
});

test('VACUUM is proven by its time, and not repeated', async () => {
  const files = {
    'plan.yaml': 'title: Statistics\nphases:\n  - { id: only, undo: none, because: statistics change no row }\n',
    '1-only/up.sql': 'vacuum (analyze) kept;\n',
  };
  const run = await beginRun(bench, await deploy(bench, files), { id: 'vacuum' });
  const count = 'select vacuum_count::int as times from pg_stat_all_tables where relid = $$kept$$::regclass';
  const input = { ...run, phase: 'only' };
  expect(await runLong(bench.ports)(input)).toMatchObject({ next: 'next-step' });
  expect(await bench.sql(count)).toEqual([{ times: 1 }]);
  expect(await runLong(bench.ports)(input)).toMatchObject({ next: 'next-step' });
  expect(await bench.sql(count)).toEqual([{ times: 1 }]);
});

test('a check of a long phase that fails is named; its indexes wait for the undo', async () => {
  const verify = '--! check: empty, fail, no rows\nselect id from kept order by id;\n';
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO, { '1-only/verify.sql': verify })), { id: 'check' });
  const error = await refusal(runLong(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect(error.message).toMatch(/1-only\/verify\.sql:\d+: check empty failed: found 2000, expected none \(1, 2, 3, 4, 5 …\)/);
  expect(await bench.sql('select applied_at from stepgate.phase')).toEqual([{ applied_at: null }]);
});

test('a run that lost its lock starts no statement', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'stale' });
  let isTaken = false;
  const session = {
    ...bench.ports.session,
    query: (async (row, sql, parameters, options) => {
      if (!isTaken && sql.includes('insert into stepgate.long_statement')) {
        isTaken = true;
        await bench.sql('update stepgate.lock set token = token + 1');
      }
      return bench.ports.session.query(row, sql, parameters, options);
    }) as typeof bench.ports.session.query,
  };
  expect(await refusal(runLong({ ...bench.ports, session })({ ...run, phase: 'only' }))).toBeInstanceOf(StaleTokenError);
  expect(await refusal(runLong(bench.ports)({ ...run, phase: 'only' }))).toBeInstanceOf(StaleTokenError);
  expect(await bench.sql(VALID)).toEqual([]);
});
