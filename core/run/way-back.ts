import { type Facts, isProven } from './report-facts.ts';

/** Why a run could not go back by itself: what can be done now depends on it. */
export type WayBack =
  /** Every phase is undone, and the database is not as before. */
  | 'differs'
  /** A statement of an undo failed. */
  | 'statement failed'
  /** A phase that is committed says `undo: none`. */
  | 'no undo'
  /** A newer run holds the lock. */
  | 'taken over'
  /** Something else: a lock that did not come, a cluster that is away. */
  | 'stopped';

/** Reads a halted run's journal; error names are a closed list. */
export function wayBack({ undo, end }: Pick<Facts, 'undo' | 'end'>): WayBack {
  const error = (end?.laterFailures.at(-1) ?? end?.failure)?.error;
  if (error === 'StaleTokenError') return 'taken over';
  if (undo !== null && !isProven(undo)) return 'differs';
  if (error === 'UndoFailedError') return 'no undo';
  return error === 'StatementFailedError' ? 'statement failed' : 'stopped';
}
