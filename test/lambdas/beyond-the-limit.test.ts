import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CheckFailedError, GateRefusedError, StatementFailedError } from '../../core/errors.ts';
import type { ReadingEnvelope } from '../../core/run/envelope.ts';
import { validateSource } from '../../lambdas/checks/validate-source.ts';
import { verifyTarget } from '../../lambdas/checks/verify-target.ts';
import { assess } from '../../lambdas/gates/assess.ts';
import { awaitLong } from '../../lambdas/phases/await-long.ts';
import { runBackfill } from '../../lambdas/phases/run-backfill.ts';
import { runLong } from '../../lambdas/phases/run-long.ts';
import { runPhase } from '../../lambdas/phases/run-phase.ts';
import { undoPhase } from '../../lambdas/rollback/undo-phase.ts';
import { beginRun, deploy, emptyPlanDatabase, onePhase, oneTransfer, refusal, runPhases, until } from '../support/run-driver.ts';
import { openWorkbench, reading, type Workbench } from '../support/workbench.ts';

// What takes longer than the Data API waits: its 45 s are one second here.

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench({ statementMs: 600 });
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, `create table kept (id int primary key, note text); insert into kept values (1, null); ${GATE}`));

const NOBODY_WORKS =
  "not exists (select from pg_stat_activity where application_name like 'stepgate/%' or query like '/* stepgate %' and state <> 'idle')";
/** As long as the gate is shut. */
const SLOW = 'insert into gate select 2 where waits_for_gate();\n';
const GATE = `create table gate as select 1 as n;
create function waits_for_gate() returns boolean language plpgsql as $$
begin while exists (select from gate) loop perform pg_sleep(0.01); end loop; return false; end $$`;

async function openGate(): Promise<void> {
  await bench.sql('delete from gate');
  await until(bench, NOBODY_WORKS);
}

test('a phase that takes longer is waited for, and applied once', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(`${SLOW}insert into kept select max(id) + 1 from kept;\n`, 'delete from kept;\n')), {
    id: 'slow',
  });
  const visit = () => runPhase(bench.ports)({ ...run, phase: 'only' });
  expect(await visit()).toEqual({ done: false });
  expect(await visit()).toEqual({ done: false });
  await openGate();
  expect(await visit()).toEqual({ done: true });
  expect(await bench.sql('select id from kept order by id')).toEqual([{ id: 1 }, { id: 2 }]);
});

test.each([
  { what: 'statement', more: {}, up: `${SLOW}insert into kept values (1);\n`, error: StatementFailedError, said: /1-only\/up.sql:\d+: statement 2/ },
  {
    what: 'check',
    more: { '1-only/verify.sql': '--! check: empty, fail, no rows\nselect id from kept;\n' },
    up: SLOW,
    error: CheckFailedError,
    said: /1-only\/verify.sql:\d+: check empty/,
  },
  {
    what: 'deferred constraint',
    more: {},
    up: `create table child (id int references kept deferrable initially deferred);\ninsert into child values (77);\n${SLOW}`,
    error: StatementFailedError,
    said: /child_id_fkey/,
  },
])('a $what that fails after its caller stopped waiting is told to the next visit, once', async ({ up, more, error, said }) => {
  const plan = await deploy(bench, onePhase(up, 'delete from kept;\n', more));
  const run = await beginRun(bench, plan, { id: 'late' });
  const visit = () => runPhase(bench.ports)({ ...run, phase: 'only' });
  expect(await visit()).toEqual({ done: false });
  await openGate();
  const refused = await refusal(visit());
  expect(refused).toBeInstanceOf(error);
  expect(refused.message).toMatch(said);
  expect(await bench.sql('select phase from stepgate.phase union all select label from stepgate.failure')).toEqual([]);
});

test('an undo that takes longer is waited for; how it failed late is told to the next visit', async () => {
  const slow = await deploy(bench, onePhase('alter table kept add column more int;\n', `${SLOW}alter table kept drop column more;\n`));
  const run = await beginRun(bench, slow, { id: 'undo-slow' });
  await runPhases(bench.ports, run);
  const visit = () => undoPhase(bench.ports)({ ...run, phase: 'only' });
  expect(await visit()).toEqual({ next: 'wait' });
  expect(await visit()).toEqual({ next: 'wait' });
  await openGate();
  expect(await visit()).toEqual({ next: 'decide' });

  const failing = await deploy(bench, onePhase('alter table kept add column more int;\n', `${SLOW}alter table kept drop column les;\n`));
  await bench.sql('insert into gate values (1)');
  const again = { ...run, run: { ...run.run, digest: failing.digest } };
  await runPhases(bench.ports, again);
  expect(await undoPhase(bench.ports)({ ...again, phase: 'only' })).toEqual({ next: 'wait' });
  await openGate();
  const refused = await refusal(undoPhase(bench.ports)({ ...again, phase: 'only' }));
  expect(refused).toBeInstanceOf(StatementFailedError);
  expect(refused.message).toMatch(/1-only\/undo\.sql:\d+: statement 2: column "les"/);
  expect(await bench.sql('select phase from stepgate.phase')).toEqual([{ phase: 'only' }]);
});

const SLOW_SOURCE = `create table source (id int primary key);
insert into source select generate_series(1, 350);
create function slow(n int) returns int language plpgsql as $$ begin perform pg_sleep(0.002); return n; end $$;`;

test('a batch that takes longer is cancelled and tried smaller, forward, compared and back', async () => {
  await emptyPlanDatabase(bench, SLOW_SOURCE);
  const plan = await deploy(bench, oneTransfer('create table target (id int primary key, n int);\n', 'select s.id, slow(s.id) as n from source s'));
  const run = await beginRun(bench, plan, { id: 'batches' });
  await runPhases(bench.ports, run, 'copy');
  expect(await runBackfill(bench.ports)({ ...run, phase: 'copy' })).toMatchObject({ done: true });
  expect(await bench.sql('select count(*)::int as rows, count(distinct n)::int as values from target')).toEqual([{ rows: 350, values: 350 }]);
  const same = { sourceRows: 350, targetRows: 350, missing: 0, extra: 0, different: 0 };
  expect(await verifyTarget(bench.ports)({ ...run, progress: null })).toMatchObject({ done: true, results: [same] });
  expect(await undoPhase(bench.ports)({ ...run, phase: 'copy' })).toEqual({ next: 'decide' });
  expect(await bench.sql('select (select count(*)::int from target) as left, (select count(*)::int from stepgate_archive.row) as archived')).toEqual([
    { left: 0, archived: 0 },
  ]);
});

test.each([
  { state: 'ValidateSource', stage: 'before', visit: validateSource, error: GateRefusedError },
  { state: 'Assess', stage: 'before', visit: assess, error: GateRefusedError },
  {
    state: 'VerifyTarget',
    stage: 'after',
    visit: (ports: Workbench['ports']) => (input: ReadingEnvelope) => verifyTarget(ports)({ ...input, progress: null }),
    error: CheckFailedError,
  },
])('$state says which check takes longer than a call has, once', async ({ stage, visit, error }) => {
  const check = stage === 'before' ? "quality\nselect 'all' as scope, 1 as valid, count(pg_sleep(5)) as total" : 'zero\nselect count(pg_sleep(5))';
  const plan = await deploy(bench, onePhase('select 1;\n', 'select 1;\n', { [`${stage}.sql`]: `--! check: slow-one, warn, ${check};\n` }));
  const refused = await refusal(visit(bench.ports)(reading(plan, { mode: 'dry-run' })));
  expect(refused).toBeInstanceOf(error);
  expect(refused.message.replace(/sql:\d+/, 'sql:LINE')).toBe(
    `${stage}.sql:LINE: check slow-one takes longer than the 45 s that a call has; give the columns that it reads an index, or let it read fewer rows`,
  );
});

const INDEX = onePhase('create unique index concurrently kept_note on kept (note);\n', 'drop index concurrently kept_note;\n');

test('an index build that waits for an open transaction is waited for, forward and back', async () => {
  const run = await beginRun(bench, await deploy(bench, INDEX), { id: 'build' });
  const input = { ...run, phase: 'only' };
  await bench.sql('begin; insert into kept values (2, null)');
  expect(await runLong(bench.ports)(input)).toEqual({ next: 'wait', statement: 1 });
  expect(await awaitLong(bench.ports)(input)).toEqual({ next: 'wait', statement: 1 });
  expect(await runLong(bench.ports)(input)).toEqual({ next: 'wait', statement: 1 });
  await bench.sql('commit');
  await until(bench, NOBODY_WORKS);
  expect(await awaitLong(bench.ports)(input)).toEqual({ next: 'run', statement: null });
  expect(await runLong(bench.ports)(input)).toEqual({ next: 'next-step', statement: null });
  expect(await bench.sql("select attempts from stepgate.long_statement where direction = 'up'")).toEqual([{ attempts: 1 }]);

  await bench.sql('begin; insert into kept values (3, null)');
  expect(await undoPhase(bench.ports)(input)).toEqual({ next: 'wait' });
  await bench.sql('commit');
  await until(bench, NOBODY_WORKS);
  expect(await undoPhase(bench.ports)(input)).toEqual({ next: 'decide' });
  expect(await bench.sql("select to_regclass('kept_note')::text as index")).toEqual([{ index: null }]);
});

test('a build that fails after its caller stopped waiting is tried again, named, and leaves no invalid index', async () => {
  await bench.sql("insert into kept values (2, 'same'), (3, 'same')");
  const run = await beginRun(bench, await deploy(bench, INDEX), { id: 'unique' });
  const input = { ...run, phase: 'only' };
  await bench.sql('begin; insert into kept values (4, null)');
  expect(await runLong(bench.ports)(input)).toMatchObject({ next: 'wait' });
  await bench.sql('commit');
  await until(bench, NOBODY_WORKS);
  expect(await bench.sql("select indisvalid from pg_index where indexrelid = to_regclass('kept_note')")).toEqual([{ indisvalid: false }]);
  const refused = await refusal(runLong(bench.ports)(input));
  expect(refused).toBeInstanceOf(StatementFailedError);
  expect(refused.message).toMatch(/1-only\/up\.sql:\d+: statement 1/);
  expect(await bench.sql("select to_regclass('kept_note')::text as index")).toEqual([{ index: null }]);
});

test('a build that somebody cancelled is built anew', async () => {
  const run = await beginRun(bench, await deploy(bench, INDEX), { id: 'cancelled' });
  const input = { ...run, phase: 'only' };
  await bench.sql('begin; insert into kept values (2, null)');
  expect(await runLong(bench.ports)(input)).toMatchObject({ next: 'wait' });
  await bench.sql("select pg_cancel_backend(pid) from pg_stat_activity where query like '/* stepgate %'");
  await bench.sql('commit');
  await until(bench, NOBODY_WORKS);
  expect(await bench.sql("select indisvalid from pg_index where indexrelid = to_regclass('kept_note')")).toEqual([{ indisvalid: false }]);
  expect(await runLong(bench.ports)(input)).toEqual({ next: 'next-step', statement: null });
  expect(await bench.sql("select indisvalid from pg_index where indexrelid = to_regclass('kept_note')")).toEqual([{ indisvalid: true }]);
});
