import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { StaleTokenError, UndoFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../../lambdas/rollback/verify-undo.ts';
import {
  beginMeasuredRun,
  brokenWire,
  deploy,
  emptyPlanDatabase,
  entries,
  onePhase,
  refusal,
  runPhases,
  worksFor,
} from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  emptyPlanDatabase(bench, `${SMALL_SOURCE} create table odd (t text, x text, id int); insert into odd values ('same', 'a', 1), ('same', 'b', 2);`),
);

const PROVEN = { done: true, meanwhile: 0, accepted: 0 };

async function undoAll(run: ChangingEnvelope): Promise<void> {
  for (let step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED }); step.kind === 'undo'; ) {
    await undoPhase(bench.ports)({ ...run, phase: step.phase });
    step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
  }
}

test('VerifyUndo after a whole way forward and back proves that all is as before, twice', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'whole' });
  await runPhases(bench.ports, run);
  await undoAll(run);
  const visit = () => verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED });
  expect(await Promise.all([visit(), visit()])).toEqual([PROVEN, PROVEN]);
  expect(await visit()).toEqual(PROVEN);
  expect(await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED })).toMatchObject({ kind: 'verify' });
  expect(await bench.sql('select plan from stepgate.plan')).toEqual([]);
  expect(await entries(bench, run, 'undo-verified')).toMatchObject([{ schemaEqual: true, tables: 3, rows: 1004, differences: [] }]);
});

/** As a phase that writes rows of people and towns, and was undone so. */
const WRITES = onePhase(
  `update people set age = age + 1; insert into towns values ('Ulm', '89073');
create table made (id int);`,
  `drop table made; delete from towns where city = 'Ulm'; update people set age = age - 1;`,
);

test.each([
  { change: 'update people set age = age + 1 where id = 7', what: 'public.people' },
  { change: "insert into odd values ('new', 'd', 5)", what: 'public.odd' },
  { change: 'delete from towns', what: 'public.towns' },
  { change: 'drop table odd', what: 'public.odd' },
  { change: 'create table new_one (id int primary key); insert into new_one values (1)', what: 'public.new_one' },
  { change: 'create index towns_zip on towns (zip)', what: 'index CREATE INDEX towns_zip' },
  { change: "comment on table towns is 'ours'", what: 'comment on table public.towns' },
  {
    change:
      "create schema audit; create table audit.customers (id int primary key, zip text); create index customers_zip on audit.customers (zip); comment on table audit.customers is 'theirs'; create view audit.people as select 1 as id",
    what: 'relation audit.customers',
  },
])('what others do to what the plan never writes nor names is theirs: $change', async ({ change, what }) => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'meanwhile' });
  await runPhases(bench.ports, run);
  await bench.sql(change);
  await undoAll(run);
  const proof = await verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED });
  expect(proof).toMatchObject({ done: true, accepted: 0 });
  expect(proof.meanwhile).toBeGreaterThan(0);
  const [entry] = await entries(bench, run, 'undo-verified');
  expect(entry).toMatchObject({ differences: [], acceptance: null });
  expect(entry?.meanwhile.map((one) => one.what)).toContainEqual(expect.stringContaining(what));
  expect(await bench.sql('select plan from stepgate.plan')).toEqual([]);
});

test.each([
  { change: 'update people set age = age + 1 where id = 7', said: 'public.people: before 1000 rows' },
  { change: "delete from towns where city = 'Bonn'", said: 'public.towns: before 2 rows' },
  { change: 'create table made (id int)', said: 'public.made: before not there, now 0 rows' },
  { change: 'truncate towns', said: 'public.towns' },
])('$change is found by VerifyUndo where the plan wrote or named it, and can be accepted', async ({ change, said }) => {
  const run = await beginMeasuredRun(bench, await deploy(bench, WRITES), { id: 'changed' });
  await runPhases(bench.ports, run);
  await undoAll(run);
  await bench.sql(change);
  const error = await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }));
  expect(error).toBeInstanceOf(UndoFailedError);
  expect(error.message).toContain(said);
  expect(await bench.sql('select base_run from stepgate.plan')).toEqual([{ base_run: 'changed' }]);
  const [entry] = await entries(bench, run, 'undo-verified');
  expect(error.message).toContain(`accept ${entry?.acceptance}`);
  const other = { ...run, progress: null, asked: { ...NOTHING_ASKED, accept: '0123456789ab' } };
  expect((await refusal(verifyUndo(bench.ports)(other))).message).toContain('0123456789ab was accepted, which is not this');
  const accepted = { ...run, progress: null, asked: { ...NOTHING_ASKED, accept: entry?.acceptance ?? '' } };
  expect(await verifyUndo(bench.ports)(accepted)).toEqual({ done: true, meanwhile: 0, accepted: entry?.differences.length });
});

test.each([
  {
    how: 'a trigger of the application',
    setup:
      "create function note() returns trigger language plpgsql as 'begin insert into odd values (''n'', ''n'', 9); return null; end'; create trigger noted after insert on towns execute function note()",
  },
  {
    how: 'a cascade',
    setup:
      "alter table towns add column boss int; create table clubs (id int primary key, city text references towns on delete cascade); insert into clubs values (1, 'Köln')",
  },
])('rows that the plan writes through $how are the work of the plan', async ({ how, setup }) => {
  await bench.sql(setup);
  const up = how === 'a cascade' ? "delete from towns where city = 'Köln';" : "insert into towns values ('Ulm', '89073');";
  const undo = how === 'a cascade' ? "insert into towns values ('Köln', '50667');" : "delete from towns where city = 'Ulm';";
  const run = await beginMeasuredRun(bench, await deploy(bench, onePhase(up, undo)), { id: 'through' });
  await runPhases(bench.ports, run);
  await undoAll(run);
  const error = await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }));
  expect(error.message).toContain(how === 'a cascade' ? 'public.clubs: before 1 rows' : 'public.odd: before 2 rows');
});

test.each([
  { what: 'drops a column and makes it anew', up: 'alter table odd drop column id;', undo: 'alter table odd add column id int;' },
  { what: 'empties a table', up: 'truncate odd;', undo: 'comment on table odd is null;' },
  { what: 'rewrites a table', up: "alter table odd alter column id type text using 'x';", undo: 'alter table odd alter column id type int using 0;' },
  {
    what: 'renames a table, changes its rows, and renames it back',
    up: "alter table odd rename to even; update even set t = 'x';",
    undo: 'alter table even rename to odd;',
  },
  { what: 'makes a table anew', up: 'drop table odd;', undo: 'create table odd (t text, x text, id int);' },
])('a plan that $what and cannot bring the rows back does not pass for rolled back', async ({ up, undo }) => {
  const run = await beginMeasuredRun(bench, await deploy(bench, onePhase(up, undo)), { id: 'lossy' });
  await runPhases(bench.ports, run);
  await undoAll(run);
  expect((await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }))).message).toContain('public.odd');
});

test('a plan that does not say what it changes is held to everything', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, onePhase('do $$ begin perform 1; end $$;', 'comment on table odd is null;')), {
    id: 'opaque',
  });
  await runPhases(bench.ports, run);
  await bench.sql('create table new_one (id int)');
  await undoAll(run);
  expect((await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }))).message).toContain('new_one');
});

test('a difference that is mended is gone at the next look of another run', async () => {
  const first = await beginMeasuredRun(bench, await deploy(bench, WRITES), { id: 'first' });
  await runPhases(bench.ports, first);
  await undoAll(first);
  await bench.sql("insert into towns values ('Trier', '54290')");
  await expect(verifyUndo(bench.ports)({ ...first, progress: null, asked: NOTHING_ASKED })).rejects.toThrow(UndoFailedError);
  await bench.sql("delete from towns where city = 'Trier'");
  await bench.sql(
    "update stepgate.lock set run_id = 'second', token = token + 1; insert into stepgate.run select 'second', plan, digest, 'rollback', 'arn', 2, now() from stepgate.plan",
  );
  const second = { ...first, run: { ...first.run, id: first.run.id.replace('first', 'second') as typeof first.run.id, token: 2 } };
  expect(await verifyUndo(bench.ports)({ ...second, progress: null, asked: NOTHING_ASKED })).toEqual(PROVEN);
});

test('who executes after a refuted undo begins with the state that is there', async () => {
  const plan = await deploy(bench, WRITES);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first);
  await undoAll(first);
  await bench.sql("insert into towns values ('Trier', '54290')");
  await expect(verifyUndo(bench.ports)({ ...first, progress: null, asked: NOTHING_ASKED })).rejects.toThrow(UndoFailedError);
  await bench.sql('update stepgate.lock set run_id = null');
  const second = await beginMeasuredRun(bench, plan, { id: 'second' });
  await runPhases(bench.ports, second);
  await undoAll(second);
  expect(await verifyUndo(bench.ports)({ ...second, progress: null, asked: NOTHING_ASKED })).toEqual(PROVEN);
});

test('a visit that runs out of time hands over to the next one', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'half' });
  expect(await verifyUndo({ ...bench.ports, clockMs: worksFor(1) })({ ...run, progress: null, asked: NOTHING_ASKED })).toMatchObject({ done: false });
  expect(await verifyUndo(bench.ports)({ ...run, progress: { done: false }, asked: NOTHING_ASKED })).toEqual(PROVEN);
});

test('a last answer that was lost is found', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'lost' });
  const wire = await brokenWire(bench, (sql) => sql.includes('undo_verified_at = '));
  expect(await refusal(verifyUndo(wire.ports)({ ...run, progress: null, asked: NOTHING_ASKED }))).toBeInstanceOf(UnknownOutcomeError);
  expect(await verifyUndo(wire.ports)({ ...run, progress: null, asked: NOTHING_ASKED })).toEqual(PROVEN);
  await wire.close();
});

test('a stale run proves nothing', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'stale' });
  await bench.sql('update stepgate.lock set token = token + 1');
  expect(await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }))).toBeInstanceOf(StaleTokenError);
  await bench.sql('update stepgate.plan set base_run = null, baseline_done_at = null');
  expect(await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }))).toBeInstanceOf(StaleTokenError);
});

test('what differs beyond what is shown is counted, and accepted with it', async () => {
  const tables = Array.from({ length: 60 }, (_, number) => `t${number}`);
  const run = await beginMeasuredRun(
    bench,
    await deploy(bench, onePhase(tables.map((name) => `create table ${name} ();`).join('\n'), 'comment on table odd is null;')),
    { id: 'many' },
  );
  await runPhases(bench.ports, run);
  await undoAll(run);
  expect((await refusal(verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED }))).message).toContain('and 115 more');
  const [entry] = await entries(bench, run, 'undo-verified');
  expect(entry?.differences).toHaveLength(50);
  const asked = { ...NOTHING_ASKED, accept: entry?.acceptance ?? '' };
  expect(await verifyUndo(bench.ports)({ ...run, progress: null, asked })).toMatchObject({ accepted: 120 });
});
