import { appendFileSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, expect, test } from 'vitest';
import { startStepFunctions } from '../../../local/step-functions/face.ts';
import { definition, ended, type FakeFunction, machine, task, underTest } from './machine-under-test.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function face(text: string, functions: Readonly<Record<string, FakeFunction>> = {}, folder = mkdtempSync(join(tmpdir(), 'stepgate-face-'))) {
  const { executions, clock } = underTest(text, { functions, folder });
  const { url, close } = await startStepFunctions(executions);
  const client = new SFNClient({ endpoint: url, region: 'eu-west-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' }, maxAttempts: 1 });
  closers.push(
    () => client.destroy(),
    close,
    () => executions.close(),
    () => clock.stop(),
  );
  return { client, executions, stateMachineArn: executions.machine.arn, folder };
}

const hangs: FakeFunction = () => new Promise(() => {});
const waits = definition({ T: task('Hangs') });

test('an execution is started, described, listed, and its history paged in both orders', async () => {
  const { client, executions, stateMachineArn } = await face(definition({ P: { Type: 'Pass', Output: { x: 1 }, End: true } }));
  const { executionArn = '', startDate } = await client.send(new StartExecutionCommand({ stateMachineArn, name: 'one', input: '{"a":1}' }));
  expect(executionArn).toBe('arn:aws:states:eu-west-1:123456789012:execution:test:one');
  await ended(executions, executionArn);
  const described = await client.send(new DescribeExecutionCommand({ executionArn }));
  expect(described).toMatchObject({ name: 'one', status: 'SUCCEEDED', input: '{"a":1}', output: '{"x":1}', startDate });
  expect(described.stopDate).toBeInstanceOf(Date);
  const { executions: listed } = await client.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'SUCCEEDED' }));
  expect(listed).toMatchObject([{ name: 'one', executionArn }]);
  const first = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 3 }));
  const second = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 3, nextToken: first.nextToken }));
  expect([...(first.events ?? []), ...(second.events ?? [])].map(({ type }) => type)).toEqual([
    'ExecutionStarted',
    'PassStateEntered',
    'PassStateExited',
    'ExecutionSucceeded',
  ]);
  expect(second.nextToken).toBeUndefined();
  const backward = await client.send(new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 1 }));
  expect(backward.events).toMatchObject([{ id: 4, type: 'ExecutionSucceeded', executionSucceededEventDetails: { output: '{"x":1}' } }]);
  expect(backward.events?.[0]?.timestamp).toBeInstanceOf(Date);
});

test('a name is given to one execution only; the same name and input while it runs is the same execution', async () => {
  const { client, stateMachineArn } = await face(waits, { Hangs: hangs });
  const start = (input: string) => client.send(new StartExecutionCommand({ stateMachineArn, name: 'one', input }));
  const first = await start('{}');
  expect((await start('{}')).executionArn).toBe(first.executionArn);
  await expect(start('{"other":1}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  await client.send(new StopExecutionCommand({ executionArn: first.executionArn }));
  await expect(start('{}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
});

test.each([
  { name: 'a name with a space', request: { name: 'a b' }, error: 'InvalidName' },
  { name: 'a name of 81 characters', request: { name: 'x'.repeat(81) }, error: 'InvalidName' },
  { name: 'input that is no JSON', request: { input: '{' }, error: 'InvalidExecutionInput' },
  { name: 'input over 256 KiB', request: { input: JSON.stringify('x'.repeat(262_144)) }, error: 'ValidationException' },
  {
    name: 'another machine',
    request: { stateMachineArn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:other' },
    error: 'StateMachineDoesNotExist',
  },
])('StartExecution refuses $name', async ({ request, error }) => {
  const { client, stateMachineArn } = await face(waits, { Hangs: hangs });
  await expect(client.send(new StartExecutionCommand({ stateMachineArn, ...request }))).rejects.toMatchObject({ name: error });
});

test('an unknown execution does not exist, and a call that is not built says where to look', async () => {
  const { client, stateMachineArn } = await face(waits);
  await expect(client.send(new DescribeExecutionCommand({ executionArn: `${stateMachineArn}:x` }))).rejects.toMatchObject({
    name: 'ExecutionDoesNotExist',
  });
  await expect(client.send(new ListStateMachinesCommand({}))).rejects.toThrow(/ListStateMachines .*docs\/parity\.md/);
});

test('the machine is described', async () => {
  const { client, stateMachineArn } = await face(waits);
  expect(await client.send(new DescribeStateMachineCommand({ stateMachineArn }))).toMatchObject({
    name: 'test',
    definition: waits,
    status: 'ACTIVE',
    type: 'STANDARD',
  });
});

test('a stopped execution is ABORTED with the error and cause that were given', async () => {
  const { client, stateMachineArn } = await face(waits, { Hangs: hangs });
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  const { stopDate } = await client.send(new StopExecutionCommand({ executionArn, error: 'E', cause: 'C' }));
  const described = await client.send(new DescribeExecutionCommand({ executionArn }));
  expect(described).toMatchObject({ status: 'ABORTED', error: 'E', cause: 'C', stopDate });
});

function tokenMachine(more: Readonly<Record<string, unknown>> = {}) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const Arguments = { FunctionName: 'Ask', Payload: { token: '{% $states.context.Task.Token %}' } };
  const text = definition({ T: task('Ask', { Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken', Arguments, ...more }) });
  return { text, functions: { Ask: async (payload: unknown) => resolve((payload as { token: string }).token) }, token: promise };
}

test('a task token that is answered gives the answer as the result, once', async () => {
  const { text, functions, token } = tokenMachine();
  const { client, executions, stateMachineArn } = await face(text, functions);
  const { executionArn = '' } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  const taskToken = await token;
  await client.send(new SendTaskHeartbeatCommand({ taskToken }));
  await expect(client.send(new SendTaskSuccessCommand({ taskToken, output: '{' }))).rejects.toMatchObject({ name: 'InvalidOutput' });
  await client.send(new SendTaskSuccessCommand({ taskToken, output: '{"yes":true}' }));
  expect(await ended(executions, executionArn)).toMatchObject({ status: 'SUCCEEDED', output: '{"yes":true}' });
  const { events } = await client.send(new GetExecutionHistoryCommand({ executionArn }));
  expect(events?.map(({ type }) => type)).toEqual(expect.arrayContaining(['TaskSubmitted', 'TaskSucceeded']));
  await expect(client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' }))).rejects.toMatchObject({ name: 'TaskTimedOut' });
});

test('a task token that is refused fails the task with the error that was given', async () => {
  const { text, functions, token } = tokenMachine();
  const { client, executions, stateMachineArn } = await face(text, functions);
  const { executionArn = '' } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  await client.send(new SendTaskFailureCommand({ taskToken: await token, error: 'No', cause: 'not today' }));
  expect(await ended(executions, executionArn)).toMatchObject({ status: 'FAILED', error: 'No', cause: 'not today' });
});

test('a task without heartbeat fails with States.Timeout, in real time', async () => {
  const { text, functions } = tokenMachine({ HeartbeatSeconds: 1, TimeoutSeconds: 3600 });
  const { client, executions, stateMachineArn } = await face(text, functions);
  const begin = performance.now();
  const { executionArn = '' } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  expect(await ended(executions, executionArn)).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
  expect(performance.now() - begin).toBeGreaterThan(900);
});

test('a later engine describes what an earlier one ran, and aborts what it left running', async () => {
  const before = await face(waits, { Hangs: hangs });
  const { executionArn } = await before.client.send(new StartExecutionCommand({ stateMachineArn: before.stateMachineArn, name: 'left-running' }));
  // A killed process may leave half a line.
  writeFileSync(join(before.folder, 'left-running.history.jsonl'), '{"id":5,"ty', { flag: 'a' });
  const after = await face(waits, {}, before.folder);
  expect(await after.client.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({ status: 'ABORTED', error: 'Local.EngineStopped' });
  const { events } = await after.client.send(new GetExecutionHistoryCommand({ executionArn }));
  expect(events?.map(({ id, type }) => [id, type])).toEqual([
    [1, 'ExecutionStarted'],
    [2, 'TaskStateEntered'],
    [3, 'TaskScheduled'],
    [4, 'TaskStarted'],
    [5, 'ExecutionAborted'],
  ]);
  expect(readdirSync(before.folder).sort()).toEqual(['left-running.history.jsonl', 'left-running.json']);
  expect(machine(waits).arn).toBe(after.stateMachineArn);
});

test.runIf(process.platform === 'linux')(
  'an execution whose end a full disk refuses has ended all the same, says so, and the history is read',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stepgate-face-'));
    const { client, executions, stateMachineArn } = await face(waits, { Hangs: hangs }, folder);
    const { executionArn = '' } = await client.send(new StartExecutionCommand({ stateMachineArn, name: 'full' }));
    appendFileSync(join(folder, 'full.history.jsonl'), '{"id":7,"cut off by a full di');
    symlinkSync('/dev/full', join(folder, 'full.json.new'));
    await client.send(new StopExecutionCommand({ executionArn, cause: 'enough' }));
    expect(await client.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({
      status: 'ABORTED',
      cause: expect.stringMatching(/^enough; its end is not written: no space left for .*; free .*, or choose another folder$/),
    });
    const { events } = await client.send(new GetExecutionHistoryCommand({ executionArn }));
    expect(events?.[0]?.type).toBe('ExecutionStarted');
    expect(executions.list()).toHaveLength(1);
  },
);
