import * as z from 'zod';
import type { Fraction, Transfer } from '../plan/compiled-plan.ts';
import { describeTransfer } from '../transfer/describe-transfer.ts';
import { countInWords } from './in-words.ts';
import { TransferComparison } from './journal.ts';
import { meetsQuality, percent } from './quality.ts';

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

/** 250,000 rows a range: a quarter of a second in the database, so that its dozen calls cost little beside it, and a range is never near 45 s. */
export const COMPARED_ROWS = 250_000;

/** At most five keys show where to look. */
const MOST_SAMPLES = 5;

/** A transfer's result with one more range in it. */
export function addRange(
  result: TransferComparison,
  range: Pick<TransferComparison, 'missing' | 'extra' | 'different' | 'lagging' | 'quarantined'> & {
    readonly driving: number;
    readonly source: number;
    readonly target: number;
    readonly changed: number;
    readonly samples: readonly string[];
    readonly durationMs: number;
  },
): TransferComparison {
  return {
    ...result,
    leftOut: result.leftOut + range.driving - range.source - range.quarantined,
    sourceRows: result.sourceRows + range.source,
    targetRows: result.targetRows + range.target,
    missing: result.missing + range.missing,
    extra: result.extra + range.extra,
    different: result.different + range.different,
    lagging: result.lagging + range.lagging,
    changedOnNewSide: result.changedOnNewSide + range.changed,
    quarantined: result.quarantined + range.quarantined,
    samples: [...result.samples, ...range.samples].slice(0, MOST_SAMPLES),
    durationMs: result.durationMs + range.durationMs,
  };
}

type Accounted = Pick<TransferComparison, 'lagging' | 'changedOnNewSide' | 'quarantined'>;

/** What a live sync and a quarantine account for, in words: ` (3 lagging, 1 quarantined)`; empty where there is nothing of it. */
export function accountedFor(results: readonly Accounted[]): string {
  const sum = (of: (result: Accounted) => number) => results.reduce((all, one) => all + of(one), 0);
  const parts = [
    [sum(({ lagging }) => lagging), 'lagging'],
    [sum(({ changedOnNewSide }) => changedOnNewSide), 'changed on the new side'],
    [sum(({ quarantined }) => quarantined), 'quarantined'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${countInWords(count)} ${what}`);
  return said.length === 0 ? '' : ` (${said.join(', ')})`;
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
      `${describeTransfer(transfer)}: ${result.into} is not what it makes of ${result.from}: ${counts} of ${result.sourceRows} rows (keys ${keys})${accountedFor([result])}`,
    ];
  });
}

/** A sentence for each transfer of whose rows the quarantine holds more than the plan's quality allows; results stand in the order of their transfers. */
export function describeQuarantined(
  results: readonly Pick<TransferComparison, 'sourceRows' | 'quarantined' | 'from'>[],
  transfers: readonly Transfer[],
  quality: Fraction,
): readonly string[] {
  return results.flatMap((result, index) => {
    const transfer = transfers[index];
    const rows = { valid: BigInt(result.sourceRows), total: BigInt(result.sourceRows + result.quarantined) };
    if (transfer === undefined || meetsQuality(rows, quality)) return [];
    const least = percent({ valid: BigInt(quality.numerator), total: BigInt(quality.denominator) });
    const held = `${result.quarantined} of ${rows.total} rows are in the quarantine, so ${percent(rows)} are valid; the plan's quality is ${least}`;
    return [`${describeTransfer(transfer)}: ${held}; correct the rows in ${result.from}, or the mapping`];
  });
}
