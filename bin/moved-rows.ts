import { type TransferRows, transferRows } from '../adapters/transfer-progress.ts';
import type { PlanId } from '../core/ids.ts';
import type { CompiledPlan } from '../core/plan/compiled-plan.ts';
import { countInWords, durationInWords } from '../core/run/in-words.ts';
import type { JournalEntry } from '../core/run/journal.ts';
import { transfersOf } from '../core/transfer/transfers-of.ts';
import { type Measurement, remainingMs, rowsPerSecond } from './remaining-time.ts';
import type { RunSite } from './run-site.ts';

/** A phase whose rows are on their way. */
export interface Moving {
  readonly phase: string;
  readonly direction: 'up' | 'undo';
}

/** What is known of a transfer in hand; `total` null where nobody has counted. */
export interface MovedRows extends TransferRows {
  readonly total: number | null;
  readonly isEstimated: boolean;
}

/** Looks at the ledger while rows move, now and then. */
export interface RowWatch {
  /** Null between two looks, and when nothing can be said. */
  look(moving: Moving, nowMs: number): Promise<string | null>;
}

/** Rates over less than this say little. */
const MEASURED_MS = 1_000;

/**
 * A watch on one run; `everyMs` lies between two looks.
 *
 * A database that may not be asked is asked once: `onRefused` hears why, and the run is followed without its rows.
 */
export function rowWatch(
  session: NonNullable<RunSite['session']>,
  {
    plan,
    transfers,
    everyMs,
    readJournal,
    onRefused,
  }: {
    readonly plan: PlanId;
    readonly transfers: readonly WatchedTransfer[];
    readonly everyMs: number;
    readonly readJournal: () => Promise<readonly JournalEntry[]>;
    readonly onRefused: (reason: string) => void;
  },
): RowWatch {
  const seen = new Map<string, Measurement[]>();
  let lookedMs = Number.NEGATIVE_INFINITY;
  let isRefused = false;
  let journal: readonly JournalEntry[] | undefined;
  return {
    async look(moving, nowMs) {
      if (isRefused || nowMs - lookedMs < everyMs) return null;
      lookedMs = nowMs;
      try {
        journal ??= await readJournal();
        const inHand = rowsInHand(await transferRows(session, plan, moving.phase), { moving, transfers, journal });
        if (inHand === null) return null;
        const measured = seen.get(`${inHand.direction} ${inHand.transfer}`) ?? [];
        seen.set(`${inHand.direction} ${inHand.transfer}`, measured);
        measure(measured, { atMs: nowMs, rows: inHand.rows });
        return movedLine(inHand, measured, nowMs);
      } catch (error) {
        isRefused = true;
        onRefused(error instanceof Error ? error.message : String(error));
        return null;
      }
    },
  };
}

/** A transfer and the table that its rows come from. */
export interface WatchedTransfer {
  readonly id: string;
  /** `public.contacts` */
  readonly from: string;
}

export function watchedTransfers(plan: CompiledPlan): readonly WatchedTransfer[] {
  const transfers = transfersOf(plan.phases);
  return transfers.map(({ id, from }) => ({ id, from: `${from.schema}.${from.name}` }));
}

/** The last transfer that has begun and not ended; an undo has as many rows before it as were copied. */
export function rowsInHand(
  rows: readonly TransferRows[],
  {
    moving,
    transfers,
    journal,
  }: { readonly moving: Moving; readonly transfers: readonly WatchedTransfer[]; readonly journal: readonly JournalEntry[] },
): MovedRows | null {
  const inHand = rows.find(({ direction, done }) => direction === moving.direction && !done);
  if (inHand === undefined) return null;
  if (inHand.direction === 'undo') {
    const copied = rows.find(({ transfer, direction }) => direction === 'up' && transfer === inHand.transfer);
    return { ...inHand, total: copied?.rows ?? null, isEstimated: false };
  }
  const from = transfers.find(({ id }) => id === inHand.transfer)?.from;
  const tables = journal.flatMap((entry) => (entry.kind === 'assess' ? entry.tables : []));
  const volume = tables.find(({ table }) => table === from);
  return { ...inHand, total: volume?.rows ?? null, isEstimated: volume?.estimated ?? false };
}

function measure(measured: Measurement[], now: Measurement): void {
  const last = measured.at(-1);
  if (last === undefined || (now.rows > last.rows && now.atMs - last.atMs >= MEASURED_MS)) measured.push(now);
}

/** `customers: 31,000 of 45,230 rows (68 %), 22,615 rows/s, about 1 min 05 s left`; source rows that the mapping leaves out keep it below 100 %. */
export function movedLine({ transfer, rows, total, isEstimated, pausing }: MovedRows, measured: readonly Measurement[], nowMs: number): string {
  const isKnown = total !== null && total >= rows && total > 0;
  const of = isKnown ? ` of ${isEstimated ? 'about ' : ''}${countInWords(total)} rows (${Math.floor((rows * 100) / total)} %)` : ' rows';
  const rate = rowsPerSecond(measured);
  const left = isKnown ? remainingMs(measured, { total, nowMs }) : null;
  return [
    `${transfer}: ${countInWords(rows)}${of}`,
    ...(rate === null ? [] : [`${countInWords(rate)} rows/s`]),
    ...(left === null ? [] : [`about ${durationInWords(Math.round(left / 1000) * 1000)} left`]),
    ...(pausing == null ? [] : [`pausing: ${pausing}`]),
  ].join(', ');
}
