import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type FunctionHost, functionHost } from '../../../local/lambda/function-host.ts';

const hosts: FunctionHost[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
});

function host(source: string, { timeoutSeconds = 5, environment = {} }: { timeoutSeconds?: number; environment?: Record<string, string> } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'stepgate-function-'));
  mkdirSync(join(folder, 'F'));
  writeFileSync(join(folder, 'F', 'index.mjs'), source);
  let held = 0;
  const made = functionHost({
    functions: { F: { folder: join(folder, 'F'), handler: 'index.handler', timeoutSeconds, environment: { SET_BY_STACK: '1' } } },
    environment: () => environment,
    region: 'eu-west-1',
    accountId: '123456789012',
    logFolder: join(folder, 'logs'),
    hold: () => {
      held += 1;
      return () => {
        held -= 1;
      };
    },
  });
  hosts.push(made);
  const invoke = async (payload: unknown = {}) => {
    const result = await made.invoke('arn:aws:lambda:eu-west-1:123456789012:function:F:3', JSON.stringify(payload));
    return result.ok ? JSON.parse(result.payload) : { error: result.error, cause: result.cause };
  };
  return { host: made, invoke, folder, held: () => held };
}

test('a function gets its event as JSON, and the context of Lambda', async () => {
  const { invoke } = host(`export const handler = async (event, context) => ({ event, name: context.functionName, arn: context.invokedFunctionArn,
    left: context.getRemainingTimeInMillis(), id: context.awsRequestId.length });`);
  const result = await invoke({ at: '2026-01-01' });
  expect(result).toMatchObject({ event: { at: '2026-01-01' }, name: 'F', arn: 'arn:aws:lambda:eu-west-1:123456789012:function:F', id: 36 });
  expect(result.left).toBeGreaterThan(4000);
});

test('a function sees its own environment and nothing of this process', async () => {
  process.env.AWS_PROFILE = 'someone';
  process.env.STEPGATE_SECRET_OF_THE_PARENT = '1';
  const { invoke } = host('export const handler = async () => process.env;', { environment: { STEPGATE_DATABASE: 'crm' } });
  const environment = await invoke();
  delete process.env.AWS_PROFILE;
  delete process.env.STEPGATE_SECRET_OF_THE_PARENT;
  expect(environment).toMatchObject({ STEPGATE_DATABASE: 'crm', SET_BY_STACK: '1', AWS_LAMBDA_FUNCTION_NAME: 'F', AWS_REGION: 'eu-west-1' });
  expect(Object.keys(environment).filter((name) => !/^(AWS_(LAMBDA_|REGION$|DEFAULT_REGION$)|STEPGATE_DATABASE$|SET_BY_STACK$)/.test(name))).toEqual(
    [],
  );
});

test('a warm function is reused; a second call while one runs gets a worker of its own', async () => {
  const { invoke } = host(`import { threadId } from 'node:worker_threads'; let calls = 0;
    export const handler = async ({ ms }) => { calls += 1; await new Promise((r) => setTimeout(r, ms)); return { threadId, calls }; };`);
  const first = await invoke({ ms: 0 });
  const second = await invoke({ ms: 0 });
  expect(second).toEqual({ threadId: first.threadId, calls: 2 });
  const [a, b] = await Promise.all([invoke({ ms: 100 }), invoke({ ms: 100 })]);
  expect(a.threadId).not.toBe(b.threadId);
});

test('what a function throws has its name, its message and its stack', async () => {
  const { invoke, held } = host(`export const handler = async () => { throw Object.assign(new Error('locked'), { name: 'BusyError' }); };`);
  const { error, cause } = await invoke();
  expect(error).toBe('BusyError');
  const { errorType, errorMessage, trace } = JSON.parse(cause);
  expect([errorType, errorMessage, trace[0]]).toEqual(['BusyError', 'locked', 'BusyError: locked']);
  expect(held()).toBe(0);
});

test.each([
  { name: 'that waits forever', source: 'export const handler = () => new Promise(() => setInterval(() => {}, 1000));' },
  { name: 'that never gives the processor back', source: 'export const handler = () => { for (;;); };' },
  { name: 'that does not finish loading', source: 'await new Promise(() => setInterval(() => {}, 1000)); export const handler = () => 1;' },
])('a function $name is killed at its timeout, and time is real until then', async ({ source }) => {
  const { invoke, held } = host(source, { timeoutSeconds: 1 });
  const answer = invoke();
  expect(held()).toBe(1);
  const { error, cause } = await answer;
  expect(error).toBe('Sandbox.Timedout');
  expect(JSON.parse(cause).errorMessage).toContain('Task timed out after 1.00 seconds');
  expect(held()).toBe(0);
});

test('a function that was killed starts anew on the next call', async () => {
  const { invoke } = host('let calls = 0; export const handler = async ({ hang }) => { calls += 1; if (hang) for (;;); return calls; };', {
    timeoutSeconds: 1,
  });
  expect(await invoke({})).toBe(1);
  await invoke({ hang: true });
  expect(await invoke({})).toBe(1);
});

test.each([
  { name: 'that ends its process', source: 'export const handler = () => { process.exit(3); };' },
  {
    name: 'that dies of what nobody catches',
    source: 'export const handler = () => new Promise(() => setImmediate(() => { throw new Error("boom"); }));',
  },
])('a function $name fails with Lambda.Unknown', async ({ source }) => {
  const { error, cause } = await host(source).invoke();
  expect(error).toBe('Lambda.Unknown');
  expect(cause).toContain('Runtime.ExitError');
});

test('a handler that is missing, or a bundle that does not load, is an error of its kind', async () => {
  expect((await host('export const other = 1;').invoke()).error).toBe('TypeError');
  expect((await host('import "nothing-of-this-name"; export const handler = 1;').invoke()).error).toBe('Error');
});

test('an unknown function is not found', async () => {
  const { host: made } = host('export const handler = 1;');
  expect(await made.invoke('arn:aws:lambda:eu-west-1:123456789012:function:G', '{}')).toMatchObject({
    ok: false,
    error: 'Lambda.ResourceNotFoundException',
  });
});

test('an answer over 6 MB fails with Function.ResponseSizeTooLarge', async () => {
  expect((await host('export const handler = async () => "x".repeat(6 * 1024 * 1024);').invoke()).error).toBe('Function.ResponseSizeTooLarge');
});

test('nothing becomes null', async () => {
  expect(await host('export const handler = async () => {};').invoke()).toBeNull();
});

test('what a function prints goes to its log file', async () => {
  const { invoke, folder, host: made } = host('export const handler = async () => { console.log("said"); console.error("complained"); };');
  await invoke();
  await made.close();
  const log = readFileSync(join(folder, 'logs', 'F.log'), 'utf8');
  expect(log).toContain('said');
  expect(log).toContain('complained');
});

test.runIf(process.platform === 'linux')('a log that a full disk refuses is given up, and the function answers', async () => {
  const { invoke, folder, host: made } = host('export const handler = async () => { console.log("said"); return 1; };');
  symlinkSync('/dev/full', join(folder, 'logs', 'F.log'));
  expect([await invoke(), await invoke()]).toEqual([1, 1]);
  await made.close();
});
