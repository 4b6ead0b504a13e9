import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { dataApiClient } from '../../../adapters/aws-clients.ts';
import { sfnExecutions } from '../../../adapters/executions.ts';
import { sqlSession } from '../../../adapters/sql-session.ts';
import { ConfigurationError } from '../../../core/errors.ts';
import { RunId } from '../../../core/ids.ts';
import { PLAIN_PLACE } from '../../../core/run/run-place.ts';
import { type Settling, settleRun } from '../../../lambdas/doors/settle-run.ts';
import { closeRun } from '../../../lambdas/finish/close-run.ts';
import { beginRun, type Deployed, deploy, emptyPlanDatabase, refusal } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { type StepFunctionsFace, startStepFunctionsFace } from '../../support/step-functions-face.ts';
import { executionArn, openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let stepFunctions: StepFunctionsFace;
let plan: Deployed;
let notices: { readonly subject: string; readonly text: string }[];
let counted: string[];
let moved: string[];
beforeAll(async () => {
  [bench, stepFunctions] = await Promise.all([openWorkbench(), startStepFunctionsFace()]);
  plan = await deploy(bench, SMALL_PLAN);
});
afterAll(() => Promise.all([bench?.close(), stepFunctions?.close()]));
let number = 0;
let id = '';
beforeEach(async () => {
  await emptyPlanDatabase(bench, SMALL_SOURCE);
  stepFunctions.statuses.clear();
  stepFunctions.started.length = 0;
  [notices, counted, moved] = [[], [], []];
  number += 1;
  id = `dead-${number}`;
});

/** An event about the execution of this name. */
function event(name: string, { input, ...more }: Around & { readonly input?: string } = {}): Promise<Settling> {
  return settling({ time: '2026-01-05T23:00:00Z', detail: { executionArn: executionArn(name), name, input: input ?? null } }, more);
}

interface Around {
  readonly session?: Workbench['ports']['session'];
  readonly pause?: () => Promise<void>;
  /** What the first schedule is refused with. */
  readonly refuses?: string;
}

const PLACE = { groupName: 'default', targetArn: 'door', roleArn: 'role', deadLetterArn: 'queue' };

function settling(call: Parameters<ReturnType<typeof settleRun>>[0], more: Around = {}): Promise<Settling> {
  return settleRun({
    ...bench.ports,
    ...(more.session && { session: more.session }),
    pause: more.pause ?? (async () => undefined),
    executions: sfnExecutions(stepFunctions.client()),
    deadManAt: () => ({
      set: async (_, at) => {
        moved.push(at.toISOString());
        if (more.refuses !== undefined && moved.length === 1) throw new ConfigurationError(more.refuses);
      },
    }),
    notices: { publish: async (notice) => void notices.push(notice) },
    deployed: { [plan.plan.id]: plan.digest },
    place: PLAIN_PLACE,
    count: (metric, machine) => void counted.push(`${metric} ${machine}`),
  })(call);
}

/** A run that holds the lock, whose execution ended so. */
async function die(status = 'ABORTED', mode: 'execute' | 'dry-run' = 'execute') {
  stepFunctions.statuses.set(executionArn(id), status);
  stepFunctions.inputs.set(executionArn(id), JSON.stringify({ plan: 'small', mode }));
  return mode === 'execute' ? beginRun(bench, plan, { id }) : null;
}

test.each(['ABORTED', 'FAILED', 'TIMED_OUT'])(
  'a run whose execution is %s and that has no outcome is recovered, once however often that is told',
  async (status) => {
    await die(status);
    const both = await Promise.all([event(id), event(id)]);
    expect(both.map(({ did }) => did)).toContain('started');
    expect(await event(id)).toMatchObject({ did: 'left-alone', because: `recover-${id}-1 is RUNNING` });
    expect(stepFunctions.started).toEqual([`recover-${id}-1`]);
    expect(stepFunctions.inputs.get(executionArn(`recover-${id}-1`))).toBe(`{"mode":"recover","plan":"small","run":"${id}"}`);
  },
);

test('a dry run that died is recovered, though the database knows nothing of it', async () => {
  await die('ABORTED', 'dry-run');
  expect(await event(id, { session: unreachable() })).toMatchObject({ did: 'started' });
});

test('a recovery that failed makes room for the next, and the third calls a person, once', async () => {
  await die();
  const input = JSON.stringify({ mode: 'recover', plan: 'small', run: id });
  await event(id);
  for (const failed of [1, 2]) {
    stepFunctions.statuses.set(executionArn(`recover-${id}-${failed}`), 'FAILED');
    expect(await event(`recover-${id}-${failed}`, { input })).toMatchObject({ did: 'started' });
  }
  stepFunctions.statuses.set(executionArn(`recover-${id}-3`), 'FAILED');
  expect(await event(`recover-${id}-3`, { input })).toMatchObject({ did: 'gave-up' });
  // Late, and twice.
  for (const about of [id, `recover-${id}-2`]) expect(await event(about, { input })).toMatchObject({ did: 'left-alone' });
  expect(stepFunctions.started).toEqual([1, 2, 3].map((n) => `recover-${id}-${n}`));
  expect(counted).toEqual(['RunsNotRecovered Stepgate']);
  expect(notices).toHaveLength(1);
  expect(notices[0]?.subject).toBe('Stepgate: small needs a person, its run could not be settled');
  expect(notices[0]?.text).toContain('npx stepgate rollback small');
  expect((await bench.ports.journal.readAll(RunId.parse(id))).at(-1)).toMatchObject({ kind: 'recovery', status: 'given-up', number: 3 });
});

test('a run that has its outcome and holds nothing is left alone', async () => {
  const run = await die('FAILED');
  if (run === null) throw new Error('there is no run');
  await closeRun(bench.ports)({
    ...run,
    outcome: 'refused',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  expect(await event(id)).toMatchObject({ did: 'left-alone', because: 'it is refused, and nothing is held by it' });
});

test.each([
  { what: 'the lock', outcome: 'refused', held: (run: string) => `update stepgate.lock set run_id = '${run}'`, did: 'started' },
  {
    what: 'its fence',
    outcome: 'refused',
    held: (run: string) => `insert into stepgate.fence (plan, run_id) values ('small', '${run}')`,
    did: 'started',
  },
  {
    what: 'its fence',
    outcome: 'halted',
    held: (run: string) => `insert into stepgate.fence (plan, run_id) values ('small', '${run}')`,
    did: 'left-alone',
  },
] as const)('a run that is $outcome and still holds $what is $did', async ({ outcome, held, did }) => {
  const run = await die('FAILED');
  if (run === null) throw new Error('there is no run');
  await closeRun(bench.ports)({
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
  await bench.sql(held(id));
  expect(await event(id)).toMatchObject({ did });
});

test('a run that a newer one has taken over is left alone', async () => {
  await die();
  await bench.sql('update stepgate.lock set run_id = null, execution_arn = null');
  await beginRun(bench, plan, { id: `next-${number}` });
  expect(await event(id)).toMatchObject({ did: 'left-alone', because: 'a newer run has taken it over' });
});

test.each([
  { what: 'that runs again', status: 'RUNNING', name: () => id, input: '{}' },
  { what: 'that Step Functions does not know', status: 'ExecutionDoesNotExist', name: () => id, input: '{}' },
  { what: 'whose input no run begins with', status: 'ABORTED', name: () => id, input: '"execute"' },
  { what: 'whose name is no run’s', status: 'ABORTED', name: () => 'no run', input: '{}' },
])('an execution $what is left alone', async ({ status, name, input }) => {
  stepFunctions.statuses.set(executionArn(name()), status);
  stepFunctions.inputs.set(executionArn(name()), input);
  expect(await event(name())).toMatchObject({ did: 'left-alone' });
  expect(stepFunctions.started).toEqual([]);
});

test('a run without an outcome is recovered though the database is away; one that has one is asked about again', async () => {
  const run = await die();
  const session = unreachable();
  expect(await event(id, { session })).toMatchObject({ did: 'started' });
  if (run === null) throw new Error('there is no run');
  await closeRun(bench.ports)({
    ...run,
    outcome: 'refused',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  expect((await refusal(event(id, { session }))).name).toBe('ConfigurationError');
});

/** A database that the secret does not open. */
function unreachable(): Workbench['ports']['session'] {
  const environment = { ...bench.environment, STEPGATE_SECRET_ARN: `${bench.environment.STEPGATE_SECRET_ARN}-other` };
  return sqlSession(environment, dataApiClient());
}

test('an execution that Step Functions still calls running when its end is told is looked at again', async () => {
  await die('RUNNING');
  const pause = async () => void stepFunctions.statuses.set(executionArn(id), 'ABORTED');
  expect(await event(id, { pause })).toMatchObject({ did: 'started' });
});

test('a look that nobody could take is taken again', async () => {
  const run = await die();
  if (run === null) throw new Error('there is no run');
  await closeRun(bench.ports)({
    ...run,
    outcome: 'refused',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  expect((await refusal(settling(deadMan(), { session: unreachable() }))).name).toBe('ConfigurationError');
  expect(moved).toEqual(['2026-01-05T23:00:00.000Z']);
});

/** The call of a dead man's schedule. */
function deadMan() {
  return { deadMan: { run: RunId.parse(id), executionArn: executionArn(id), at: '2026-01-05T22:30:00Z', place: PLACE } };
}

test.each([
  { what: 'runs', status: 'RUNNING', did: 'left-alone' },
  { what: 'has died unheard', status: 'ABORTED', did: 'started' },
])('a dead man’s schedule of a run that $what looks again half an hour later', async ({ status, did }) => {
  await die(status);
  expect(await settling(deadMan())).toMatchObject({ did });
  expect(moved).toEqual(['2026-01-05T23:00:00.000Z']);
});

test('a look that came so late that half an hour after it is past looks again a day later', async () => {
  await die('RUNNING');
  await settling(deadMan(), { refuses: 'at(2026-01-05T23:00:00) is in the past' });
  expect(moved).toEqual(['2026-01-05T23:00:00.000Z', '2026-01-06T23:30:00.000Z']);
});

test('a dead man’s schedule of a run that is settled is the last one', async () => {
  const run = await die('FAILED');
  if (run === null) throw new Error('there is no run');
  await closeRun(bench.ports)({
    ...run,
    outcome: 'refused',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  expect(await settling(deadMan())).toMatchObject({ did: 'left-alone' });
  expect(moved).toEqual([]);
});
