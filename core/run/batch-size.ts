/** What the last batch read, and how long it took. */
export interface BatchTiming {
  readonly rows: number;
  readonly elapsedMs: number;
}

export const FIRST_BATCH_ROWS = 5_000;

/** 500,000 rows of 100 bytes are 50 MB of WAL in one transaction; larger batches gain nothing that was measured. */
const MOST_ROWS = 500_000;

/**
 * Sizes the next batch so that it takes about `targetMs`.
 *
 * Changes by at most a factor of two per batch, and never goes below one row.
 */
export function nextBatchRows(last: BatchTiming, targetMs: number): number {
  const factor = Math.min(2, Math.max(0.5, targetMs / Math.max(last.elapsedMs, 1)));
  return Math.min(MOST_ROWS, Math.max(1, Math.floor(last.rows * factor)));
}
