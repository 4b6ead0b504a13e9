import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { GateRefusedError, StatementFailedError } from '../../../core/errors.ts';
import { PLAIN_PLACE } from '../../../core/run/run-place.ts';
import { stateHandler } from '../../../lambdas/middleware/state-handler.ts';
import { refusal } from '../../support/run-driver.ts';

const ENVIRONMENT = {
  STEPGATE_CLUSTER_ID: 'local',
  STEPGATE_CLUSTER_ARN: 'arn:aws:rds:us-east-1:000000000000:cluster:local',
  STEPGATE_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:x',
  STEPGATE_DATABASE: 'crm',
  STEPGATE_PLAN_BUCKET: 'plans',
  STEPGATE_REPORT_BUCKET: 'reports',
  STEPGATE_TOPIC_ARN: 'arn:aws:sns:us-east-1:000000000000:stepgate',
  STEPGATE_PLANS: '{}',
  STEPGATE_SNAPSHOT: 'required',
  STEPGATE_RESTORE: 'prepare',
  STEPGATE_INSTANCES: '[]',
  STEPGATE_PLACE: JSON.stringify(PLAIN_PLACE),
  POWERTOOLS_LOG_LEVEL: 'SILENT',
  POWERTOOLS_METRICS_DISABLED: 'true',
  POWERTOOLS_TRACE_ENABLED: 'false',
  POWERTOOLS_METRICS_NAMESPACE: 'Stepgate',
};
beforeEach(() => {
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const Input = z.object({ phase: z.string() });
const context = { functionName: 'f', memoryLimitInMB: '128', invokedFunctionArn: 'arn', awsRequestId: 'r' };

test('a handler parses its input, works, and gives the answer', async () => {
  const handler = stateHandler(Input, ({ STEPGATE_DATABASE }) => async ({ phase }) => ({ phase, database: STEPGATE_DATABASE }));
  expect(await handler({ phase: 'a', more: 1 }, context)).toEqual({ phase: 'a', database: 'crm' });
});

test('an input that the state cannot read is refused, with what is wrong in it', async () => {
  const handler = stateHandler(Input, () => async () => ({}));
  const error = await refusal(handler({ phase: 7 }, context));
  expect(error.name).toBe('InputRefusedError');
  expect(error.message).toContain('phase');
});

test('an environment that is not a stack’s is refused by its variable', async () => {
  vi.stubEnv('STEPGATE_PLAN_BUCKET', '');
  const handler = stateHandler(Input, () => async () => ({}));
  const error = await refusal(Promise.resolve().then(() => handler({ phase: 'a' }, context)));
  expect(error.name).toBe('InputRefusedError');
  expect(error.message).toContain('STEPGATE_PLAN_BUCKET');
});

test('an error leaves by its own name, which is what the definition catches', async () => {
  const handler = stateHandler(Input, () => async () => {
    throw new GateRefusedError('no');
  });
  expect(await refusal(handler({ phase: 'a' }, context))).toMatchObject({ name: 'GateRefusedError', message: 'no' });
});

test('what is logged of an error names its causes, and holds no value of a row', async () => {
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'ERROR');
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const raw = Object.assign(new Error('ERROR: no\n  Detail: Key (email)=(ann@example.org) exists.; SQLState: 23505'), {
    name: 'DatabaseErrorException',
    $metadata: { requestId: 'request-7', httpStatusCode: 400 },
    $response: { body: 'ann@example.org' },
  });
  const handler = stateHandler(Input, () => async () => {
    throw new StatementFailedError('2-copy/rows.sql:1: no', { cause: new StatementFailedError('said ann@example.org', { cause: raw }) });
  });
  const thrown = await refusal(handler({ phase: 'a' }, context));
  expect(inspect(thrown, { showHidden: true })).not.toContain('ann@');
  const lines = logged.mock.calls.join('\n');
  logged.mockRestore();
  expect(lines).not.toContain('ann@');
  expect(JSON.parse(lines).error).toMatchObject({
    name: 'StatementFailedError',
    message: '2-copy/rows.sql:1: no',
    stack: expect.stringContaining('state-handler.test.ts'),
    causes: [{ name: 'StatementFailedError' }, { name: 'DatabaseErrorException', sqlState: '23505', requestId: 'request-7', httpStatus: 400 }],
  });
});

test.each([
  {
    what: 'a value of another shape',
    read: () => z.object({ rows: z.array(z.number()) }).parse({ rows: ['ann@example.org'] }),
    said: 'rows.0: invalid_type',
  },
  { what: 'what is no JSON', read: () => JSON.parse('ann@example.org'), said: 'no JSON' },
])('$what leaves as an error of the closed list that says where, and not what was read', async ({ read, said }) => {
  const error = await refusal(stateHandler(Input, () => async () => read())({ phase: 'a' }, context));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain(said);
  expect(error.message).not.toContain('ann@');
});

test('clients are made once, at the first invocation', async () => {
  let made = 0;
  const handler = stateHandler(Input, () => {
    made += 1;
    return async () => ({});
  });
  expect(made).toBe(0);
  await handler({ phase: 'a' }, context);
  await handler({ phase: 'b' }, context);
  expect(made).toBe(1);
});
