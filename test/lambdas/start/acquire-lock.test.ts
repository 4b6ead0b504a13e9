import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sfnExecutions } from '../../../adapters/executions.ts';
import { phaseLedger } from '../../../adapters/phase-ledger.ts';
import { planLedger } from '../../../adapters/plan-ledger.ts';
import { ledgerLock } from '../../../adapters/run-lock.ts';
import { transferLedger } from '../../../adapters/transfer-ledger.ts';
import { DatabaseBusyError, GateRefusedError, LockHeldError, StaleTokenError } from '../../../core/errors.ts';
import { RunId } from '../../../core/ids.ts';
import type { Mode } from '../../../core/run/mode.ts';
import { type Asked, NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { closeRun } from '../../../lambdas/finish/close-run.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { acquireLock } from '../../../lambdas/start/acquire-lock.ts';
import {
  beginMeasuredRun,
  beginRun,
  type Deployed,
  deploy,
  emptyDatabase,
  emptyPlanDatabase,
  onePhase,
  refusal,
  retried,
  runPhases,
  until,
} from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { type StepFunctionsFace, startStepFunctionsFace } from '../../support/step-functions-face.ts';
import { changing, digestOf, executionArn, openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let stepFunctions: StepFunctionsFace;
beforeAll(async () => {
  [bench, stepFunctions] = await Promise.all([openWorkbench(), startStepFunctionsFace()]);
});
afterAll(() => Promise.all([bench?.close(), stepFunctions?.close()]));
beforeEach(async () => {
  await emptyPlanDatabase(bench, SMALL_SOURCE);
  stepFunctions.statuses.clear();
});

type Seen = { readonly token: number; readonly run: string } | null;

async function acquire(plan: Deployed, run: { readonly id: string; readonly mode?: Mode; readonly seen?: Seen; readonly asked?: Asked }) {
  const input = reading(plan, { mode: run.mode ?? 'execute', id: run.id });
  const deps = {
    ...bench.ports,
    executions: sfnExecutions(stepFunctions.client()),
    pause: (ms: number) => new Promise<void>((done) => setTimeout(done, Math.min(ms, 20))),
  };
  return acquireLock(deps)({ ...input, holderSeen: run.seen ?? null, asked: run.asked ?? NOTHING_ASKED });
}

/** As the definition ends a run whose AcquireLock was refused: it knows no token. */
async function end(plan: Deployed, refused: Error, run: { readonly id: string; readonly mode?: Mode }): Promise<void> {
  const failure = { Error: refused.name, Cause: JSON.stringify({ errorMessage: refused.message }) };
  const input = reading(plan, { mode: run.mode ?? 'execute', id: run.id });
  await closeRun(bench.ports)({
    ...input,
    outcome: 'refused',
    failure,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
}

async function holder(): Promise<unknown> {
  const [row] = await bench.sql('select token::int, run_id as run from stepgate.lock');
  return row;
}

test('a database without a ledger gets one, and a run asked twice keeps its token', async () => {
  await emptyDatabase(bench, SMALL_SOURCE);
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await acquire(plan, { id: 'a' });
  expect(first).toEqual({ token: 1, digest: plan.digest, planState: 'fresh', holderSeen: null, way: null });
  expect(await acquire(plan, { id: 'a' })).toEqual(first);
  expect(await Promise.all([acquire(plan, { id: 'a' }), acquire(plan, { id: 'a' })])).toEqual([first, first]);
  expect(await holder()).toEqual({ token: 1, run: 'a' });
  expect(await bench.sql('select run_id, mode, token::int from stepgate.run')).toEqual([{ run_id: 'a', mode: 'execute', token: 1 }]);
});

test.each([1, 2, 3, 4, 5])('two runs that begin at once on a database without a ledger: one wins, the other is told (%i)', async (time) => {
  await emptyDatabase(bench, SMALL_SOURCE);
  const plan = await deploy(bench, SMALL_PLAN);
  const ids = [`a${time}`, `b${time}`];
  for (const id of ids) stepFunctions.statuses.set(executionArn(id), 'RUNNING');
  const both = await Promise.allSettled(ids.map((id) => acquire(plan, { id })));
  const won = both.filter((one) => one.status === 'fulfilled');
  expect(won).toHaveLength(1);
  const lost = both.find((one) => one.status === 'rejected');
  expect(['DatabaseBusyError', 'LockHeldError']).toContain(lost?.status === 'rejected' ? (lost.reason as Error).name : '');
  const winner = ids[both.findIndex((one) => one.status === 'fulfilled')];
  expect(await holder()).toEqual({ token: 1, run: winner });
});

test('an execution that was taken over takes no lock when it comes late, whether the newer run has ended or not', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: 'old' });
  stepFunctions.statuses.set(executionArn('old'), 'ABORTED');
  await acquire(plan, { id: 'new', seen: { token: 1, run: 'old' } });
  await ledgerLock(bench.ports.session).release(RunId.parse('new'), 2);
  for (const visit of [1, 2]) expect((await refusal(acquire(plan, { id: 'old' }))).name, `visit ${visit}`).toBe('StaleTokenError');
  expect(await holder()).toEqual({ token: 2, run: null });
});

test('an execution whose run is closed takes no lock any more', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: 'done' });
  await bench.sql("update stepgate.run set ended_at = now(), outcome = 'refused'");
  await ledgerLock(bench.ports.session).release(RunId.parse('done'), 1);
  expect((await refusal(acquire(plan, { id: 'done' }))).name).toBe('StaleTokenError');
  expect(await holder()).toEqual({ token: 1, run: null });
});

test('a holder whose execution runs keeps the lock, and is named', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: 'holder' });
  stepFunctions.statuses.set(executionArn('holder'), 'RUNNING');
  const error = await refusal(acquire(plan, { id: 'other' }));
  expect(error).toBeInstanceOf(LockHeldError);
  expect(error.message).toContain('run holder holds the lock');
  expect(error.message).toContain('is RUNNING');
  expect(await holder()).toEqual({ token: 1, run: 'holder' });
});

test.each(['ExecutionDoesNotExist', 'AccessDeniedException', 'PENDING_REDRIVE'])(
  'a holder of which Step Functions says %s keeps the lock',
  async (said) => {
    const plan = await deploy(bench, SMALL_PLAN);
    await acquire(plan, { id: 'holder' });
    stepFunctions.statuses.set(executionArn('holder'), said);
    for (const seen of [null, { token: 1, run: 'holder' }]) {
      expect(await refusal(acquire(plan, { id: 'other', seen }))).toBeInstanceOf(LockHeldError);
    }
    expect(await holder()).toEqual({ token: 1, run: 'holder' });
  },
);

test.each(['FAILED', 'TIMED_OUT', 'ABORTED', 'SUCCEEDED'])(
  'a holder that %s is taken over at the second look, with a higher token',
  async (status) => {
    const plan = await deploy(bench, SMALL_PLAN);
    await acquire(plan, { id: 'holder' });
    stepFunctions.statuses.set(executionArn('holder'), status);
    const first = await acquire(plan, { id: 'other' });
    expect(first).toMatchObject({ token: null, holderSeen: { token: 1, run: 'holder' } });
    expect(await holder()).toEqual({ token: 1, run: 'holder' });
    expect(await acquire(plan, { id: 'other', seen: first.holderSeen })).toMatchObject({ token: 2, planState: 'fresh', holderSeen: null, way: null });
    expect(await holder()).toEqual({ token: 2, run: 'other' });
  },
);

test('a look at one dead holder does not count for the next one', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: 'first' });
  stepFunctions.statuses.set(executionArn('first'), 'ABORTED').set(executionArn('second'), 'ABORTED');
  const seen = { token: 1, run: 'first' };
  await acquire(plan, { id: 'second', seen });
  expect(await acquire(plan, { id: 'third', seen })).toMatchObject({ token: null, holderSeen: { token: 2, run: 'second' } });
});

test('two runs that take over at once: one gets the token', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: 'holder' });
  stepFunctions.statuses.set(executionArn('holder'), 'ABORTED').set(executionArn('a'), 'RUNNING').set(executionArn('b'), 'RUNNING');
  const seen = { token: 1, run: 'holder' };
  const both = await Promise.allSettled([acquire(plan, { id: 'a', seen }), acquire(plan, { id: 'b', seen })]);
  expect(both.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  expect(await holder()).toMatchObject({ token: 2 });
});

test('whatever the old token tries is refused and changes nothing', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const old = await beginMeasuredRun(bench, plan, { id: 'old' });
  await runPhases(bench.ports, old, 'copy');
  stepFunctions.statuses.set(executionArn('old'), 'ABORTED');
  expect(await acquire(plan, { id: 'new', seen: { token: 1, run: 'old' } })).toMatchObject({ token: 2, planState: 'interrupted' });
  const [schema, copy, , owners] = plan.plan.phases;
  if (schema?.kind !== 'transaction' || copy?.kind !== 'transfer' || owners?.kind !== 'transaction') throw new Error('the small plan has changed');
  const [transfer] = copy.transfers;
  if (transfer === undefined) throw new Error('the small plan has changed');
  const { session } = bench.ports;
  const state = 'select (select json_agg(p) from stepgate.phase p)::text as phases, (select json_agg(p) from stepgate.plan p)::text as plans';
  const before = await bench.sql(state);
  const acts: Readonly<Record<string, () => Promise<unknown>>> = {
    runTransaction: () => phaseLedger(session).runTransaction(old.run, owners),
    undoTransaction: () => phaseLedger(session).undoTransaction(old.run, { plan: plan.plan, phase: schema }, { statements: schema.undo ?? [] }),
    begin: () => phaseLedger(session).begin(old.run, copy),
    finish: () => phaseLedger(session).finish(old.run, copy, 1),
    beginUndo: () => phaseLedger(session).beginUndo(old.run, schema),
    copyBatch: () => transferLedger(session).copyBatch(old.run, { phase: 'copy', transfer }, { rows: 10 }),
    undoBatch: () => transferLedger(session).undoBatch(old.run, { phase: 'copy', transfer, unmapped: [], isLive: false }, 10),
    holdsOrFails: () => planLedger(session).holdsOrFails(old.run),
    rememberSnapshot: () => planLedger(session).rememberSnapshot(old.run, { id: 's', requestedAt: old.now }),
    complete: () => completeRun(bench.ports)(old),
    refute: () => planLedger(session).refute(old.run),
    forget: () => planLedger(session).forget(old.run),
  };
  for (const [name, act] of Object.entries(acts)) {
    expect(await refusal(act()), name).toBeInstanceOf(StaleTokenError);
  }
  expect(await bench.sql(state)).toEqual(before);
  expect(await bench.sql('select count(*)::int as rows from customers')).toEqual([{ rows: 0 }]);
});

test('what a dead run left at work in the server is ended before the lock changes hands', async () => {
  await bench.sql(`create function works() returns boolean language plpgsql as $$
begin while true loop perform pg_sleep(0.01); end loop; end $$`);
  const slow = 'delete from people where works();\n';
  const plan = await deploy(bench, onePhase(`create table made (id int);\n${slow}`, 'drop table made;\n'));
  const dead = await beginRun(bench, plan, { id: 'dead' });
  const working = runPhase(bench.ports)({ ...dead, phase: 'only' }).then(
    () => 'applied',
    (error: Error) => error.name,
  );
  const atWork = "select from pg_stat_activity where application_name = 'stepgate/dead/only' and state = 'active'";
  await until(bench, `exists (${atWork})`);
  stepFunctions.statuses.set(executionArn('dead'), 'ABORTED');
  const seen = { token: 1, run: 'dead' };
  expect(await retried(() => acquire(plan, { id: 'new', seen }))).toMatchObject({ token: 2, planState: 'fresh' });
  expect(await bench.sql(atWork)).toEqual([]);
  expect(await working).toBe('UnknownOutcomeError');
  expect(await bench.sql("select to_regclass('made')::text as made")).toEqual([{ made: null }]);
  expect(await refusal(retried(() => runPhase(bench.ports)({ ...dead, phase: 'only' })))).toBeInstanceOf(StaleTokenError);
});

test('a run whose name begins like the dead one is left at work', async () => {
  const long = 'r'.repeat(70);
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: `${long}-1` });
  await bench.sql(`begin; select set_config('application_name', stepgate.backend_label('${long}-2', 'phase'), true)`);
  stepFunctions.statuses.set(executionArn(`${long}-1`), 'ABORTED');
  expect(await acquire(plan, { id: 'new', seen: { token: 1, run: `${long}-1` } })).toMatchObject({ token: 2 });
  await bench.sql('rollback');
});

test('an interrupted plan goes on; with a finished phase changed it is refused', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first, 'indexes');
  await bench.sql('update stepgate.lock set run_id = null');
  const later = await deploy(bench, {
    ...SMALL_PLAN,
    '4-owners/up.sql': "comment on table customers is 'later';\n",
    '4-owners/undo.sql': 'comment on table customers is null;\n',
  });
  expect(await acquire(later, { id: 'later' })).toMatchObject({ planState: 'interrupted', digest: later.digest });
  await bench.sql('update stepgate.lock set run_id = null');
  const changed = await deploy(bench, { ...SMALL_PLAN, '1-schema/up.sql': `${SMALL_PLAN['1-schema/up.sql']}alter table people add column x int;\n` });
  const error = await refusal(acquire(changed, { id: 'changed' }));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain('schema');
});

test('a half-undone plan is finished by the digest that applied it', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first, 'indexes');
  const [, copy] = plan.plan.phases;
  if (copy === undefined) throw new Error('the small plan has changed');
  await phaseLedger(bench.ports.session).beginUndo(first.run, copy);
  await bench.sql('update stepgate.lock set run_id = null');
  const changed = await deploy(bench, { ...SMALL_PLAN, '1-schema/up.sql': `${SMALL_PLAN['1-schema/up.sql']}alter table people add column x int;\n` });
  expect(await acquire(changed, { id: 'changed' })).toMatchObject({ planState: 'half-undone', digest: plan.digest });
});

test('a migrated plan is migrated still; a changed one is refused, and rolling back takes the digest in force', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first);
  await completeRun(bench.ports)(first);
  await bench.sql('update stepgate.lock set run_id = null');
  expect(await acquire(plan, { id: 'again' })).toMatchObject({ planState: 'migrated', digest: plan.digest });
  await bench.sql('update stepgate.lock set run_id = null');
  const changed = await deploy(bench, { ...SMALL_PLAN, 'after.sql': '--! check: other, fail, no rows\nselect id from customers where id < 0;\n' });
  const error = await refusal(acquire(changed, { id: 'changed' }));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain('a changed plan is a different plan');
  await end(changed, error, { id: 'changed' });
  expect(await acquire(changed, { id: 'back', mode: 'rollback' })).toMatchObject({ planState: 'migrated', digest: plan.digest });
});

test('a rollback with nothing applied is refused; its end gives the lock back and is in the ledger', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const error = await refusal(acquire(plan, { id: 'back', mode: 'rollback' }));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain('there is nothing to roll back');
  for (const time of ['first', 'second']) {
    await end(plan, error, { id: 'back', mode: 'rollback' });
    expect(await holder(), time).toEqual({ token: 1, run: null });
    expect(await bench.sql('select outcome, sentence, ended_at is not null as ended from stepgate.run'), time).toEqual([
      { outcome: 'refused', sentence: `small is refused: ${error.message}`, ended: true },
    ]);
  }
});

test('AcquireLock that fails beside itself takes the lock away from neither; the end of the run gives it back', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const unknown = { ...plan, digest: digestOf('no such plan') };
  expect(await acquire(plan, { id: 'a' })).toMatchObject({ token: 1 });
  const error = await refusal(acquire(unknown, { id: 'a' }));
  expect(error.name).toBe('PlanNotFoundError');
  expect(await holder()).toEqual({ token: 1, run: 'a' });
  await planLedger(bench.ports.session).holdsOrFails(changing(plan, { id: 'a', token: 1 }).run);
  await end(plan, error, { id: 'a' });
  expect(await holder()).toEqual({ token: 1, run: null });
});

test('a baseline and a snapshot of a run that changed nothing are not taken for this run’s', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await planLedger(bench.ports.session).rememberSnapshot(first.run, { id: 'old-snapshot', requestedAt: first.now });
  await bench.sql('update stepgate.lock set run_id = null');
  await acquire(plan, { id: 'second' });
  expect(await planLedger(bench.ports.session).inForce(plan.plan.id)).toMatchObject({ baseRun: null, snapshotId: null });
});

test('a lock row that somebody holds is waited for a moment only', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  await acquire(plan, { id: 'a' });
  await bench.sql('update stepgate.lock set run_id = null');
  await bench.sql('begin; select from stepgate.lock for update');
  expect(await refusal(acquire(plan, { id: 'b' }))).toBeInstanceOf(DatabaseBusyError);
  await bench.sql('rollback');
});

test('a rollback goes by a given digest when it differs in its undo only', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first);
  await bench.sql('update stepgate.lock set run_id = null');
  const asked = { accept: null, isDigestGiven: true, to: null, level: 2 } as const;
  const mended = await deploy(bench, {
    ...SMALL_PLAN,
    '1-schema/undo.sql': 'alter table people drop column is_moved;\ndrop table if exists customers;\n',
  });
  const other = await deploy(bench, { ...SMALL_PLAN, '4-owners/up.sql': `${SMALL_PLAN['4-owners/up.sql']}comment on table customers is 'other';\n` });
  expect((await refusal(acquire(other, { id: 'other', mode: 'rollback', asked }))).message).toContain('differs in more than the undo of owners');
  await bench.sql('update stepgate.lock set run_id = null');
  expect(await acquire(mended, { id: 'plain', mode: 'rollback' })).toMatchObject({ digest: plan.digest });
  await bench.sql('update stepgate.lock set run_id = null');
  expect(await acquire(mended, { id: 'mended', mode: 'rollback', asked })).toMatchObject({ digest: mended.digest });
});

test('a rollback that finds the tables of the plan but not its ledger says so', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first);
  await bench.sql('drop schema stepgate cascade');
  const { message } = await refusal(acquire(plan, { id: 'back', mode: 'rollback' }));
  expect(message).toContain('table public.customers is there');
  expect(message).toContain('nothing was touched');
});

test('a ledger of an earlier version is brought up to date, and what it archived is kept', async () => {
  await emptyDatabase(bench, SMALL_SOURCE);
  const version1 = await readFile(new URL('../../../ledger/version-1.sql', import.meta.url), 'utf8');
  await bench.sql(`${version1};
create function stepgate.undo_phase(text, bigint, text, text, jsonb) returns text language sql as 'select null::text';
insert into stepgate.version values ('earlier');
insert into stepgate_archive.row (run_id, plan, transfer, table_name, key, image) values ('old', 'small', 'rows', 'public.t', '1', '{"id": 1}')`);
  const plan = await deploy(bench, SMALL_PLAN);
  expect(await acquire(plan, { id: 'newer' })).toMatchObject({ token: 1, planState: 'fresh' });
  expect(await bench.sql("select run_id, image->>'id' as id, pg_typeof(image)::text as type from stepgate_archive.row")).toEqual([
    { run_id: 'old', id: '1', type: 'json' },
  ]);
  expect(await bench.sql("select pronargs::int as parameters from pg_proc where proname = 'undo_phase'")).toEqual([{ parameters: 8 }]);
});

test('an undo that died before its proof is proven before anything else is begun', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first, 'copy');
  await undoPhase(bench.ports)({ ...first, phase: 'schema' });
  await bench.sql('update stepgate.lock set run_id = null');
  expect(await acquire(plan, { id: 'second' })).toMatchObject({ planState: 'half-undone' });
});
