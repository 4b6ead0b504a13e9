import * as z from 'zod';
import type { Transfer } from '../plan/compiled-plan.ts';
import { describeTransfer } from '../transfer/describe-transfer.ts';
import { TransferComparison } from './journal.ts';

/** Where a comparison of all transfers stands; it travels with the state's input, because a run that only looks writes no ledger. */
export const ComparisonProgress = z.object({
  done: z.boolean(),
  /** Which of the plan's transfers is at hand, from 0. */
  transfer: z.number().int(),
  /**
   * Up to where it is compared; null at the transfer's beginning. An execution's history keeps it, so the key is here as it may be shown:
   * itself, or its digest, by which it is found again near as many rows of the driving table.
   */
  after: z.object({ shown: z.string(), rows: z.number().int() }).nullable(),
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
    readonly driving: number;
    readonly source: number;
    readonly target: number;
    readonly samples: readonly string[];
    readonly durationMs: number;
  },
): TransferComparison {
  return {
    ...result,
    leftOut: result.leftOut + range.driving - range.source,
    sourceRows: result.sourceRows + range.source,
    targetRows: result.targetRows + range.target,
    missing: result.missing + range.missing,
    extra: result.extra + range.extra,
    different: result.different + range.different,
    samples: [...result.samples, ...range.samples].slice(0, MOST_SAMPLES),
    durationMs: result.durationMs + range.durationMs,
  };
}

/** A sentence for each transfer whose two sides differ; results stand in the order of their transfers. */
export function describeDifferences(results: readonly TransferComparison[], transfers: readonly Transfer[]): readonly string[] {
  return results.flatMap((result, index) => {
    const transfer = transfers[index];
    if (transfer === undefined || result.missing + result.extra + result.different === 0) {
      return [];
    }
    const counts = `${result.missing} missing, ${result.extra} extra, ${result.different} different`;
    const keys = `${result.samples.join(', ')}${result.missing + result.extra + result.different > result.samples.length ? ' …' : ''}`;
    return [
      `${describeTransfer(transfer)}: ${result.into} is not what it makes of ${result.from}: ${counts} of ${result.sourceRows} rows (keys ${keys})`,
    ];
  });
}
