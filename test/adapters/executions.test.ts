import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Executions, sfnExecutions } from '../../adapters/executions.ts';
import { refusal } from '../support/run-driver.ts';
import { type StepFunctionsFace, startStepFunctionsFace } from '../support/step-functions-face.ts';

let face: StepFunctionsFace;
let executions: Executions;
beforeAll(async () => {
  face = await startStepFunctionsFace();
  executions = sfnExecutions(face.client());
});
afterAll(() => face?.close());

test.each([
  ['RUNNING', 'running'],
  ['PENDING_REDRIVE', 'running'],
  ['SUCCEEDED', 'ended'],
  ['FAILED', 'ended'],
  ['TIMED_OUT', 'ended'],
  ['ABORTED', 'ended'],
  ['ExecutionDoesNotExist', 'unknown'],
  ['AccessDeniedException', 'unknown'],
])('an execution of which Step Functions says %s is %s', async (said, status) => {
  face.statuses.set('arn', said);
  expect(await executions.statusOf('arn')).toMatchObject({ status });
});

test.each([
  ['ThrottlingException', 'ThrottledError'],
  ['InternalFailure', 'UnknownOutcomeError'],
])('%s says nothing of the execution: %s', async (said, name) => {
  face.statuses.set('arn', said);
  expect((await refusal(executions.statusOf('arn'))).name).toBe(name);
});
