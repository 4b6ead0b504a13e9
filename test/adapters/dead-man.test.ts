import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { afterEach, expect, test } from 'vitest';
import { schedulerDeadMan } from '../../adapters/dead-man.ts';
import { RunId } from '../../core/ids.ts';
import { deadManName } from '../../core/run/dead-man.ts';

const PLACE = { groupName: 'Crm-Stepgate', targetArn: 'door', roleArn: 'role', deadLetterArn: 'queue' };
const RUN = { id: RunId.parse('small-execute-1'), executionArn: 'arn' };
const AT = new Date('2026-01-05T22:30:00.500Z');

let close: () => void = () => undefined;
afterEach(() => close());

/** EventBridge Scheduler that answers each method so; notes method, name and body. */
async function scheduler(answers: Readonly<Record<string, string>>) {
  const calls: { readonly method: string; readonly path: string; readonly body: Record<string, unknown> }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = request.method ?? '';
    calls.push({ method, path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString() || '{}') });
    const fault = answers[method];
    response.writeHead(fault === undefined ? 200 : 400, { 'content-type': 'application/json', ...(fault && { 'x-amzn-errortype': fault }) });
    response.end(JSON.stringify(fault === undefined ? { ScheduleArn: 'arn' } : { Message: 'because' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => server.close();
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new SchedulerClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' }, maxAttempts: 1 });
  return { calls, deadMan: schedulerDeadMan(PLACE, client) };
}

test('a name of at most 64 characters tells runs apart that are cut alike', () => {
  const [one, other] = ['a', 'b'].map((end) => deadManName(RunId.parse(`${'r'.repeat(79)}${end}`)));
  expect(one).toHaveLength(62);
  expect(one).not.toBe(other);
});

test('a dead man’s schedule is made once, goes when it has fired, and carries its own place', async () => {
  const { calls, deadMan } = await scheduler({});
  await deadMan.set(RUN, AT);
  const [{ method, path, body } = { method: '', path: '', body: {} }, ...others] = calls;
  expect([method, path, others]).toEqual(['POST', `/schedules/${deadManName(RUN.id)}`, []]);
  expect(body).toMatchObject({
    ...{
      GroupName: 'Crm-Stepgate',
      ScheduleExpression: 'at(2026-01-05T22:30:00)',
      ScheduleExpressionTimezone: 'UTC',
      ActionAfterCompletion: 'DELETE',
    },
    Target: { Arn: 'door', RoleArn: 'role', DeadLetterConfig: { Arn: 'queue' }, RetryPolicy: { MaximumEventAgeInSeconds: 86_400 } },
  });
  expect(JSON.parse((body.Target as { Input: string }).Input)).toEqual({
    deadMan: { run: RUN.id, executionArn: 'arn', at: '<aws.scheduler.scheduled-time>', place: PLACE },
  });
});

test('one that stands is moved', async () => {
  const { calls, deadMan } = await scheduler({ POST: 'ConflictException' });
  await deadMan.set(RUN, AT);
  expect(calls.map(({ method }) => method)).toEqual(['POST', 'PUT']);
  expect(calls[1]?.body).toMatchObject({ ScheduleExpression: 'at(2026-01-05T22:30:00)' });
});

test.each([
  { fault: 'AccessDeniedException', name: 'ConfigurationError' },
  { fault: 'ThrottlingException', name: 'ThrottledError' },
])('$fault is a $name', async ({ fault, name }) => {
  const { deadMan } = await scheduler({ POST: fault, DELETE: fault });
  await expect(deadMan.set(RUN, AT)).rejects.toMatchObject({ name });
  await expect(deadMan.remove(RUN.id)).rejects.toMatchObject({ name });
});

test('one that is gone is removed', async () => {
  const { deadMan } = await scheduler({ DELETE: 'ResourceNotFoundException' });
  await deadMan.remove(RUN.id);
});
