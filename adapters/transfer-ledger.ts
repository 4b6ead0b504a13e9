import * as z from 'zod';
import type { PlanId } from '../core/ids.ts';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import { type BatchSql, copySql, type UndoBatchSql, undoSql } from '../core/transfer/batch-sql.ts';
import type { UnmappedColumn } from '../core/transfer/unmapped-column.ts';
import type { SqlSession } from './sql-session.ts';

/** A transfer's cursor after a batch; `rows` is what was moved in all, `elapsedMs` this batch's time in the database. */
const Progress = z.object({
  done: z.boolean(),
  rows: z.number().int(),
  batches: z.number().int(),
  workingMs: z.number(),
  elapsedMs: z.number(),
});
export type TransferProgress = z.infer<typeof Progress>;

/** Moves a transfer's rows, a batch a call; the cursor moves in the batch's own transaction, so a repeated call is the next batch. */
export interface TransferLedger {
  /** @throws {StatementFailedError | DatabaseBusyError | StaleTokenError | UnknownOutcomeError}; after each of them nothing or a whole batch was done. */
  copyBatch(run: ChangingRun, place: { readonly phase: string; readonly transfer: Transfer }, rows: number): Promise<TransferProgress>;
  /** Null when the phase is undone already. */
  undoBatch(
    run: ChangingRun,
    place: { readonly phase: string; readonly transfer: Transfer; readonly unmapped: readonly UnmappedColumn[] },
    rows: number,
  ): Promise<TransferProgress | null>;
  /** Ids of a phase's transfers that have moved something, or were about to. */
  begun(plan: PlanId, phase: string): Promise<readonly string[]>;
  /** Rows that this undo put into stepgate_archive, also where another run began it. */
  archivedRows(run: ChangingRun, place: { readonly phase: string; readonly transfer: Transfer }): Promise<number>;
}

const Answer = z.object({ progress: z.string().nullable() });
const Begun = z.object({ transfer: z.string() });
const Count = z.object({ count: z.number().int() });

export function transferLedger({ query }: SqlSession): TransferLedger {
  const batch = async (
    run: ChangingRun,
    call: { phase: string; transfer: string; direction: 'up' | 'undo'; rows: number; sql: BatchSql & Partial<UndoBatchSql> },
  ) => {
    const [row] = await query(
      Answer,
      `select stepgate.run_batch(:run::text, :token::bigint, :plan::text, :phase::text, :transfer::text, :direction::text, :rows::int,
:boundary::text, :move::text, :undoing::text, :lock::text) as progress`,
      {
        run: run.id,
        token: run.token,
        plan: run.plan,
        phase: call.phase,
        transfer: call.transfer,
        direction: call.direction,
        rows: call.rows,
        boundary: call.sql.boundary,
        move: call.sql.move,
        undoing: call.sql.undoing ?? null,
        lock: call.sql.lock ?? null,
      },
    );
    return Progress.nullable().parse(JSON.parse(row?.progress ?? 'null'));
  };
  return {
    copyBatch: async (run, { phase, transfer }, rows) =>
      Progress.parse(await batch(run, { phase, transfer: transfer.id, direction: 'up', rows, sql: copySql(transfer) })),
    undoBatch: (run, { phase, transfer, unmapped }, rows) =>
      batch(run, { phase, transfer: transfer.id, direction: 'undo', rows, sql: undoSql(transfer, { plan: run.plan, phase }, unmapped) }),
    begun: async (plan, phase) => {
      const sql = "select transfer from stepgate.transfer where plan = :plan::text and phase = :phase::text and direction = 'up'";
      return (await query(Begun, sql, { plan, phase })).map((row) => row.transfer);
    },
    archivedRows: async (run, { phase, transfer }) => {
      const sql = `select count(*)::int as count from stepgate_archive.row where plan = :plan::text and transfer = :transfer::text
and archived_at >= (select undo_begun_at from stepgate.phase where plan = :plan::text and phase = :phase::text)`;
      const [row] = await query(Count, sql, { plan: run.plan, phase, transfer: transfer.id });
      return row?.count ?? 0;
    },
  };
}
