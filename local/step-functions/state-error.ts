/** An error that Retry and Catch may match, as Step Functions names it. */
export class StateError extends Error {
  override readonly name = 'StateError';
  readonly error: string | undefined;
  readonly causeText: string | undefined;

  constructor(error: string | undefined, causeText?: string) {
    super(`${error}: ${causeText}`);
    this.error = error;
    this.causeText = causeText;
  }
}

/** Errors that no wildcard matches (Step Functions, error handling). */
const ONLY_BY_NAME = new Set(['States.Runtime', 'States.DataLimitExceeded']);

/** Whether a retrier or catcher with these names is for this error. */
export function matchesError(errorEquals: readonly string[], error: string): boolean {
  return errorEquals.some(
    (name) => name === error || (!ONLY_BY_NAME.has(error) && (name === 'States.ALL' || (name === 'States.TaskFailed' && error !== 'States.Timeout'))),
  );
}
