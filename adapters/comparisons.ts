import * as z from 'zod';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import { compareBoundarySql, compareSql, type KeyRange } from '../core/transfer/compare-sql.ts';
import type { UnmappedColumn } from '../core/transfer/unmapped-column.ts';
import type { Query } from './sql-session.ts';

/** What one range's comparison found; counts of rows, keys as samples. */
export interface RangeComparison {
  readonly source: number;
  readonly target: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  readonly samples: readonly string[];
}

const Key = z.object({ key: z.string().nullable() });
const Counts = z.object({
  source: z.string(),
  target: z.string(),
  missing: z.string(),
  extra: z.string(),
  different: z.string(),
  samples: z.string(),
});

/** The last key of the next `rows` rows of the driving table; null when the rest is one open range. */
export async function nextBoundary(
  query: Query,
  transfer: Transfer,
  from: { readonly after: string | null; readonly rows: number },
): Promise<string | null> {
  const [row] = await query(Key, compareBoundarySql(transfer, from.after), { rows: from.rows });
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
    source: Number(row.source),
    target: Number(row.target),
    missing: Number(row.missing),
    extra: Number(row.extra),
    different: Number(row.different),
    samples: z.array(z.string()).parse(JSON.parse(row.samples)),
  };
}
