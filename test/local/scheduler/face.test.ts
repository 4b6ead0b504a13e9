import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { afterEach, expect, test } from 'vitest';
import { startScheduler } from '../../../local/scheduler/face.ts';
import { type VirtualClock, virtualClock } from '../../../local/virtual-clock.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const SECOND_MS = 1000;
const utc = (clock: VirtualClock, afterMs: number) => `at(${new Date(clock.now().getTime() + afterMs).toISOString().slice(0, 19)})`;

async function scheduler({ folder = mkdtempSync(join(tmpdir(), 'stepgate-schedules-')), clock = virtualClock(), fails = false } = {}) {
  const started: unknown[] = [];
  const invoked: unknown[] = [];
  const face = await startScheduler({
    folder,
    clock,
    region: 'eu-west-1',
    accountId: '123456789012',
    invoke: (functionArn, payload) => void invoked.push([functionArn, JSON.parse(payload)]),
    startExecution(request) {
      if (fails) throw new Error('ExecutionAlreadyExists');
      started.push(request);
    },
  });
  const client = new SchedulerClient({
    endpoint: face.url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    maxAttempts: 1,
  });
  closers.push(
    () => client.destroy(),
    face.close,
    () => clock.stop(),
  );
  return { client, clock, folder, started, invoked, close: face.close };
}

function request(expression: string, more: Partial<CreateScheduleCommandInput> = {}): CreateScheduleCommandInput {
  return {
    Name: 'execute-lead-centric',
    ScheduleExpression: expression,
    ScheduleExpressionTimezone: 'UTC',
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: {
      Arn: 'arn:aws:scheduler:::aws-sdk:sfn:startExecution',
      RoleArn: 'arn:aws:iam::123456789012:role/r',
      Input: JSON.stringify({ StateMachineArn: 'arn:machine', Name: 'run', Input: '{"at":"<aws.scheduler.scheduled-time>"}' }),
      RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 3 },
    },
    ...more,
  };
}

/** Lets virtual time pass, as a Wait state does. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const release = clock.hold();
  await clock.waitUntil(new Date(clock.now().getTime() + ms), new AbortController().signal);
  release();
}

test('a schedule is created, shown, listed and deleted', async () => {
  const { client, clock } = await scheduler();
  const { ScheduleArn } = await client.send(new CreateScheduleCommand(request(utc(clock, 3600 * SECOND_MS))));
  expect(ScheduleArn).toBe('arn:aws:scheduler:eu-west-1:123456789012:schedule/default/execute-lead-centric');
  const shown = await client.send(new GetScheduleCommand({ Name: 'execute-lead-centric' }));
  expect(shown).toMatchObject({
    Arn: ScheduleArn,
    State: 'ENABLED',
    GroupName: 'default',
    ScheduleExpressionTimezone: 'UTC',
    Target: { RetryPolicy: { MaximumEventAgeInSeconds: 300 } },
  });
  expect((await client.send(new ListSchedulesCommand({ NamePrefix: 'execute-' }))).Schedules).toMatchObject([{ Name: 'execute-lead-centric' }]);
  await client.send(new DeleteScheduleCommand({ Name: 'execute-lead-centric' }));
  await expect(client.send(new GetScheduleCommand({ Name: 'execute-lead-centric' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await expect(client.send(new DeleteScheduleCommand({ Name: 'execute-lead-centric' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('it starts the execution when virtual time passes its time, with the time filled in, and is then deleted', async () => {
  const { client, clock, started } = await scheduler();
  const expression = utc(clock, 3600 * SECOND_MS);
  await client.send(new CreateScheduleCommand(request(expression)));
  await pass(clock, 3500 * SECOND_MS);
  expect(started).toEqual([]);
  await pass(clock, 200 * SECOND_MS);
  expect(started).toEqual([{ stateMachineArn: 'arn:machine', name: 'run', input: `{"at":"${expression.slice(3, -1)}Z"}` }]);
  expect((await client.send(new ListSchedulesCommand({}))).Schedules).toEqual([]);
});

test.each([
  { name: 'that is DISABLED', more: { State: 'DISABLED' as const } },
  { name: 'whose local time the zone skips', more: { ScheduleExpression: 'at(2035-03-25T02:30:00)', ScheduleExpressionTimezone: 'Europe/Berlin' } },
])('a schedule $name does not fire', async ({ more }) => {
  const { client, clock, started } = await scheduler();
  await client.send(new CreateScheduleCommand(request(utc(clock, 60 * SECOND_MS), more)));
  await pass(clock, 15 * 365 * 86_400 * SECOND_MS);
  expect(started).toEqual([]);
});

test('one without ActionAfterCompletion stays, and fires once, also over a restart', async () => {
  const { client, clock, started, folder, close } = await scheduler();
  await client.send(new CreateScheduleCommand(request(utc(clock, 60 * SECOND_MS), { ActionAfterCompletion: 'NONE' })));
  await pass(clock, 120 * SECOND_MS);
  await close();
  const later = await scheduler({ folder, clock });
  await pass(clock, 120 * SECOND_MS);
  expect([started.length, later.started.length]).toEqual([1, 0]);
  expect((await later.client.send(new ListSchedulesCommand({}))).Schedules).toHaveLength(1);
});

test.each([
  { name: 'is delivered late within the event age', lateMs: 200 * SECOND_MS, starts: 1 },
  { name: 'is dropped beyond the event age', lateMs: 400 * SECOND_MS, starts: 0 },
])('a schedule whose time came while no engine ran $name', async ({ lateMs, starts }) => {
  const { client, clock, folder, close } = await scheduler();
  await client.send(new CreateScheduleCommand(request(utc(clock, 60 * SECOND_MS))));
  await close();
  const later = await scheduler({ folder, clock: virtualClock({ aheadMs: 60 * SECOND_MS + lateMs }) });
  await pass(later.clock, SECOND_MS);
  expect(later.started).toHaveLength(starts);
});

test('a start that fails does no harm', async () => {
  const { client, clock } = await scheduler({ fails: true });
  await client.send(new CreateScheduleCommand(request(utc(clock, 60 * SECOND_MS))));
  await pass(clock, 120 * SECOND_MS);
  expect((await client.send(new ListSchedulesCommand({}))).Schedules).toEqual([]);
});

test('a name is used once; the same client token is the same schedule', async () => {
  const { client, clock } = await scheduler();
  const input = request(utc(clock, 3600 * SECOND_MS), { ClientToken: 'a' });
  await client.send(new CreateScheduleCommand(input));
  await client.send(new CreateScheduleCommand(input));
  await expect(client.send(new CreateScheduleCommand({ ...input, ClientToken: 'b' }))).rejects.toMatchObject({ name: 'ConflictException' });
});

test.each([
  { name: 'a time in the past', more: { ScheduleExpression: 'at(2020-01-01T00:00:00)' } },
  { name: 'a time that is none', more: { ScheduleExpression: 'at(2035-13-01T00:00:00)' } },
  { name: 'a recurring expression', more: { ScheduleExpression: 'rate(1 day)' } },
  { name: 'an unknown zone', more: { ScheduleExpressionTimezone: 'Europe/Nowhere' } },
  { name: 'a flexible window', more: { FlexibleTimeWindow: { Mode: 'FLEXIBLE' as const, MaximumWindowInMinutes: 5 } } },
  { name: 'another target', more: { Target: { Arn: 'arn:aws:sqs:eu-west-1:1:queue', RoleArn: 'r', Input: '{}' } } },
  { name: 'a name with a slash', more: { Name: 'a b' } },
])('$name is refused with ValidationException', async ({ more }) => {
  const { client } = await scheduler();
  await expect(client.send(new CreateScheduleCommand(request('at(2035-01-01T00:00:00)', more)))).rejects.toMatchObject({
    name: 'ValidationException',
  });
});

test('what is not built says where to look', async () => {
  const { client } = await scheduler();
  await expect(client.send(new ListScheduleGroupsCommand({}))).rejects.toThrow(/docs\/parity\.md/);
});

/** A call of a function, as a dead man's schedule makes it. */
function functionCall(clock: VirtualClock, afterMs: number) {
  return {
    Name: 'look',
    ScheduleExpression: utc(clock, afterMs),
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: { Arn: 'arn:aws:lambda:eu-west-1:123456789012:function:Look', RoleArn: 'r', Input: '{"at":"<aws.scheduler.scheduled-time>"}' },
  } as const;
}

test('a schedule calls a function, and what is called may make it again', async () => {
  const { client, clock, invoked } = await scheduler();
  const call = functionCall(clock, 2 * SECOND_MS);
  await client.send(new CreateScheduleCommand(call));
  await expect.poll(() => invoked, { timeout: 5_000 }).toEqual([[call.Target.Arn, { at: `${call.ScheduleExpression.slice(3, -1)}Z` }]]);
  await expect(client.send(new GetScheduleCommand({ Name: 'look' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('a schedule that is updated fires at the new time only, and one that is not there cannot be updated', async () => {
  const { client, clock, invoked } = await scheduler();
  await expect(client.send(new UpdateScheduleCommand(functionCall(clock, SECOND_MS)))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await client.send(new CreateScheduleCommand(functionCall(clock, 3_600_000)));
  const later = functionCall(clock, 2 * SECOND_MS);
  await client.send(new UpdateScheduleCommand(later));
  expect(await client.send(new GetScheduleCommand({ Name: 'look' }))).toMatchObject({ ScheduleExpression: later.ScheduleExpression });
  await expect.poll(() => invoked.length, { timeout: 5_000 }).toBe(1);
});
