/** No run began: what was asked is wrong or cannot be done here. The message is all that a user sees; the exit code is 1. */
export class NoRunError extends Error {
  override readonly name = 'NoRunError';
}

/** What the demo shows beside its runs came to a stop. The message is all that a user sees; the exit code is 1. */
export class DemoStuckError extends Error {
  override readonly name = 'DemoStuckError';
}

/** Ended at the terminal; the exit code is 130. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
