import * as z from 'zod';
import type { PlanId } from '../core/ids.ts';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import { type BatchSql, copySql, rangesSql, undoSql } from '../core/transfer/batch-sql.ts';
import type { UnmappedColumn } from '../core/transfer/unmapped-column.ts';
import type { SqlSession } from './sql-session.ts';

/** A range's cursor after a batch; `rows` and `batches` are what was moved in all. */
const Progress = z.object({
  done: z.boolean(),
  rows: z.number().int(),
  batches: z.number().int(),
  workingMs: z.number(),
  /** How long it took in the database to find where this batch ends, and how long to move it. */
  boundaryMs: z.number(),
  elapsedMs: z.number(),
  /** Sessions that waited for this batch's locks when it was about to commit; counted beside a live application only. */
  waiting: z.number().int(),
  /** Its rows had to be moved one by one, since some of them are bad. */
  isApart: z.boolean(),
});
export type TransferProgress = z.infer<typeof Progress>;

/** Where rows are copied to; `isLive` while the application may write to what a batch locks, which is then counted. */
export interface CopyPlace {
  readonly phase: string;
  readonly transfer: Transfer;
  readonly isLive?: boolean;
}

/** Where rows are taken out; `isLive` while the triggers of its sync stand, and the rows that are left follow the source. */
export interface UndoPlace {
  readonly phase: string;
  readonly transfer: Transfer;
  readonly unmapped: readonly UnmappedColumn[];
  readonly isLive: boolean;
}

/** An undo goes over its table once, and where a sync stood once before that: each walk has a cursor of its own. */
const UNDO_WALK = { alone: 0, besideSync: 1 };

export interface TotalsPlace {
  readonly phase: string;
  readonly transfer: string;
  /** Of the copy, where nothing is said. */
  readonly direction?: 'up' | 'undo';
}

/** All ranges of a transfer together. */
const Totals = z.object({
  done: z.boolean(),
  rows: z.number().int(),
  batches: z.number().int(),
  workingMs: z.number().int(),
  mapped: z.number().int(),
  quarantined: z.number().int(),
  pausedMs: z.number().int(),
});
export type TransferTotals = z.infer<typeof Totals>;

/** Moves a transfer's rows, a batch a call; the cursor moves in the batch's own transaction, so a repeated call is the next batch. */
export interface TransferLedger {
  /** How many ranges, from 0, the transfer is copied in: what it was cut into when it was begun. */
  ranges(run: ChangingRun, place: { readonly phase: string; readonly transfer: Transfer }): Promise<number>;
  /** @throws {StatementFailedError | DatabaseBusyError | StaleTokenError | UnknownOutcomeError}; after each of them nothing or a whole batch was done. */
  copyBatch(run: ChangingRun, place: CopyPlace, batch: { readonly range?: number; readonly rows: number }): Promise<TransferProgress>;
  /** Null when the phase is undone already. */
  undoBatch(run: ChangingRun, place: UndoPlace, rows: number): Promise<TransferProgress | null>;
  /** Says in the ledger why the next batch waits, and for how long; only for the token's holder. */
  notePause(run: ChangingRun, place: { readonly phase: string; readonly transfer: string }, pause: Pause & { readonly range: number }): Promise<void>;
  /** Null before the first batch. */
  totals(plan: PlanId, place: TotalsPlace): Promise<TransferTotals | null>;
  /** Ids of a phase's transfers that have moved something, or were about to, by batches or by their sync. */
  begun(plan: PlanId, phase: string): Promise<readonly string[]>;
  /** Ids of a plan's transfers whose last batch is done, in every range. */
  copied(plan: PlanId): Promise<readonly string[]>;
  /** Rows that this undo put into stepgate_archive, also where another run began it. */
  archivedRows(run: ChangingRun, place: { readonly phase: string; readonly transfer: Transfer }): Promise<number>;
}

/** Why the next batch waits, and for how long. */
export interface Pause {
  readonly because: string;
  readonly ms: number;
}

const Answer = z.object({ progress: z.string().nullable() });
const Ranges = z.object({ ranges: z.number().int() });
const Begun = z.object({ transfer: z.string() });
const Count = z.object({ count: z.number().int() });

export function transferLedger({ query }: SqlSession): TransferLedger {
  const batch = batchCall({ query });
  return {
    ranges: async (run, { phase, transfer }) => {
      if (transfer.parallel === 1) return 1;
      const [row] = await query(
        Ranges,
        `select stepgate.begin_ranges(:run::text, :token::bigint, :plan::text, :phase::text, :transfer::text, :ranges::int, :sql::jsonb) as ranges`,
        { ...named(run, { phase, transfer: transfer.id }), ranges: transfer.parallel, sql: JSON.stringify(rangesSql(transfer)) },
      );
      return row?.ranges ?? 1;
    },
    copyBatch: async (run, { phase, transfer, isLive = false }, { range = 0, rows }) =>
      Progress.parse(
        await batch(run, { phase, transfer: transfer.id, direction: 'up', range, rows, sql: { ...copySql(transfer, { plan: run.plan }), isLive } }),
      ),
    undoBatch: (run, { phase, transfer, unmapped, isLive }, rows) => {
      const sql = { ...undoSql(transfer, { plan: run.plan, phase }, unmapped), isLive };
      const range = isLive ? UNDO_WALK.besideSync : UNDO_WALK.alone;
      return batch(run, { phase, transfer: transfer.id, direction: 'undo', range, rows, sql });
    },
    notePause: async (run, place, { range, because, ms }) => {
      await query(
        z.unknown(),
        `update stepgate.transfer set pausing_for = :because::text, paused_ms = paused_ms + :ms::bigint
where plan = :plan::text and phase = :phase::text and transfer = :transfer::text and direction = 'up' and range_number = :range::int
and exists (select from stepgate.lock where run_id = :run::text and token = :token::bigint)`,
        { ...named(run, place), range, because, ms },
      );
    },
    totals: async (plan, { phase, transfer, direction = 'up' }) => {
      // Ranges work beside one another: the longest says how long the copy took. The walks of an undo come one after another.
      const sql = `select bool_and(done_at is not null) as done, sum(rows)::bigint as rows, sum(batches)::int as batches, (case :direction::text when 'up' then max(working_ms) else sum(working_ms) end)::bigint as "workingMs",
sum(mapped)::bigint as mapped, sum(quarantined)::bigint as quarantined, sum(paused_ms)::bigint as "pausedMs"
from stepgate.transfer where plan = :plan::text and phase = :phase::text and transfer = :transfer::text and direction = :direction::text having count(*) > 0`;
      const [row] = await query(Totals, sql, { plan, phase, transfer, direction });
      return row ?? null;
    },
    begun: async (plan, phase) => {
      // A sync brings rows, too, and an undo that has ended it goes on with what it took them from.
      const sql = `select transfer from stepgate.transfer where plan = :plan::text and phase = :phase::text
union select transfer from stepgate.sync where plan = :plan::text and phase = :phase::text`;
      return (await query(Begun, sql, { plan, phase })).map((row) => row.transfer);
    },
    copied: async (plan) => {
      const sql = `select transfer from stepgate.transfer where plan = :plan::text and direction = 'up' group by phase, transfer having bool_and(done_at is not null)`;
      return (await query(Begun, sql, { plan })).map((row) => row.transfer);
    },
    archivedRows: async (run, { phase, transfer }) => {
      const sql = `select count(*)::int as count from stepgate_archive.row where plan = :plan::text and transfer = :transfer::text
and archived_at >= (select undo_begun_at from stepgate.phase where plan = :plan::text and phase = :phase::text)`;
      const [row] = await query(Count, sql, { plan: run.plan, phase, transfer: transfer.id });
      return row?.count ?? 0;
    },
  };
}

interface BatchCall {
  readonly phase: string;
  readonly transfer: string;
  readonly direction: 'up' | 'undo';
  readonly range: number;
  readonly rows: number;
  readonly sql: BatchSql & { readonly isLive: boolean };
}

function batchCall({ query }: Pick<SqlSession, 'query'>): (run: ChangingRun, call: BatchCall) => Promise<TransferProgress | null> {
  return async (run, call) => {
    const [row] = await query(
      Answer,
      `select stepgate.run_batch(:run::text, :token::bigint, :plan::text, :phase::text, :transfer::text, :direction::text, :range::int, :rows::int,
:sql::jsonb) as progress`,
      { ...named(run, call), direction: call.direction, range: call.range, rows: call.rows, sql: JSON.stringify(call.sql) },
    );
    return Progress.nullable().parse(JSON.parse(row?.progress ?? 'null'));
  };
}

function named(run: ChangingRun, { phase, transfer }: { readonly phase: string; readonly transfer: string }) {
  return { run: run.id, token: run.token, plan: run.plan, phase, transfer };
}
