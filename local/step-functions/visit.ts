import type { Invocation } from '../lambda/function-host.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Machine } from './definition.ts';
import { describe, expressionText } from './expressions.ts';
import { StateError } from './state-error.ts';
import type { TaskTokens } from './task-tokens.ts';

/** 256 KiB: the largest input or output of a state, of a task, of one Assign (Step Functions, quotas). */
const PAYLOAD_BYTES = 256 * 1024;

export type StateExited = (event: { readonly executionName: string; readonly state: string; readonly output: unknown }) => Promise<void>;

/** What one execution needs from the outside. */
export interface Run {
  readonly machine: Machine;
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly input: unknown;
  readonly startedAt: Date;
  readonly clock: VirtualClock;
  readonly tokens: TaskTokens;
  /** Aborts with what ended the execution from outside. */
  readonly signal: AbortSignal;
  readonly random: () => number;
  /** What of a pause before a retry is waited for where somebody outside has to act. */
  readonly realPauseMs: number;
  readonly invoke: (functionName: string, payload: string) => Promise<Invocation>;
  readonly onStateExited: StateExited | undefined;
  /** Appends to the history; gives the event's id. */
  record(type: string, details?: Readonly<Record<string, unknown>>): number;
}

/** One entry of one state; retries belong to the same entry. */
export interface Visit {
  readonly run: Run;
  readonly name: string;
  readonly enteredId: number;
  readonly enteredAt: Date;
  readonly input: unknown;
  /** As on entry, whatever the state assigns. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly retryCount: number;
  readonly taskToken: string | undefined;
}

/** `$states.context` (Step Functions, context object). */
export function contextOf({ run, name, enteredAt, retryCount, taskToken }: Visit): Record<string, unknown> {
  return {
    Execution: {
      Id: run.arn,
      Input: run.input,
      Name: run.name,
      RoleArn: run.machine.roleArn,
      StartTime: run.startedAt.toISOString(),
      RedriveCount: 0,
    },
    State: { EnteredTime: enteredAt.toISOString(), Name: name, RetryCount: retryCount },
    StateMachine: { Id: run.machine.arn, Name: run.machine.name },
    ...(taskToken === undefined ? {} : { Task: { Token: taskToken } }),
  };
}

/** Fills a template: literals stay, expressions become their values. `extra` is what `$states` has here beyond input and context. */
export async function fill(visit: Visit, template: unknown, field: string, extra: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  if (typeof template === 'string') return expressionText(template) === undefined ? template : evaluate(visit, template, field, extra);
  if (Array.isArray(template)) {
    const items: unknown[] = [];
    for (const [index, item] of template.entries()) items.push(await fill(visit, item, `${field}[${index}]`, extra));
    return items;
  }
  if (typeof template !== 'object' || template === null) return template;
  const filled: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(template)) filled[key] = await fill(visit, value, `${field}/${key}`, extra);
  return filled;
}

/** Fills a field that must give one type of value. */
export async function fillAs<T>(visit: Visit, template: unknown, field: string, expected: string, is: (value: unknown) => value is T): Promise<T> {
  const value = await fill(visit, template, field);
  if (is(value)) return value;
  const was = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const what = `returned an unexpected result type. Expected '${expected}', but was '${was}' for value: ${JSON.stringify(value)}`;
  throw evaluationError(visit, template, field, what);
}

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isString = (value: unknown): value is string => typeof value === 'string';
export const isSeconds = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 99_999_999;

async function evaluate(visit: Visit, text: string, field: string, extra: Readonly<Record<string, unknown>>): Promise<unknown> {
  const compiled = visit.run.machine.expressions.get(text);
  if (compiled === undefined) throw new Error(`the expression ${text} of ${visit.name} was not compiled`);
  const states = { input: visit.input, context: contextOf(visit), ...extra };
  let value: unknown;
  try {
    value = await compiled({ states, variables: visit.variables, now: visit.run.clock.now() });
  } catch (error) {
    throw evaluationError(visit, text, field, `threw an error during evaluation. ${describe(error)}`);
  }
  if (value === undefined) throw evaluationError(visit, text, field, 'returned nothing (undefined).');
  return value;
}

function evaluationError(visit: Visit, text: unknown, field: string, what: string): StateError {
  const cause = `${inState(visit)} The JSONata expression '${expressionText(String(text)) ?? text}' specified for the field '${field}' ${what}`;
  visit.run.record('EvaluationFailed', {
    evaluationFailedEventDetails: { error: 'States.QueryEvaluationError', cause, location: field, state: visit.name },
  });
  return new StateError('States.QueryEvaluationError', cause);
}

/** AWS's words for where an error is. */
export function inState({ name, enteredId }: Visit): string {
  return `An error occurred while executing the state '${name}' (entered at the event id #${enteredId}).`;
}

/**
 * The JSON text of a payload.
 *
 * @throws {StateError} States.DataLimitExceeded above 256 KiB.
 */
export function payloadText(visit: Visit, value: unknown): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > PAYLOAD_BYTES) {
    const what = `The state/task '${visit.name}' returned a result with a size exceeding the maximum number of bytes service limit.`;
    throw new StateError('States.DataLimitExceeded', what);
  }
  return text;
}
