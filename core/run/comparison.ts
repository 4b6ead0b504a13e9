import * as z from 'zod';
import { TransferComparison } from './journal.ts';

/** Where a comparison of all transfers stands; it travels with the state's input, because a run that only looks writes no ledger. */
export const ComparisonProgress = z.object({
  done: z.boolean(),
  /** Which of the plan's transfers is at hand, from 0. */
  transfer: z.number().int(),
  /** The last key that was compared; null at the transfer's beginning. */
  after: z.string().nullable(),
  results: z.array(TransferComparison),
});
export type ComparisonProgress = z.infer<typeof ComparisonProgress>;

export const COMPARISON_START: ComparisonProgress = { done: false, transfer: 0, after: null, results: [] };

/** 100,000 rows a range: about 0.1 s in the database (1 M rows in 0.7 s were measured), so that a range is never near 45 s. */
export const COMPARED_ROWS = 100_000;

/** At most five keys show where to look. */
const MOST_SAMPLES = 5;

/** A transfer's result with one more range in it. */
export function addRange(
  result: TransferComparison,
  range: Pick<TransferComparison, 'missing' | 'extra' | 'different'> & {
    readonly source: number;
    readonly target: number;
    readonly samples: readonly string[];
    readonly durationMs: number;
  },
): TransferComparison {
  return {
    ...result,
    sourceRows: result.sourceRows + range.source,
    targetRows: result.targetRows + range.target,
    missing: result.missing + range.missing,
    extra: result.extra + range.extra,
    different: result.different + range.different,
    samples: [...result.samples, ...range.samples].slice(0, MOST_SAMPLES),
    durationMs: result.durationMs + range.durationMs,
  };
}

/** A sentence for each transfer whose two sides differ. */
export function describeDifferences(results: readonly TransferComparison[]): readonly string[] {
  return results
    .filter((result) => result.missing + result.extra + result.different > 0)
    .map((result) => {
      const counts = `${result.missing} missing, ${result.extra} extra, ${result.different} different`;
      return `${result.into} is not what ${result.transfer} makes of ${result.from}: ${counts} of ${result.sourceRows} rows (keys ${result.samples.join(', ')})`;
    });
}
