/** Rows that were moved by a moment. */
export interface Measurement {
  readonly atMs: number;
  readonly rows: number;
}

/** Two rates that differ by no more than a quarter of the higher one agree. */
const AGREE = 0.25;

/**
 * How long the rest takes; null until the last two measured rates agree, and when rows have stopped coming.
 *
 * `seen` holds moments at which there were more rows than before.
 */
export function remainingMs(seen: readonly Measurement[], { total, nowMs }: { readonly total: number; readonly nowMs: number }): number | null {
  const [a, b, c] = seen.slice(-3);
  if (a === undefined || b === undefined || c === undefined || total < c.rows) return null;
  const [earlier, later] = [rowsPerMs(a, b), rowsPerMs(b, c)];
  if (Math.abs(earlier - later) > AGREE * Math.max(earlier, later)) return null;
  if (nowMs - c.atMs > 2 * (c.atMs - a.atMs)) return null;
  return Math.max(0, (total - c.rows) / rowsPerMs(a, c) - (nowMs - c.atMs));
}

/** Of the last two measurements; null before there are two. */
export function rowsPerSecond(seen: readonly Measurement[]): number | null {
  const [a, b] = seen.slice(-2);
  return a === undefined || b === undefined ? null : rowsPerMs(a, b) * 1_000;
}

function rowsPerMs(from: Measurement, to: Measurement): number {
  return (to.rows - from.rows) / Math.max(to.atMs - from.atMs, 1);
}
