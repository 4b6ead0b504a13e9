import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DescribedExecution } from '../../../adapters/executions.ts';
import { InputRefusedError, PlanNotFoundError } from '../../../core/errors.ts';
import { PlanId } from '../../../core/ids.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { loadPlan } from '../../../lambdas/start/load-plan.ts';
import { type Deployed, deploy, entries, refusal } from '../../support/run-driver.ts';
import { SMALL_PLAN } from '../../support/small-plan.ts';
import { digestOf, openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
});
afterAll(() => bench?.close());

type Described = Pick<DescribedExecution, 'status' | 'said' | 'input'>;

function load(input: unknown, deployed: Readonly<Record<string, string>> = { small: plan.digest }, id = 'loaded', dead: Described | null = null) {
  const executions = { describe: async () => dead && { ...dead, succeeded: false, startedAt: new Date('2026-01-05T21:00:00.000Z') } };
  const { run, now } = reading(plan, { mode: 'dry-run', id });
  return loadPlan({ ...bench.ports, executions, deployed: deployed as never })({ run: { ...run, plan: null, digest: null, mode: null }, now, input });
}

test('LoadPlan run twice and beside itself pins the same digest, and writes it down', async () => {
  const input = { plan: 'small', mode: 'execute', digest: plan.digest, Comment: 'as pasted' };
  const [one, other] = await Promise.all([load(input), load(input)]);
  expect(one).toEqual({
    plan: 'small',
    mode: 'execute',
    digest: plan.digest,
    asked: { accept: null, isDigestGiven: true, to: null, level: 2 },
    deadline: null,
    ...{ run: 'loaded', startedAt: '2026-01-05T22:00:00.000Z', recovery: null },
  });
  expect(other).toEqual(one);
  expect(await entries(bench, reading(plan, { mode: 'execute', id: 'loaded' }) as never, 'run')).toMatchObject([
    { run: 'loaded', plan: 'small', mode: 'execute', digest: plan.digest, phases: ['schema', 'copy', 'indexes', 'owners'] },
  ]);
});

test('what a rollback accepts is passed on and written down', async () => {
  const input = { plan: 'small', mode: 'rollback', accept: '0123456789ab' };
  expect(await load(input, undefined, 'accepting')).toMatchObject({ asked: { accept: '0123456789ab', isDigestGiven: false } });
  expect(await entries(bench, reading(plan, { mode: 'rollback', id: 'accepting' }) as never, 'run')).toMatchObject([{ accept: '0123456789ab' }]);
});

test('an empty input is a dry-run of the only plan', async () => {
  expect(await load({})).toMatchObject({ plan: 'small', mode: 'dry-run', digest: plan.digest, asked: NOTHING_ASKED, deadline: null });
});

test.each([
  { input: [], name: 'InputRefusedError', said: 'must be a JSON object' },
  { input: null, name: 'InputRefusedError', said: 'must be a JSON object' },
  { input: 'execute', name: 'InputRefusedError', said: '{"plan":"small","mode":"dry-run"}' },
  { input: { mode: 'exectue' }, name: 'InputRefusedError', said: 'mode "exectue" is unknown' },
  { input: { mode: 'rehearse' }, name: 'InputRefusedError', said: 'is not built in this version' },
  { input: { plan: 'small', force: true }, name: 'InputRefusedError', said: 'unknown keys: force' },
  { input: { mode: 'execute', accept: '0123456789ab' }, name: 'InputRefusedError', said: 'accept goes with mode rollback' },
  { input: { mode: 'rollback', accept: 'all' }, name: 'InputRefusedError', said: '12 hexadecimal characters' },
  { input: { mode: 'execute', level: 3 }, name: 'InputRefusedError', said: 'level goes with mode rollback' },
  { input: { mode: 'rollback', level: 1 }, name: 'InputRefusedError', said: 'level must be 2 (undo the phases) or 3 (restore the snapshot)' },
  { input: { mode: 'rollback', level: 3, to: 'copy' }, name: 'InputRefusedError', said: 'leave out to and accept' },
  { input: { mode: 'execute', to: 'copy' }, name: 'InputRefusedError', said: 'to goes with mode rollback' },
  { input: { mode: 'rollback', to: 'Copy it' }, name: 'InputRefusedError', said: 'to must be the id of a phase that stays' },
  {
    input: { mode: 'rollback', to: 'nowhere' },
    name: 'InputRefusedError',
    said: 'no phase nowhere to go back to; its phases are schema, copy, indexes, owners',
  },
  { input: { mode: 'rollback', to: 'copy', accept: '0123456789ab' }, name: 'InputRefusedError', said: 'leave out accept or to' },
  { input: { mode: 'execute', start: 'tonight' }, name: 'InputRefusedError', said: 'start must be a time in UTC' },
  { input: { mode: 'execute', start: '2020-01-01T00:00:00Z' }, name: 'GateRefusedError', said: 'the run was to start at 2020-01-01T00:00:00.000Z' },
  { input: { plan: 7 }, name: 'InputRefusedError', said: 'got 7' },
  { input: { plan: 'other' }, name: 'PlanNotFoundError', said: 'no plan "other"; it has small' },
  { input: { plan: 'constructor' }, name: 'PlanNotFoundError', said: 'no plan "constructor"; it has small' },
  { input: { digest: digestOf('another') }, name: 'PlanNotFoundError', said: 'the input asks for' },
])('input $input is refused: $said', async ({ input, name, said }) => {
  const error = await refusal(load(input, undefined, 'refused'));
  expect(error.name).toBe(name);
  expect(error.message).toContain(said);
});

test('with several plans a line to paste is given for each', async () => {
  const error = await refusal(load({}, { small: plan.digest, [PlanId.parse('other')]: plan.digest }));
  expect(error).toBeInstanceOf(InputRefusedError);
  expect(error.message).toContain('{"plan":"small","mode":"dry-run"} or {"plan":"other","mode":"dry-run"}');
});

test('a plan that is not in the bucket, or was changed there, is not run', async () => {
  const gone = digestOf('gone');
  expect(await refusal(load({}, { small: gone }))).toBeInstanceOf(PlanNotFoundError);
});

const RECOVER = { mode: 'recover', plan: 'small', run: 'dead' };
const ABORTED = { status: 'ended', said: 'ABORTED (Interrupted: by hand)' } as const;

test('a recovery goes on as the run that died: by its mode, digest, acceptance and time, and says so in its journal', async () => {
  const input = { plan: 'small', mode: 'rollback', digest: plan.digest, accept: '0123456789ab' };
  await load(input, undefined, 'dead');
  // Another version of the plan is deployed meanwhile.
  const recover = () => load(RECOVER, { small: digestOf('another') }, 'recover-dead-1', { ...ABORTED, input: JSON.stringify(input) });
  const [one, other] = await Promise.all([recover(), recover()]);
  expect(one).toMatchObject({
    ...{ plan: 'small', mode: 'rollback', digest: plan.digest, run: 'dead', startedAt: '2026-01-05T22:00:00.000Z' },
    asked: { accept: '0123456789ab', isDigestGiven: true },
    recovery: { name: 'recover-dead-1', number: 1, recorded: null, failure: { Error: 'RunDied', Cause: expect.stringContaining('ABORTED') } },
  });
  expect(other).toEqual(one);
  expect(await entries(bench, reading(plan, { mode: 'rollback', id: 'dead' }) as never, 'recovery')).toMatchObject([
    { status: 'begun', number: 1, by: 'recover-dead-1' },
  ]);
  expect(await bench.ports.journal.readAll('recover-dead-1' as never)).toEqual([]);
});

test('a run that died before it had said anything is known by its execution', async () => {
  const dead = { ...ABORTED, input: '{"mode":"execute"}' };
  expect(await load({ ...RECOVER, run: 'mute' }, undefined, 'recover-mute-2', dead)).toMatchObject({
    ...{ run: 'mute', plan: 'small', mode: 'execute', startedAt: '2026-01-05T21:00:00.000Z', recovery: { number: 2 } },
  });
  expect(await entries(bench, reading(plan, { mode: 'execute', id: 'mute' }) as never, 'run')).toMatchObject([{ run: 'mute', mode: 'execute' }]);
});

test.each([
  { id: 'recover-dead-1', dead: null, said: 'not known to Step Functions' },
  {
    id: 'recover-dead-1',
    dead: { status: 'running', said: 'RUNNING', input: '{}' } as const,
    said: 'run dead is not dead: its execution is RUNNING',
  },
  { id: 'by-hand', dead: null, said: 'the stack itself starts mode recover, as recover-dead-1' },
  { id: 'recover-other-1', dead: null, said: 'the stack itself starts mode recover' },
])('$id is no recovery of run dead: $said', async ({ id, dead, said }) => {
  expect((await refusal(load(RECOVER, undefined, id, dead))).message).toContain(said);
});

test.each([{ mode: 'recover' }, { ...RECOVER, mode: 'recover', digest: 'x' }, { mode: 'recover', plan: 'small', run: 'no run' }])(
  'a person who asks for %j is told what to start instead',
  async (input) => {
    const error = await refusal(load(input, undefined, 'asked'));
    expect(error).toBeInstanceOf(InputRefusedError);
    expect(error.message).toContain('start rollback, or execute');
  },
);
