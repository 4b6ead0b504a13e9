import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sfnExecutions } from '../../../adapters/executions.ts';
import { DatabaseBusyError, LockHeldError, StaleTokenError } from '../../../core/errors.ts';
import { RunId } from '../../../core/ids.ts';
import type { Mode } from '../../../core/run/mode.ts';
import { type Recovery, recoverName } from '../../../core/run/recovery.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { closeRun } from '../../../lambdas/finish/close-run.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { acquireLock, type LockAnswer } from '../../../lambdas/start/acquire-lock.ts';
import { beginMeasuredRun, beginRun, type Deployed, deploy, emptyPlanDatabase, entries, refusal, runPhases } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { type StepFunctionsFace, startStepFunctionsFace } from '../../support/step-functions-face.ts';
import { changing, executionArn, openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let stepFunctions: StepFunctionsFace;
let plan: Deployed;
beforeAll(async () => {
  [bench, stepFunctions] = await Promise.all([openWorkbench(), startStepFunctionsFace()]);
  plan = await deploy(bench, SMALL_PLAN);
});
afterAll(() => Promise.all([bench?.close(), stepFunctions?.close()]));
beforeEach(async () => {
  await emptyPlanDatabase(bench, SMALL_SOURCE);
  stepFunctions.statuses.clear();
});

const DEAD = RunId.parse('dead');
const FAILED = { failure: null, stage: 'changing', asked: NOTHING_ASKED } as const;
type Options = {
  readonly number?: number;
  readonly mode?: Mode;
  readonly seen?: LockAnswer['holderSeen'];
  readonly recorded?: Recovery['recorded'];
  readonly of?: Deployed;
};

/** A visit of AcquireLock by the n-th recovery of run `dead`. */
function visit({ number = 1, mode = 'execute', seen = null, recorded = null, of = plan }: Options = {}): Promise<LockAnswer> {
  const name = recoverName(DEAD, number);
  const envelope = reading(of, { mode, id: DEAD });
  const failure = { Error: 'RunDied', Cause: 'it was stopped' };
  const recovery = { name, number, executionArn: executionArn(DEAD), failure, recorded, isRestoring: false };
  return acquireLock({ ...bench.ports, executions: sfnExecutions(stepFunctions.client()), pause: async () => undefined })({
    ...{ ...envelope, run: { ...envelope.run, executionArn: executionArn(name) } },
    ...{ holderSeen: seen, asked: NOTHING_ASKED, recovery },
  });
}

/** Both looks at a dead holder. */
async function recover(options: Options = {}): Promise<LockAnswer> {
  stepFunctions.statuses.set(executionArn(DEAD), 'ABORTED');
  const first = await visit(options);
  return first.token === null && first.holderSeen !== null ? visit({ ...options, seen: first.holderSeen }) : first;
}

async function holder(): Promise<unknown> {
  const [row] = await bench.sql("select token::int, run_id as run, regexp_replace(execution_arn, '^.*:', '') as execution from stepgate.lock");
  return row;
}

test('a dead run’s lock goes to its recovery at the second look, with a token that shuts the dead execution out', async () => {
  const dead = await beginMeasuredRun(bench, plan, { id: DEAD });
  stepFunctions.statuses.set(executionArn(DEAD), 'ABORTED');
  const first = await visit();
  expect(first).toMatchObject({ token: null, way: null, holderSeen: { token: 1, run: DEAD } });
  const taken = await visit({ seen: first.holderSeen });
  expect(taken).toMatchObject({ token: 2, digest: plan.digest, way: { to: 'lower', outcome: 'refused' } });
  expect(await Promise.all([visit({ seen: first.holderSeen }), visit()])).toEqual([taken, taken]);
  expect(await holder()).toEqual({ token: 2, run: DEAD, execution: 'recover-dead-1' });
  expect(await refusal(runPhase(bench.ports)({ ...dead, phase: 'schema' }))).toBeInstanceOf(StaleTokenError);
});

test('a run that died in its phases is undone, one that died after its point of no return is migrated', async () => {
  const dead = await beginMeasuredRun(bench, plan, { id: DEAD });
  await runPhases(bench.ports, dead, 'indexes');
  const taken = await recover();
  expect(taken.way).toMatchObject({ to: 'undo', failure: { Error: 'RunDied' } });
  const recovering = changing(plan, { token: taken.token ?? 0, id: DEAD });
  expect(await decideRecovery(bench.ports)({ ...recovering, ...FAILED })).toMatchObject({ kind: 'undo', phase: 'copy' });
  await runPhases(bench.ports, recovering);
  await completeRun(bench.ports)(recovering);
  stepFunctions.statuses.set(executionArn('recover-dead-1'), 'TIMED_OUT');
  expect(await recover({ number: 2 })).toMatchObject({ token: 3, planState: 'fresh', way: { to: 'lower', outcome: 'migrated', failure: null } });
});

test('a plan that was migrated before the run that died stays migrated', async () => {
  const before = await beginMeasuredRun(bench, plan, { id: 'before' });
  await runPhases(bench.ports, before);
  await completeRun(bench.ports)(before);
  await close(before, 'migrated');
  await beginRun(bench, plan, { id: DEAD });
  expect(await recover()).toMatchObject({ planState: 'migrated', way: { to: 'lower', outcome: 'migrated' } });
});

test('a rollback that had begun is gone on with, one that had not is left at that', async () => {
  const before = await beginMeasuredRun(bench, plan, { id: 'before' });
  await runPhases(bench.ports, before);
  await completeRun(bench.ports)(before);
  await close(before, 'migrated');
  const dead = await beginRun(bench, plan, { id: DEAD, mode: 'rollback' });
  expect((await recover({ mode: 'rollback' })).way).toMatchObject({ to: 'lower', outcome: 'refused', failure: { Error: 'RunDied' } });
  const [token] = await bench.sql<{ token: number }>('select token::int from stepgate.lock');
  await decideRecovery(bench.ports)({ ...dead, run: { ...dead.run, token: token?.token ?? 0 }, ...FAILED });
  stepFunctions.statuses.set(executionArn('recover-dead-1'), 'FAILED');
  expect((await recover({ mode: 'rollback', number: 2 })).way).toMatchObject({ to: 'undo', failure: null });
});

test('a recovery that died is taken over by the next one, and one that runs is left alone', async () => {
  await beginRun(bench, plan, { id: DEAD });
  await recover();
  stepFunctions.statuses.set(executionArn('recover-dead-1'), 'RUNNING');
  expect((await visit({ number: 2 })).way).toMatchObject({ to: 'leave', sentence: expect.stringContaining('recover-dead-1') });
  stepFunctions.statuses.set(executionArn('recover-dead-1'), 'ABORTED');
  expect(await recover({ number: 2 })).toMatchObject({ token: 3 });
});

test('a run whose lock another has taken over is left to it, and the journal says so', async () => {
  const dead = await beginMeasuredRun(bench, plan, { id: DEAD });
  await bench.sql('update stepgate.lock set run_id = null, execution_arn = null');
  const next = await beginRun(bench, plan, { id: 'next' });
  const left = { token: null, way: { to: 'leave', sentence: 'run next has taken run dead over' } };
  expect(await recover()).toMatchObject(left);
  await close(next, 'rolled-back');
  expect(await recover()).toMatchObject(left);
  expect(await entries(bench, dead, 'recovery')).toContainEqual(
    expect.objectContaining({ status: 'left', number: 1, because: 'run next has taken run dead over' }),
  );
  expect(await holder()).toMatchObject({ run: null });
});

test('a run that never had the lock holds nothing while another has it', async () => {
  await beginRun(bench, plan, { id: 'other' });
  expect(await recover()).toMatchObject({ token: null, way: { to: 'close', outcome: 'refused' } });
  expect(await holder()).toMatchObject({ run: 'other', token: 1 });
});

test('a run that never had the lock cannot take it late', async () => {
  const late = bench.ports.session.query;
  let seen: () => void = () => undefined;
  const looked = new Promise<void>((resolve) => {
    seen = resolve;
  });
  let goOn: () => void = () => undefined;
  const recovered = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  // The dead execution's function goes on after it has looked at the free lock.
  const session = {
    ...bench.ports.session,
    query: (async (shape: never, sql: string, parameters: never) => {
      if (sql.includes('take_lock')) {
        seen();
        await recovered;
      }
      return late(shape, sql, parameters);
    }) as typeof late,
  };
  const executions = sfnExecutions(stepFunctions.client());
  const straggler = refusal(
    acquireLock({ ...bench.ports, session, executions, pause: async () => undefined })({
      ...reading(plan, { mode: 'execute', id: DEAD }),
      ...{ holderSeen: null, asked: NOTHING_ASKED },
    }),
  );
  await looked;
  expect(await recover()).toMatchObject({ token: 1, way: { to: 'lower', outcome: 'refused' } });
  goOn();
  expect(await straggler).toBeInstanceOf(DatabaseBusyError);
  expect(await holder()).toEqual({ token: 1, run: DEAD, execution: 'recover-dead-1' });
});

const TIDYING = {
  'plan.yaml': `title: What cleanup takes away
phases:
  - { id: only }
  - { id: tidy, when: cleanup, undo: none, because: it goes }
  - { id: sweep, when: cleanup, undo: none, because: it goes as well }
`,
  '1-only/up.sql': 'create table made (id bigint primary key);\n',
  '1-only/undo.sql': 'drop table made;\n',
  '2-tidy/up.sql': "comment on table made is 'tidy';\n",
  '3-sweep/up.sql': "comment on table made is 'swept';\n",
};

test('a cleanup that died says what of it is left, and undoes nothing', async () => {
  const tidying = await deploy(bench, TIDYING, 'tidying');
  const before = await beginMeasuredRun(bench, tidying, { id: 'before' });
  await runPhases(bench.ports, before);
  await completeRun(bench.ports)(before);
  await close(before, 'migrated');
  await bench.sql("update stepgate.plan set migrated_at = '2026-01-01'");
  const dead = await beginRun(bench, tidying, { id: DEAD, mode: 'cleanup' });
  const recovered = async (number: number) => (await recover({ mode: 'cleanup', number, of: tidying })).way;
  expect(await recovered(1)).toMatchObject({ to: 'lower', outcome: 'refused' });
  const next = async () => {
    const [row] = await bench.sql<{ token: number }>('select token::int from stepgate.lock');
    return { ...dead, run: { ...dead.run, token: row?.token ?? 0 } };
  };
  await runPhases(bench.ports, await next(), 'sweep');
  stepFunctions.statuses.set(executionArn('recover-dead-1'), 'ABORTED');
  const half = await recovered(2);
  expect(half).toMatchObject({ to: 'lower', outcome: 'halted' });
  expect(half?.failure?.Cause).toContain('what is left of the cleanup: phase sweep; start cleanup again');
  await runPhases(bench.ports, await next());
  stepFunctions.statuses.set(executionArn('recover-dead-2'), 'ABORTED');
  expect(await recovered(3)).toMatchObject({ to: 'lower', outcome: 'passed', failure: null });
});

test('a holder of which nobody can say that it has ended keeps the lock', async () => {
  await beginRun(bench, plan, { id: DEAD });
  expect(await refusal(visit())).toBeInstanceOf(LockHeldError);
});

test('what the run had come to is closed as it said it, and the lock given back', async () => {
  const dead = await beginRun(bench, plan, { id: DEAD });
  const recorded = { outcome: 'refused', sentence: 'as it was said' } as const;
  const taken = await recover({ recorded });
  expect(taken.way).toMatchObject({ to: 'lower', outcome: 'refused' });
  const recovery = {
    name: 'recover-dead-1',
    number: 1,
    executionArn: executionArn(DEAD),
    failure: { Error: 'RunDied', Cause: '' },
    recorded,
    isRestoring: false,
  };
  const run = { ...dead.run, token: taken.token };
  const closing = {
    ...dead,
    run,
    outcome: 'refused',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    recovery,
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  } as const;
  expect(await closeRun(bench.ports)(closing)).toEqual(recorded);
  expect(await bench.sql('select outcome, sentence from stepgate.run')).toEqual([recorded]);
  expect(await entries(bench, dead, 'outcome')).toEqual([]);
  expect(await holder()).toMatchObject({ run: null });
});

function close(run: Awaited<ReturnType<typeof beginRun>>, outcome: 'migrated' | 'rolled-back') {
  return closeRun(bench.ports)({
    ...run,
    outcome,
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
}
