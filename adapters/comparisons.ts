import * as z from 'zod';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import { compareBoundarySql, compareSql, findKeySql, type KeyRange } from '../core/transfer/compare-sql.ts';
import { DIGEST_PREFIX } from '../core/transfer/shown-key.ts';
import type { UnmappedColumn } from '../core/transfer/unmapped-column.ts';
import type { Query } from './sql-session.ts';

/** What one range's comparison found; counts of rows, keys as they may be shown. */
export interface RangeComparison {
  readonly driving: number;
  readonly source: number;
  readonly target: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  readonly samples: readonly string[];
}

const Boundary = z.object({ key: z.string(), shown: z.string(), rows: z.number().int() });
export type Boundary = z.infer<typeof Boundary>;

const Key = z.object({ key: z.string() });
const Counts = z.object({
  driving: z.string(),
  source: z.string(),
  target: z.string(),
  missing: z.string(),
  extra: z.string(),
  different: z.string(),
  samples: z.string(),
});

/** Where the next `rows` rows of the driving table end; null when the rest is one open range. */
export async function nextBoundary(
  query: Query,
  transfer: Transfer,
  from: { readonly after: string | null; readonly rows: number },
): Promise<Boundary | null> {
  const [row] = await query(Boundary, compareBoundarySql(transfer, from.after), { rows: from.rows });
  return row ?? null;
}

/** Rows that are walked over in one call: about a second. */
const HOP_ROWS = 1_000_000;

/** How many rows may have come or gone before a key that is searched for. */
const NEAR_ROWS = 100_000;

/**
 * The key behind what an earlier visit showed of it. A digest is searched for near as many rows of the driving table as were before it.
 *
 * Null when it is not there: it is gone, or very much came or went before it.
 */
export async function findKey(query: Query, transfer: Transfer, place: { readonly shown: string; readonly rows: number }): Promise<string | null> {
  if (!place.shown.startsWith(DIGEST_PREFIX)) {
    return place.shown;
  }
  let after: string | null = null;
  for (let left = place.rows - NEAR_ROWS; left > 0; left -= HOP_ROWS) {
    const boundary: Boundary | null = await nextBoundary(query, transfer, { after, rows: Math.min(left, HOP_ROWS) });
    if (boundary === null) {
      return null;
    }
    after = boundary.key;
  }
  const [row] = await query(Key, findKeySql(transfer, after), { rows: 2 * NEAR_ROWS, shown: place.shown });
  return row?.key ?? null;
}

export async function compareRange(
  query: Query,
  transfer: Transfer,
  range: KeyRange & { readonly unmapped: readonly UnmappedColumn[] },
): Promise<RangeComparison> {
  const [row] = await query(Counts, compareSql(transfer, range, range.unmapped));
  if (row === undefined) {
    throw new Error(`the comparison of ${transfer.id} gave no row`);
  }
  return {
    driving: Number(row.driving),
    source: Number(row.source),
    target: Number(row.target),
    missing: Number(row.missing),
    extra: Number(row.extra),
    different: Number(row.different),
    samples: z.array(z.string()).parse(JSON.parse(row.samples)),
  };
}
