import { assertNever } from '../../core/assert-never.ts';
import type { Catcher, Choice, Fail, State, Task, Wait } from './definition.ts';
import { matchesError, StateError } from './state-error.ts';
import { runTask } from './task.ts';
import { fill, fillAs, inState, isBoolean, isSeconds, isString, payloadText, type Run, type Visit } from './visit.ts';

/** 10 MiB: all variables of an execution (Step Functions, quotas). */
const VARIABLES_BYTES = 10 * 1024 * 1024;

/** How a state is left; without `next` the execution succeeds. */
interface Exit {
  readonly output: unknown;
  readonly assigned: Readonly<Record<string, unknown>>;
  readonly next: string | undefined;
}

/**
 * Runs a machine from its first state to its end; gives the output's JSON text.
 *
 * @throws {StateError} that the execution fails with; or what `run.signal` was aborted with.
 */
export async function interpret(run: Run): Promise<string> {
  let name = run.machine.startAt;
  let input = run.input;
  let variables: Readonly<Record<string, unknown>> = {};
  for (;;) {
    const state = run.machine.states[name];
    if (state === undefined) throw new Error(`there is no state "${name}"; the definition was not checked`);
    const entered = { stateEnteredEventDetails: { name, input: JSON.stringify(input), inputDetails: { truncated: false } } };
    const enteredId = run.record(`${state.Type}StateEntered`, entered);
    const visit: Visit = { run, name, enteredId, enteredAt: run.clock.now(), input, variables, retryCount: 0, taskToken: undefined };
    const exit = await visitState(visit, state);
    run.signal.throwIfAborted();
    const output = payloadText(visit, exit.output);
    variables = assign(visit, exit.assigned);
    run.record(`${state.Type}StateExited`, { stateExitedEventDetails: exitDetails(name, output, exit.assigned) });
    await run.onStateExited?.({ executionName: run.name, state: name, output: exit.output });
    run.signal.throwIfAborted();
    if (exit.next === undefined) return output;
    name = exit.next;
    input = exit.output;
  }
}

async function visitState(visit: Visit, state: State): Promise<Exit> {
  switch (state.Type) {
    case 'Pass':
      return leave(visit, state, visit.input);
    case 'Task':
      return visitTask(visit, state);
    case 'Choice':
      return visitChoice(visit, state);
    case 'Wait':
      return visitWait(visit, state);
    case 'Succeed':
      return leave(visit, state, visit.input);
    case 'Fail':
      return fail(visit, state);
    default:
      return assertNever(state);
  }
}

/** What a state, a choice rule and a catcher have in common on the way out. */
interface Way {
  readonly Output?: unknown;
  readonly Assign?: Readonly<Record<string, unknown>> | undefined;
  readonly Next?: string | undefined;
}

async function leave(visit: Visit, way: Way, unshaped: unknown, extra: Readonly<Record<string, unknown>> = {}, at = ''): Promise<Exit> {
  return {
    output: way.Output === undefined ? unshaped : await fill(visit, way.Output, `${at}Output`, extra),
    assigned: way.Assign === undefined ? {} : ((await fill(visit, way.Assign, `${at}Assign`, extra)) as Record<string, unknown>),
    next: way.Next,
  };
}

async function visitTask(visit: Visit, state: Task): Promise<Exit> {
  let result: unknown;
  try {
    result = await runTask(visit, state);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    const index = state.Catch.findIndex(({ ErrorEquals }) => matchesError(ErrorEquals, error.error ?? ''));
    const catcher: Catcher | undefined = state.Catch[index];
    if (catcher === undefined) throw error;
    const errorOutput = { Error: error.error ?? '', Cause: error.causeText ?? '' };
    return leave(visit, catcher, errorOutput, { errorOutput }, `Catch[${index}]/`);
  }
  // Outside the try: whether AWS lets a Task catch an error of its own Output is not known, so nothing may rely on it.
  return leave(visit, state, result, { result });
}

/** A rule's Assign and Output, or the state's own when no rule matches, never both (Step Functions, Choice). */
async function visitChoice(visit: Visit, state: Choice): Promise<Exit> {
  for (const [index, rule] of state.Choices.entries()) {
    const at = `Choices[${index}]/`;
    if (await fillAs(visit, rule.Condition, `${at}Condition`, 'boolean', isBoolean)) return leave(visit, rule, visit.input, {}, at);
  }
  if (state.Default === undefined) {
    const what = `Failed to transition out of the state '${visit.name}'. The state does not point to a next state.`;
    throw new StateError('States.Runtime', `${inState(visit)} ${what}`);
  }
  return leave(visit, { ...state, Next: state.Default }, visit.input);
}

async function visitWait(visit: Visit, state: Wait): Promise<Exit> {
  const { clock, signal } = visit.run;
  await clock.waitUntil(await waitEnd(visit, state), signal);
  signal.throwIfAborted();
  return leave(visit, state, visit.input);
}

async function waitEnd(visit: Visit, state: Wait): Promise<Date> {
  if (state.Seconds !== undefined) {
    const seconds = await fillAs(visit, state.Seconds, 'Seconds', 'number', isSeconds);
    return new Date(visit.run.clock.now().getTime() + seconds * 1000);
  }
  const isTimestamp = (value: unknown): value is string =>
    isString(value) && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value));
  return new Date(await fillAs(visit, state.Timestamp, 'Timestamp', 'timestamp', isTimestamp));
}

async function fail(visit: Visit, state: Fail): Promise<never> {
  const text = async (template: string | undefined, field: string) =>
    template === undefined ? undefined : fillAs(visit, template, field, 'string', isString);
  throw new StateError(await text(state.Error, 'Error'), await text(state.Cause, 'Cause'));
}

function assign(visit: Visit, assigned: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  payloadText(visit, assigned);
  const variables = { ...visit.variables, ...assigned };
  if (Buffer.byteLength(JSON.stringify(variables)) > VARIABLES_BYTES) {
    throw new StateError('States.DataLimitExceeded', `${inState(visit)} The variables of the execution exceed 10 MiB.`);
  }
  return variables;
}

function exitDetails(name: string, output: string, assigned: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(assigned).map(([variable, value]) => [variable, JSON.stringify(value)] as const);
  return {
    name,
    output,
    outputDetails: { truncated: false },
    ...(entries.length === 0 ? {} : { assignedVariables: Object.fromEntries(entries), assignedVariablesDetails: { truncated: false } }),
  };
}
