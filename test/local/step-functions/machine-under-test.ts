import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Invocation } from '../../../local/lambda/function-host.ts';
import { compileMachine } from '../../../local/step-functions/definition.ts';
import type { Execution, HistoryEvent } from '../../../local/step-functions/execution-files.ts';
import { type Executions, openExecutions } from '../../../local/step-functions/executions.ts';
import type { StateExited } from '../../../local/step-functions/visit.ts';
import { type VirtualClock, virtualClock } from '../../../local/virtual-clock.ts';

export type FakeFunction = (payload: unknown) => Promise<unknown>;

export const ok = (payload: unknown): Invocation => ({ ok: true, payload: JSON.stringify(payload) });

export interface UnderTest {
  readonly folder: string;
  readonly clock: VirtualClock;
  readonly executions: Executions;
  run(input?: unknown, name?: string): Promise<{ readonly execution: Execution; readonly events: HistoryEvent[]; readonly output: unknown }>;
}

export function definition(states: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ QueryLanguage: 'JSONata', StartAt: Object.keys(states)[0], States: states, ...more });
}

export function machine(text: string) {
  return compileMachine({
    name: 'test',
    arn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:test',
    roleArn: 'arn:aws:iam::123456789012:role/test',
    definition: text,
    createdAt: new Date(0),
  });
}

/** A task that calls a function of `functions`. */
export function task(name: string, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: name, Payload: '{% $states.input %}' },
    End: true,
    ...more,
  };
}

/** Functions are plain functions here: what they throw becomes Lambda's error of that name. */
export function underTest(
  text: string,
  options: {
    readonly functions?: Readonly<Record<string, FakeFunction>>;
    readonly folder?: string;
    readonly onStateExited?: StateExited;
    readonly clock?: VirtualClock;
  } = {},
): UnderTest {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'stepgate-machine-'));
  const clock = options.clock ?? virtualClock();
  const executions = openExecutions({
    folder,
    machine: machine(text),
    region: 'eu-west-1',
    clock,
    functions: { invoke: (name, payload) => invoke(options.functions ?? {}, name, payload) },
    random: () => 0.5,
    onStateExited: options.onStateExited,
  });
  return { folder, clock, executions, run: (input, name) => run(executions, clock, input, name) };
}

async function invoke(functions: Readonly<Record<string, FakeFunction>>, name: string, payload: string): Promise<Invocation> {
  try {
    return ok((await functions[name]?.(JSON.parse(payload))) ?? null);
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    return { ok: false, error: errorType, cause: JSON.stringify({ errorMessage, errorType, trace: [] }) };
  }
}

async function run(executions: Executions, clock: VirtualClock, input: unknown = {}, name?: string) {
  const started = executions.start({ name, input: JSON.stringify(input) });
  if (started === undefined) throw new Error('the name is taken');
  const execution = await ended(executions, started.arn);
  clock.stop();
  return {
    execution,
    events: executions.history(execution),
    output: execution.output === undefined ? undefined : JSON.parse(execution.output),
  };
}

/** Polls on the event loop, which is where a local execution runs. */
export async function ended(executions: Executions, arn: string): Promise<Execution> {
  for (;;) {
    const execution = executions.find(arn);
    if (execution !== undefined && execution.status !== 'RUNNING') return execution;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
