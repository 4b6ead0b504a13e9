import type { TransferProgress } from '../../adapters/transfer-ledger.ts';
import { UnknownOutcomeError } from '../../core/errors.ts';
import { nextBatchRows } from '../../core/run/batch-size.ts';

/** A batch that was moved row by row held so many, whatever was asked for (ledger/functions/move-or-quarantine.sql). */
const ROWS_APART = 200;

/**
 * Moves one batch of about `rows`, and says how many the next one takes; no progress when it was cancelled.
 *
 * A batch that takes 45 s was cancelled whole; a smaller one is tried. A lost answer leaves a whole batch or none: the cursor knows.
 *
 * @throws {UnknownOutcomeError} when one row alone takes too long, or the answer was lost.
 */
export async function tryBatch<Progress extends TransferProgress | null>(
  { rows, targetMs }: { readonly rows: number; readonly targetMs: number },
  move: (rows: number) => Promise<Progress>,
): Promise<{ readonly progress: Progress | undefined; readonly nextRows: number }> {
  try {
    const progress = await move(rows);
    const { elapsedMs = 0, boundaryMs = 0, waiting = 0, isApart = false } = progress ?? {};
    const moved = isApart ? Math.min(rows, ROWS_APART) : rows;
    return { progress, nextRows: nextBatchRows({ rows: moved, elapsedMs, boundaryMs, waiting }, targetMs) };
  } catch (error) {
    if (error instanceof UnknownOutcomeError && error.isTimeout && rows > 1) {
      return { progress: undefined, nextRows: Math.max(1, Math.floor(rows / 8)) };
    }
    throw error;
  }
}
