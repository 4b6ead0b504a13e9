import { setTimeout as delay } from 'node:timers/promises';
import { RECOVERY, type Recovery } from '../../core/errors.ts';
import type { Retrier, Task } from './definition.ts';
import { matchesError, StateError } from './state-error.ts';
import { fill, fillAs, isSeconds, payloadText, type Visit } from './visit.ts';

/** Runs a Task with its retries; gives what `$states.result` holds. */
export async function runTask(visit: Visit, state: Task): Promise<unknown> {
  const used = new Map<Retrier, number>();
  for (let retryCount = 0; ; retryCount += 1) {
    try {
      const taskToken = state.Resource.endsWith('.waitForTaskToken') ? visit.run.tokens.issue() : undefined;
      return await attempt({ ...visit, retryCount, taskToken }, state);
    } catch (error) {
      const retrier = error instanceof StateError ? state.Retry.find(({ ErrorEquals }) => matchesError(ErrorEquals, error.error ?? '')) : undefined;
      const before = retrier === undefined ? 0 : (used.get(retrier) ?? 0);
      if (retrier === undefined || before >= retrier.MaxAttempts) throw error;
      used.set(retrier, before + 1);
      await pause(visit.run, { ms: retryDelayMs(retrier, before, visit.run.random), isOutside: isOutside(error) });
    }
  }
}

/** What has to change outside takes real time: the first seconds of such a pause are waited for, and only the rest is jumped over. */
async function pause(
  { clock, signal, realPauseMs }: Visit['run'],
  { ms, isOutside: takesTime }: { readonly ms: number; readonly isOutside: boolean },
): Promise<void> {
  const until = new Date(clock.now().getTime() + ms);
  // The execution holds the clock, so that time is real for everybody.
  if (takesTime) await delay(Math.min(ms, realPauseMs), undefined, { signal }).catch(() => undefined);
  await clock.waitUntil(until, signal);
  signal.throwIfAborted();
}

/** A database that is busy or away is so by others' doing. */
function isOutside(error: unknown): boolean {
  const recovery: Readonly<Record<string, Recovery>> = RECOVERY;
  return error instanceof StateError && recovery[error.error ?? ''] === 'retry';
}

function retryDelayMs(retrier: Retrier, before: number, random: () => number): number {
  const delaySeconds = Math.min(retrier.IntervalSeconds * retrier.BackoffRate ** before, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  return delaySeconds * 1000 * (retrier.JitterStrategy === 'FULL' ? random() : 1);
}

interface Limits {
  readonly timeoutSeconds: number | undefined;
  readonly heartbeatSeconds: number | undefined;
}

async function attempt(visit: Visit, state: Task): Promise<unknown> {
  const { run } = visit;
  const call = (await fill(visit, state.Arguments, 'Arguments')) as { readonly FunctionName: string; readonly Payload?: unknown };
  const seconds = async (template: unknown, field: string) =>
    template === undefined ? undefined : fillAs(visit, template, field, 'number', isSeconds);
  const limits: Limits = {
    timeoutSeconds: await seconds(state.TimeoutSeconds, 'TimeoutSeconds'),
    heartbeatSeconds: await seconds(state.HeartbeatSeconds, 'HeartbeatSeconds'),
  };
  run.signal.throwIfAborted();
  const kind = { resourceType: 'lambda', resource: visit.taskToken === undefined ? 'invoke' : 'invoke.waitForTaskToken' };
  const { timeoutSeconds: timeoutInSeconds, heartbeatSeconds: heartbeatInSeconds } = limits;
  const parameters = payloadText(visit, call);
  run.record('TaskScheduled', { taskScheduledEventDetails: { ...kind, region: run.region, parameters, timeoutInSeconds, heartbeatInSeconds } });
  run.record('TaskStarted', { taskStartedEventDetails: kind });
  try {
    const output = await answer(visit, call, limits, kind);
    const text = payloadText(visit, output);
    run.record('TaskSucceeded', { taskSucceededEventDetails: { ...kind, output: text, outputDetails: { truncated: false } } });
    return output;
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    const details = { ...kind, error: error.error, cause: error.causeText };
    if (error.error === 'States.Timeout') run.record('TaskTimedOut', { taskTimedOutEventDetails: details });
    else run.record('TaskFailed', { taskFailedEventDetails: details });
    throw error;
  }
}

/** Waits for the function or for its token, its timeouts, or the end of the execution, whichever comes first. */
function answer(visit: Visit, call: { readonly FunctionName: string; readonly Payload?: unknown }, limits: Limits, kind: object): Promise<unknown> {
  const { run, taskToken } = visit;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  // AWS's recordings show a missed heartbeat as States.Timeout, too.
  const after = (limitSeconds: number | undefined) =>
    limitSeconds === undefined
      ? () => {}
      : run.clock.timer(new Date(run.clock.now().getTime() + limitSeconds * 1000), () => reject(new StateError('States.Timeout')));
  const cancelTimeout = after(limits.timeoutSeconds);
  let cancelHeartbeat = after(limits.heartbeatSeconds);
  const heartbeat = () => {
    cancelHeartbeat();
    cancelHeartbeat = after(limits.heartbeatSeconds);
  };
  const abort = () => reject(run.signal.reason);
  let open = true;
  run.signal.addEventListener('abort', abort);
  if (taskToken !== undefined) run.tokens.wait(taskToken, { succeed: resolve, fail: reject, heartbeat });
  run
    .invoke(call.FunctionName, JSON.stringify(call.Payload ?? {}))
    .then((invocation) => {
      if (!invocation.ok) throw new StateError(invocation.error, invocation.cause);
      const output = { ExecutedVersion: '$LATEST', Payload: JSON.parse(invocation.payload), StatusCode: 200 };
      if (taskToken === undefined) resolve(output);
      else if (open)
        run.record('TaskSubmitted', { taskSubmittedEventDetails: { ...kind, output: JSON.stringify(output), outputDetails: { truncated: false } } });
    })
    .catch(reject);
  return promise.finally(() => {
    open = false;
    cancelTimeout();
    cancelHeartbeat();
    run.signal.removeEventListener('abort', abort);
    if (taskToken !== undefined) run.tokens.forget(taskToken);
  });
}
