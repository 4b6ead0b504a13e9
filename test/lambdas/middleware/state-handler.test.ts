import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { GateRefusedError } from '../../../core/errors.ts';
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
