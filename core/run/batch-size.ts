/** What the last batch read, and how long it took. */
export interface BatchTiming {
  readonly rows: number;
  readonly elapsedMs: number;
  /** How long it took to find where the batch ends; nobody waits for that. */
  readonly boundaryMs: number;
  /** Sessions that waited for the batch's locks at its end. */
  readonly waiting: number;
}

/** What a batch should take, and how many rows the first one has, of which nobody knows yet how long they take. */
export interface BatchAim {
  readonly targetMs: number;
  readonly firstRows: number;
}

/** Two seconds: long enough to be as fast as one statement, short enough to let go soon (facts of the design, numbers to expect). */
export const ALONE: BatchAim = { targetMs: 2_000, firstRows: 5_000 };

/** Half of the longest wait that the run may cause: what the application waits for is a batch at most, and its own lock_timeout then holds (200 ms). */
export const BESIDE_APPLICATION: BatchAim = { targetMs: 100, firstRows: 500 };

/** 500,000 rows of 100 bytes are 50 MB of WAL in one transaction; larger batches gain nothing that was measured. */
const MOST_ROWS = 500_000;

/** Finding the end of a batch locks nothing, but keeps the run from stopping; the Data API ends it, and the batch with it, after 45 s. */
const BOUNDARY_MS = 5_000;

/**
 * Sizes the next batch so that moving it takes about `targetMs`, half of it where somebody waited for the last one, and finding its end no
 * more than 5 s.
 *
 * Changes by at most a factor of two per batch, and never goes below one row; does not grow while somebody waits.
 */
export function nextBatchRows(last: BatchTiming, targetMs: number): number {
  const [aimMs, most] = last.waiting > 0 ? [targetMs / 2, 1] : [targetMs, 2];
  const wished = Math.min(aimMs / Math.max(last.elapsedMs, 1), BOUNDARY_MS / Math.max(last.boundaryMs, 1));
  const factor = Math.min(most, Math.max(0.5, wished));
  return Math.min(MOST_ROWS, Math.max(1, Math.floor(last.rows * factor)));
}
