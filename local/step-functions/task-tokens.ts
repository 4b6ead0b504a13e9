import { randomUUID } from 'node:crypto';
import { StateError } from './state-error.ts';

/** A task that waits for an answer from outside. */
export interface WaitingTask {
  succeed(output: unknown): void;
  fail(error: StateError): void;
  heartbeat(): void;
}

export interface TaskTokens {
  issue(): string;
  wait(token: string, task: WaitingTask): void;
  /** Undefined when nobody waits for the token any more. */
  find(token: string): WaitingTask | undefined;
  forget(token: string): void;
}

export function taskTokens(): TaskTokens {
  const waiting = new Map<string, WaitingTask>();
  return {
    issue: () => randomUUID(),
    wait: (token, task) => void waiting.set(token, task),
    find: (token) => waiting.get(token),
    forget: (token) => void waiting.delete(token),
  };
}

/** What SendTaskFailure says to Retry and Catch; both parts are optional on AWS. */
export function taskFailure(error: string | undefined, cause: string | undefined): StateError {
  return new StateError(error ?? 'States.TaskFailed', cause);
}
