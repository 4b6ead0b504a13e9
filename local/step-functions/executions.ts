import { randomUUID } from 'node:crypto';
import type { FunctionHost } from '../lambda/function-host.ts';
import { folderError } from '../usable-folder.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Machine } from './definition.ts';
import { type Execution, type ExecutionFiles, executionFiles, type HistoryEvent } from './execution-files.ts';
import { interpret } from './interpreter.ts';
import { StateError } from './state-error.ts';
import { type TaskTokens, taskTokens } from './task-tokens.ts';
import type { StateExited } from './visit.ts';

/** An execution's history ends here (Step Functions, quotas); the last event is its end. */
const MAX_EVENTS = 25_000;

export interface Executions {
  readonly machine: Machine;
  readonly tokens: TaskTokens;
  /** Starts an execution, or gives the running one of the same name and input; undefined when the name is taken. */
  start(request: { readonly name?: string | undefined; readonly input: string }): Execution | undefined;
  find(arn: string): Execution | undefined;
  /** Newest first. */
  list(): Execution[];
  history(execution: Execution): HistoryEvent[];
  /** As on AWS, a function that runs goes on until it is done; what it gives is dropped. */
  stop(execution: Execution, error?: string, cause?: string): Execution;
  /** Aborts what runs. */
  close(): void;
}

export interface ExecutionsOptions {
  readonly folder: string;
  readonly machine: Machine;
  readonly region: string;
  readonly clock: VirtualClock;
  readonly functions: Pick<FunctionHost, 'invoke'>;
  readonly random?: () => number;
  /** What of a pause before a retry is waited for where somebody outside has to act. @default 2000 */
  readonly realPauseMs?: number;
  readonly onStateExited?: StateExited | undefined;
  /** Hears of each execution that ends while the engine runs; what the engine itself ends, the next command goes on from. */
  readonly onEnded?: ((execution: Execution) => void) | undefined;
}

/** Long enough for what others do meanwhile, short enough to sit through a machine's whole patience: at most 24 s of a minute or of eight. */
const REAL_PAUSE_MS = 2_000;

type End = Pick<Execution, 'output' | 'error' | 'cause'> & { readonly status: Exclude<Execution['status'], 'RUNNING'> };

/** Opens the executions of a folder; those that ran when their engine died are ABORTED. */
export function openExecutions(options: ExecutionsOptions): Executions {
  const { machine, clock } = options;
  const files = executionFiles(options.folder);
  const known = new Map(files.readAll().map((one) => [one.arn, abortIfRunning(files, one, clock)]));
  const running = new Map<string, Running>();
  const tokens = taskTokens();

  function end(execution: Execution, how: End): Execution {
    const ended: Execution = { ...execution, ...how, stoppedAt: clock.now().toISOString() };
    known.set(execution.arn, ended);
    const run = running.get(execution.arn);
    running.delete(execution.arn);
    run?.controller.abort(new Error(`execution ${execution.name} ended ${how.status}`));
    run?.cancelTimeout();
    try {
      run?.record(...endEvent(how));
      files.save(ended);
    } catch (error) {
      // A full disk must not end the engine; who describes the execution is told, once.
      const why = whyFailed(error, options.folder);
      if (!how.cause?.includes(why))
        known.set(execution.arn, { ...ended, cause: [how.cause, why].filter(Boolean).join('; its end is not written: ') });
    }
    if (how.error !== ENGINE_STOPPED.error) options.onEnded?.(ended);
    return ended;
  }

  return {
    machine,
    tokens,
    start({ name = randomUUID(), input }) {
      const arn = `${machine.arn.replace(':stateMachine:', ':execution:')}:${name}`;
      const before = known.get(arn);
      if (before !== undefined) return before.status === 'RUNNING' && before.input === input ? before : undefined;
      const execution: Execution = { name, arn, machineArn: machine.arn, input, startedAt: clock.now().toISOString(), status: 'RUNNING' };
      files.save(execution);
      known.set(arn, execution);
      running.set(
        arn,
        begin(options, files, tokens, execution, (how) => void (running.has(arn) && end(execution, how))),
      );
      return execution;
    },
    find: (arn) => known.get(arn),
    list: () => [...known.values()].sort((a, b) => b.startedAt.localeCompare(a.startedAt)),
    history: (execution) => files.history(execution.name),
    stop: (execution, error, cause) => (running.has(execution.arn) ? end(execution, { status: 'ABORTED', error, cause }) : execution),
    close() {
      for (const arn of [...running.keys()]) {
        const execution = known.get(arn);
        if (execution !== undefined) end(execution, { status: 'ABORTED', ...ENGINE_STOPPED });
      }
    },
  };
}

interface Running {
  readonly controller: AbortController;
  readonly record: (type: string, details?: Readonly<Record<string, unknown>>) => number;
  readonly cancelTimeout: () => void;
}

/** Starts to interpret; `end` is called once at most by what happens first. */
function begin(options: ExecutionsOptions, files: ExecutionFiles, tokens: TaskTokens, execution: Execution, end: (how: End) => void): Running {
  const { machine, clock, functions, region } = options;
  const { name, arn } = execution;
  const controller = new AbortController();
  const record = recorder(files, name, clock);
  const startedAt = new Date(execution.startedAt);
  const details = { input: execution.input, inputDetails: { truncated: false }, roleArn: machine.roleArn };
  record('ExecutionStarted', { executionStartedEventDetails: details });
  const release = clock.hold();
  interpret({
    machine,
    arn,
    name,
    region,
    input: JSON.parse(execution.input),
    startedAt,
    clock,
    tokens,
    signal: controller.signal,
    random: options.random ?? Math.random,
    realPauseMs: options.realPauseMs ?? REAL_PAUSE_MS,
    invoke: functions.invoke,
    onStateExited: options.onStateExited,
    record: (type, more) => {
      controller.signal.throwIfAborted();
      return record(type, more);
    },
  })
    .then((output) => end({ status: 'SUCCEEDED', output }))
    .catch((error: unknown) => end({ status: 'FAILED', ...failure(error, options.folder) }))
    .finally(release);
  const cancelTimeout =
    machine.timeoutSeconds === undefined
      ? () => {}
      : clock.timer(new Date(startedAt.getTime() + machine.timeoutSeconds * 1000), () => end({ status: 'TIMED_OUT', error: 'States.Timeout' }));
  return { controller, record, cancelTimeout };
}

function failure(error: unknown, folder: string): Pick<End, 'error' | 'cause'> {
  if (error instanceof StateError) return { error: error.error, cause: error.causeText };
  return { error: 'States.Runtime', cause: `the local engine failed: ${whyFailed(error, folder)}` };
}

function whyFailed(error: unknown, folder: string): string {
  const said = folderError(folder, error);
  return said instanceof Error ? said.message : String(said);
}

function recorder(files: ExecutionFiles, name: string, clock: VirtualClock): Running['record'] {
  let lastId = 0;
  return (type, details) => {
    const isEnd = /^Execution(Succeeded|Failed|TimedOut|Aborted)$/.test(type);
    if (lastId >= MAX_EVENTS - 1 && !isEnd) {
      throw new StateError('States.Runtime', `The execution reached the maximum number of history events (${MAX_EVENTS}).`);
    }
    lastId += 1;
    // AWS's recordings: the first state's entry follows nothing.
    files.append(name, { id: lastId, previousEventId: lastId === 2 ? 0 : lastId - 1, type, timestamp: clock.now().getTime() / 1000, ...details });
    return lastId;
  };
}

function endEvent({ status, output, error, cause }: End): [string, Record<string, unknown>] {
  switch (status) {
    case 'SUCCEEDED':
      return ['ExecutionSucceeded', { executionSucceededEventDetails: { output, outputDetails: { truncated: false } } }];
    case 'FAILED':
      return ['ExecutionFailed', { executionFailedEventDetails: { error, cause } }];
    case 'TIMED_OUT':
      return ['ExecutionTimedOut', { executionTimedOutEventDetails: { error, cause } }];
    case 'ABORTED':
      return ['ExecutionAborted', { executionAbortedEventDetails: { error, cause } }];
  }
}

const ENGINE_STOPPED = { error: 'Local.EngineStopped', cause: 'the local engine stopped while the execution ran' } as const;

function abortIfRunning(files: ExecutionFiles, execution: Execution, clock: VirtualClock): Execution {
  if (execution.status !== 'RUNNING') return execution;
  const how: End = { status: 'ABORTED', ...ENGINE_STOPPED };
  const before = files.history(execution.name);
  const id = before.length + 1;
  const [type, details] = endEvent(how);
  files.replaceHistory(execution.name, [...before, { id, previousEventId: id - 1, type, timestamp: clock.now().getTime() / 1000, ...details }]);
  const ended: Execution = { ...execution, ...how, stoppedAt: clock.now().toISOString() };
  files.save(ended);
  return ended;
}
