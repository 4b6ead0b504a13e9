import * as z from 'zod';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import { type Compared, compareBoundarySql, compareSql, findKeySql, type KeyRange } from '../core/transfer/compare-sql.ts';
import { isDigested } from '../core/transfer/shown-key.ts';
import type { Query } from './sql-session.ts';

/** What one range's comparison found; counts of rows, keys as they may be shown. */
export interface RangeComparison {
  readonly driving: number;
  readonly source: number;
  readonly target: number;
  readonly quarantined: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  readonly lagging: number;
  readonly changed: number;
  readonly samples: readonly string[];
}

const Boundary = z.object({ key: z.string(), shown: z.string(), rows: z.number().int() });
export type Boundary = z.infer<typeof Boundary>;

const Key = z.object({ key: z.string() });
const Counts = z.object({
  driving: z.string(),
  source: z.string(),
  target: z.string(),
  quarantined: z.string(),
  missing: z.string(),
  extra: z.string(),
  different: z.string(),
  lagging: z.string(),
  changed: z.string(),
  samples: z.string(),
});

/** Where the next `rows` rows of the driving table end; null when the rest is one open range. */
export async function nextBoundary(
  query: Query,
  transfer: Transfer,
  from: { readonly after: string | null; readonly rows: number; readonly salt: string },
): Promise<Boundary | null> {
  const [row] = await query(Boundary, compareBoundarySql(transfer, from.after, from.salt), { rows: from.rows });
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
export async function findKey(
  query: Query,
  transfer: Transfer,
  place: { readonly shown: string; readonly rows: number; readonly salt: string },
): Promise<string | null> {
  if (!isDigested(place.shown)) {
    return place.shown;
  }
  let after: string | null = null;
  for (let left = place.rows - NEAR_ROWS; left > 0; left -= HOP_ROWS) {
    const boundary: Boundary | null = await nextBoundary(query, transfer, { after, rows: Math.min(left, HOP_ROWS), salt: place.salt });
    if (boundary === null) {
      return null;
    }
    after = boundary.key;
  }
  const [row] = await query(Key, findKeySql(transfer, after, place.salt), { rows: 2 * NEAR_ROWS, shown: place.shown });
  return row?.key ?? null;
}

const Tables = z.object({ journal: z.boolean(), quarantine: z.boolean() });
const There = z.object({ there: z.boolean() });

/** What the ledger can say of a transfer's differences; null in a database without one, or with one that is older than live sync. */
export async function comparedLedger(query: Query, place: { readonly plan: string; readonly transfer: string }): Promise<Compared['ledger']> {
  const [tables] = await query(
    Tables,
    `select to_regclass('stepgate.sync_journal') is not null as journal, to_regclass('stepgate.quarantine') is not null as quarantine`,
  );
  if (tables === undefined || !(tables.journal || tables.quarantine)) {
    return null;
  }
  const held = 'select exists (select from stepgate.quarantine where plan = :plan::text and transfer = :transfer::text) as there';
  const [quarantine] = tables.quarantine ? await query(There, held, place) : [];
  return { plan: place.plan, hasJournal: tables.journal, hasQuarantined: quarantine?.there ?? false };
}

export async function compareRange(query: Query, transfer: Transfer, range: KeyRange & Compared): Promise<RangeComparison> {
  const [row] = await query(Counts, compareSql(transfer, range, range));
  if (row === undefined) {
    throw new Error(`the comparison of ${transfer.id} gave no row`);
  }
  return {
    driving: Number(row.driving),
    source: Number(row.source),
    target: Number(row.target),
    quarantined: Number(row.quarantined),
    missing: Number(row.missing),
    extra: Number(row.extra),
    different: Number(row.different),
    lagging: Number(row.lagging),
    changed: Number(row.changed),
    samples: z.array(z.string()).parse(JSON.parse(row.samples)),
  };
}
