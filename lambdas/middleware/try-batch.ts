import type { TransferProgress } from '../../adapters/transfer-ledger.ts';
import { UnknownOutcomeError } from '../../core/errors.ts';
import { nextBatchRows } from '../../core/run/batch-size.ts';

/** Two seconds a batch: long enough to be as fast as one statement, short enough to let go soon (facts of the design, numbers to expect). */
const BATCH_MS = 2_000;

/**
 * Moves one batch of about `rows`, and says how many the next one takes; no progress when it was cancelled.
 *
 * A batch that takes 45 s was cancelled whole; a smaller one is tried. A lost answer leaves a whole batch or none: the cursor knows.
 *
 * @throws {UnknownOutcomeError} when one row alone takes too long, or the answer was lost.
 */
export async function tryBatch<Progress extends TransferProgress | null>(
  rows: number,
  move: (rows: number) => Promise<Progress>,
): Promise<{ readonly progress: Progress | undefined; readonly nextRows: number }> {
  try {
    const progress = await move(rows);
    return { progress, nextRows: nextBatchRows({ rows, elapsedMs: progress?.elapsedMs ?? 0 }, BATCH_MS) };
  } catch (error) {
    if (error instanceof UnknownOutcomeError && error.isTimeout && rows > 1) {
      return { progress: undefined, nextRows: Math.max(1, Math.floor(rows / 8)) };
    }
    throw error;
  }
}
