import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { StaleTokenError, UndoFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../../lambdas/rollback/verify-undo.ts';
import { beginMeasuredRun, brokenWire, deploy, emptyDatabase, entries, refusal, runPhases, worksFor } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  emptyDatabase(bench, `${SMALL_SOURCE} create table odd (t text, x text, id int); insert into odd values ('same', 'a', 1), ('same', 'b', 2);`),
);

test('VerifyUndo after a whole way forward and back proves that all is as before, twice', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'whole' });
  await runPhases(bench.ports, run);
  for (let step = await decideRecovery(bench.ports)({ ...run, failure: null }); step.kind === 'undo'; ) {
    await undoPhase(bench.ports)({ ...run, phase: step.phase });
    step = await decideRecovery(bench.ports)({ ...run, failure: null });
  }
  const visit = () => verifyUndo(bench.ports)({ ...run, progress: null });
  expect(await Promise.all([visit(), visit()])).toEqual([{ done: true }, { done: true }]);
  expect(await visit()).toEqual({ done: true });
  expect(await decideRecovery(bench.ports)({ ...run, failure: null })).toMatchObject({ kind: 'verify' });
  expect(await bench.sql('select plan from stepgate.plan')).toEqual([]);
  expect(await entries(bench, run, 'undo-verified')).toMatchObject([{ schemaEqual: true, tables: 3, rows: 1004, differences: [] }]);
});

test.each([
  { change: 'update people set age = age + 1 where id = 7', said: 'public.people: before 1000 rows' },
  { change: 'delete from towns', said: 'public.towns: before 2 rows' },
  { change: "insert into towns values ('Ulm', '89073')", said: 'now 3 rows' },
  { change: "update odd set id = 3 where x = 'b'", said: 'public.odd' },
  { change: "update odd set x = 'c' where x = 'b'", said: 'public.odd' },
  { change: 'drop table towns', said: 'public.towns: before 2 rows' },
  { change: 'create table left_over (id int)', said: 'public.left_over: before not there, now 0 rows' },
  { change: 'alter table people add column is_moved boolean', said: 'is_moved' },
  { change: 'create index people_city on people (city)', said: 'people_city' },
])('$change is found by VerifyUndo, and the plan stays in force', async ({ change, said }) => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'changed' });
  await bench.sql(change);
  const error = await refusal(verifyUndo(bench.ports)({ ...run, progress: null }));
  expect(error).toBeInstanceOf(UndoFailedError);
  expect(error.message).toContain(said);
  expect(await bench.sql('select base_run from stepgate.plan')).toEqual([{ base_run: 'changed' }]);
  const [entry] = await entries(bench, run, 'undo-verified');
  expect(entry?.differences.length).toBeGreaterThan(0);
});

test('a difference that is mended is gone at the next look of another run', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await bench.sql("insert into towns values ('Ulm', '89073')");
  await expect(verifyUndo(bench.ports)({ ...first, progress: null })).rejects.toThrow(UndoFailedError);
  await bench.sql("delete from towns where city = 'Ulm'");
  await bench.sql(
    "update stepgate.lock set run_id = 'second', token = token + 1; insert into stepgate.run select 'second', plan, digest, 'rollback', 'arn', 2, now() from stepgate.plan",
  );
  const second = { ...first, run: { ...first.run, id: first.run.id.replace('first', 'second') as typeof first.run.id, token: 2 } };
  expect(await verifyUndo(bench.ports)({ ...second, progress: null })).toEqual({ done: true });
});

test('a visit that runs out of time hands over to the next one', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'half' });
  expect(await verifyUndo({ ...bench.ports, clockMs: worksFor(1) })({ ...run, progress: null })).toEqual({ done: false });
  expect(await verifyUndo(bench.ports)({ ...run, progress: { done: false } })).toEqual({ done: true });
});

test('a last answer that was lost is found', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'lost' });
  const wire = await brokenWire(bench, (sql) => sql.includes('undo_verified_at = '));
  expect(await refusal(verifyUndo(wire.ports)({ ...run, progress: null }))).toBeInstanceOf(UnknownOutcomeError);
  expect(await verifyUndo(wire.ports)({ ...run, progress: null })).toEqual({ done: true });
  await wire.close();
});

test('a stale run proves nothing', async () => {
  const run = await beginMeasuredRun(bench, await deploy(bench, SMALL_PLAN), { id: 'stale' });
  await bench.sql('update stepgate.lock set token = token + 1');
  expect(await refusal(verifyUndo(bench.ports)({ ...run, progress: null }))).toBeInstanceOf(StaleTokenError);
  await bench.sql('update stepgate.plan set base_run = null, baseline_done_at = null');
  expect(await refusal(verifyUndo(bench.ports)({ ...run, progress: null }))).toBeInstanceOf(StaleTokenError);
});
