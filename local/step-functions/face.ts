import * as z from 'zod';
import { type Face, type FaceResponse, notBuilt, serveFace } from '../http-face.ts';
import type { Execution } from './execution-files.ts';
import type { Executions } from './executions.ts';
import { type TaskTokens, taskFailure } from './task-tokens.ts';

/** 256 KiB (Step Functions, quotas). */
const INPUT_BYTES = 256 * 1024;

/** An error that the SDK turns into an exception of this name. */
class ServiceFault extends Error {
  override readonly name = 'ServiceFault';
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

type Operation = (request: unknown, executions: Executions) => Readonly<Record<string, unknown>>;

const Arn = z.object({ executionArn: z.string() });
const Page = z.object({ maxResults: z.int().min(0).max(1000).default(100), nextToken: z.string().nullish() });

const OPERATIONS: Readonly<Record<string, Operation>> = {
  StartExecution(request, executions) {
    const { stateMachineArn, name, input } = z
      .object({ stateMachineArn: z.string(), name: z.string().nullish(), input: z.string().nullish() })
      .parse(request);
    theMachine(stateMachineArn, executions);
    // AWS's rules for names (StartExecution, API reference).
    if (name != null && !/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}\p{Cs}]{1,80}$/u.test(name))
      throw new ServiceFault('InvalidName', `Invalid Name: '${name}'`);
    const started = executions.start({ name: name ?? undefined, input: checkedInput(input ?? '{}') });
    if (started === undefined) throw new ServiceFault('ExecutionAlreadyExists', `Execution Already Exists: '${name}'`);
    return { executionArn: started.arn, startDate: seconds(started.startedAt) };
  },
  DescribeExecution: (request, executions) => {
    const execution = theExecution(request, executions);
    const { input, output, error, cause } = execution;
    return {
      ...summary(execution),
      input,
      inputDetails: { included: true },
      output,
      outputDetails: output && { included: true },
      error,
      cause,
      redriveCount: 0,
    };
  },
  ListExecutions(request, executions) {
    const { stateMachineArn, statusFilter } = z.object({ stateMachineArn: z.string(), statusFilter: z.string().nullish() }).parse(request);
    theMachine(stateMachineArn, executions);
    const { items, nextToken } = page(
      executions.list().filter(({ status }) => statusFilter == null || status === statusFilter),
      request,
    );
    return { executions: items.map(summary), nextToken };
  },
  StopExecution(request, executions) {
    const { error, cause } = z.object({ error: z.string().nullish(), cause: z.string().nullish() }).parse(request);
    const stopped = executions.stop(theExecution(request, executions), error ?? undefined, cause ?? undefined);
    return { stopDate: seconds(stopped.stoppedAt ?? stopped.startedAt) };
  },
  GetExecutionHistory(request, executions) {
    const { reverseOrder } = z.object({ reverseOrder: z.boolean().nullish() }).parse(request);
    const events = executions.history(theExecution(request, executions));
    const { items, nextToken } = page(reverseOrder ? events.reverse() : events, request);
    return { events: items, nextToken };
  },
  DescribeStateMachine(request, executions) {
    const { arn, name, roleArn, definition, createdAt } = theMachine(
      z.object({ stateMachineArn: z.string() }).parse(request).stateMachineArn,
      executions,
    );
    return { stateMachineArn: arn, name, roleArn, definition, status: 'ACTIVE', type: 'STANDARD', creationDate: createdAt.getTime() / 1000 };
  },
  SendTaskSuccess(request, { tokens }) {
    const { output, ...answer } = z.object({ output: z.string(), taskToken: z.string() }).parse(request);
    theTask(answer.taskToken, tokens).succeed(parsedJson(output, 'InvalidOutput'));
    return {};
  },
  SendTaskFailure(request, { tokens }) {
    const { taskToken, error, cause } = z.object({ taskToken: z.string(), error: z.string().nullish(), cause: z.string().nullish() }).parse(request);
    theTask(taskToken, tokens).fail(taskFailure(error ?? undefined, cause ?? undefined));
    return {};
  },
  SendTaskHeartbeat(request, { tokens }) {
    theTask(z.object({ taskToken: z.string() }).parse(request).taskToken, tokens).heartbeat();
    return {};
  },
};

/** Step Functions' API for one machine: JSON 1.0, the operation in `x-amz-target`. */
export function startStepFunctions(executions: Executions): Promise<Face> {
  return serveFace(async ({ headers, body }) => {
    const name = String(headers['x-amz-target']).replace('AWSStepFunctions.', '');
    const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
    if (operation === undefined) return json(501, { __type: 'NotImplemented', message: notBuilt(`Step Functions' ${name}`) });
    try {
      return json(200, operation(JSON.parse(body.toString() || '{}'), executions));
    } catch (error) {
      if (error instanceof ServiceFault) return json(400, { __type: error.type, message: error.message });
      if (error instanceof z.ZodError) return json(400, { __type: 'ValidationException', message: z.prettifyError(error) });
      return json(500, { __type: 'InternalFailure', message: error instanceof Error ? error.message : String(error) });
    }
  });
}

function json(status: number, body: Readonly<Record<string, unknown>>): FaceResponse {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(body) };
}

function theMachine(arn: string, { machine }: Executions): Executions['machine'] {
  if (arn !== machine.arn) throw new ServiceFault('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
  return machine;
}

function theExecution(request: unknown, executions: Executions): Execution {
  const { executionArn } = Arn.parse(request);
  const execution = executions.find(executionArn);
  if (execution === undefined) throw new ServiceFault('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
  return execution;
}

function theTask(token: string, tokens: TaskTokens) {
  const task = tokens.find(token);
  if (task === undefined) throw new ServiceFault('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");
  return task;
}

function checkedInput(input: string): string {
  parsedJson(input, 'InvalidExecutionInput');
  if (Buffer.byteLength(input) > INPUT_BYTES) throw new ServiceFault('ValidationException', `the input is longer than ${INPUT_BYTES} bytes`);
  return input;
}

function parsedJson(text: string, fault: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ServiceFault(fault, `${fault}: '${error instanceof Error ? error.message : error}'`);
  }
}

function summary({ arn, machineArn, name, status, startedAt, stoppedAt }: Execution) {
  return { executionArn: arn, stateMachineArn: machineArn, name, status, startDate: seconds(startedAt), stopDate: stoppedAt && seconds(stoppedAt) };
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

/** A token is the offset of the next page; 0 results asked for means AWS's default of 100. */
function page<T>(all: readonly T[], request: unknown): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const { maxResults, nextToken } = Page.parse(request);
  const from = Number(nextToken ?? 0);
  if (!Number.isInteger(from)) throw new ServiceFault('InvalidToken', `Invalid Token: '${nextToken}'`);
  const to = from + (maxResults || 100);
  return { items: all.slice(from, to), nextToken: to < all.length ? String(to) : undefined };
}
