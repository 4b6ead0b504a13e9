/**
 * What the workflow does about an error.
 *
 * `retry`: nothing was done, try again for a while. `refuse`: a gate said no before the first change.
 * `undo`: something failed after the first change. `halt`: a person must choose.
 */
export type Recovery = 'retry' | 'refuse' | 'undo' | 'halt';

/** The closed list of errors that leave a function. Step Functions matches them by name. */
export const RECOVERY = {
  DatabaseResumingError: 'retry',
  DatabaseBusyError: 'retry',
  DatabaseUnreachableError: 'retry',
  ThrottledError: 'retry',
  SecretRefusedError: 'retry',
  UnknownOutcomeError: 'retry',
  InputRefusedError: 'refuse',
  PlanNotFoundError: 'refuse',
  LockHeldError: 'refuse',
  GateRefusedError: 'refuse',
  ConfigurationError: 'refuse',
  WindowClosedError: 'undo',
  StatementFailedError: 'undo',
  CheckFailedError: 'undo',
  DifferencesFoundError: 'undo',
  StaleTokenError: 'halt',
  UndoFailedError: 'halt',
} as const satisfies Record<string, Recovery>;

export type ErrorName = keyof typeof RECOVERY;

/** Every error that leaves a function is one of these; `name` is a literal because a minifier renames classes. */
export abstract class StepgateError extends Error {
  abstract override readonly name: ErrorName;
}

/** The writer of an auto-paused cluster is waking up; about 15 s, 30 s after a day (Aurora User Guide, auto-pause). */
export class DatabaseResumingError extends StepgateError {
  override readonly name = 'DatabaseResumingError';
}

/** The statement gave way: lock_timeout (55P03), deadlock (40P01), serialization (40001). Nothing was done. */
export class DatabaseBusyError extends StepgateError {
  override readonly name = 'DatabaseBusyError';
}

/** The writer cannot be reached, or the cluster is not in a usable state. */
export class DatabaseUnreachableError extends StepgateError {
  override readonly name = 'DatabaseUnreachableError';
}

/** AWS said that we call too often; the call was not made. */
export class ThrottledError extends StepgateError {
  override readonly name = 'ThrottledError';
}

/** The database refused the secret's password: for a while after a rotation that is what happens, and later it is a fault of configuration. Nothing was done. */
export class SecretRefusedError extends StepgateError {
  override readonly name = 'SecretRefusedError';
}

/** The answer was lost; the ledger or the catalog knows whether the effect happened. Safe to enter the state again. */
export class UnknownOutcomeError extends StepgateError {
  override readonly name = 'UnknownOutcomeError';
  /** The statement took longer than the Data API gives it; it may still be at work. */
  readonly isTimeout: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isTimeout: boolean }) {
    super(message, options);
    this.isTimeout = options.isTimeout;
  }
}

/** The execution's input is not one that a run can begin with. */
export class InputRefusedError extends StepgateError {
  override readonly name = 'InputRefusedError';
}

/** The stack holds no such plan, or no such digest of it. */
export class PlanNotFoundError extends StepgateError {
  override readonly name = 'PlanNotFoundError';
}

/** Another run holds the lock, or nobody can say that it has ended. */
export class LockHeldError extends StepgateError {
  override readonly name = 'LockHeldError';
}

/** A gate said no; the message lists every reason. */
export class GateRefusedError extends StepgateError {
  override readonly name = 'GateRefusedError';
}

/** Address, secret, Data API or permission is wrong; trying again does not help. */
export class ConfigurationError extends StepgateError {
  override readonly name = 'ConfigurationError';
}

/** What is left of the plan's window is less than the rest and its undo would take; nothing more is begun. */
export class WindowClosedError extends StepgateError {
  override readonly name = 'WindowClosedError';
}

/** A statement of the plan, or one of ours, failed; the message names its number, file and line. */
export class StatementFailedError extends StepgateError {
  override readonly name = 'StatementFailedError';
}

/** A check of severity `fail` failed after the first change. */
export class CheckFailedError extends StepgateError {
  override readonly name = 'CheckFailedError';
}

/** Source and target differ by value. */
export class DifferencesFoundError extends StepgateError {
  override readonly name = 'DifferencesFoundError';
}

/** A newer run took the lock over; this one must not touch anything any more. */
export class StaleTokenError extends StepgateError {
  override readonly name = 'StaleTokenError';
}

/** An undo failed, or the database is not as before after it. */
export class UndoFailedError extends StepgateError {
  override readonly name = 'UndoFailedError';
}
