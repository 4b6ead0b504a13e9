import * as z from 'zod';
import { hasRows, selectTypes, tableColumns } from '../../adapters/catalog.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { type TransferProgress, transferLedger } from '../../adapters/transfer-ledger.ts';
import { StatementFailedError, UnknownOutcomeError } from '../../core/errors.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';
import { FIRST_BATCH_ROWS, nextBatchRows } from '../../core/run/batch-size.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { typeFaults } from '../../core/transfer/type-faults.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const RunBackfillInput = ChangingEnvelope.extend({ phase: z.string() });

export interface BackfillAnswer {
  readonly done: boolean;
  /** The transfer in hand, and how many rows it has moved so far. */
  readonly transfer: string | null;
  readonly rows: number;
}

/** Two seconds a batch: long enough to be as fast as one statement, short enough to let go soon (facts of the design, numbers to expect). */
const BATCH_MS = 2_000;

/** Moves a phase's rows, transfer after transfer, batch after batch; leaves its place in the ledger and comes back for the rest. */
export function runBackfill(deps: StatePorts): Work<z.infer<typeof RunBackfillInput>, BackfillAnswer> {
  const phases = phaseLedger(deps.session);
  const transfers = transferLedger(deps.session);
  return async ({ run, now, phase: id }) => {
    const phase = phaseOf(await deps.plans.read(run.digest), id, 'transfer');
    const time = workingTime(deps.clockMs);
    await phases.begin(run, phase);
    for (const transfer of phase.transfers) {
      await refuseLossyTypes(deps, transfer);
      await refuseFilledTarget(deps, transfer, (await transfers.begun(run.plan, id)).includes(transfer.id));
      let rows = FIRST_BATCH_ROWS;
      let progress: TransferProgress;
      do {
        if (time.isOver()) {
          return { done: false, transfer: transfer.id, rows: 0 };
        }
        const copied = await copyBatch(run, { phase: id, transfer }, rows);
        rows = copied.nextRows;
        progress = copied.progress;
      } while (!progress.done);
      await deps.journal.write(run.id, `transfer-${phase.folder}-${transfer.id}`, {
        kind: 'transfer',
        at: now.toISOString(),
        phase: id,
        transfer: transfer.id,
        direction: 'up',
        from: `${transfer.from.schema}.${transfer.from.name}`,
        into: `${transfer.into.schema}.${transfer.into.name}`,
        rows: progress.rows,
        batches: progress.batches,
        archived: null,
        durationMs: progress.workingMs,
      });
    }
    await phases.finish(run, phase, phase.transfers.length);
    return { done: true, transfer: null, rows: 0 };
  };

  async function copyBatch(run: ChangingRun, place: { readonly phase: string; readonly transfer: Transfer }, rows: number) {
    try {
      const progress = await transfers.copyBatch(run, place, rows);
      return { progress, nextRows: nextBatchRows({ rows, elapsedMs: progress.elapsedMs }, BATCH_MS) };
    } catch (error) {
      // A batch that takes 45 s was cancelled whole; a smaller one is tried. A lost answer leaves a whole batch or none: the cursor knows.
      if (error instanceof UnknownOutcomeError && error.isTimeout && rows > 1) {
        return { progress: { done: false, rows: 0, batches: 0, workingMs: 0, elapsedMs: 0 }, nextRows: Math.max(1, Math.floor(rows / 8)) };
      }
      throw error;
    }
  }
}

/** A cast that the insert would do silently may lose something: the SELECT has to say it. */
async function refuseLossyTypes(deps: StatePorts, transfer: Transfer): Promise<void> {
  const faults = await deps.session.readOnly(async (query) => {
    const types = await selectTypes(query, transfer.select, transfer.columns);
    return typeFaults(transfer, types, await tableColumns(query, transfer.into));
  });
  if (faults.length > 0) {
    throw new StatementFailedError(faults.join(' · '));
  }
}

/** Whatever is in the target before the first batch is not the plan's, and would be taken for it. */
async function refuseFilledTarget(deps: StatePorts, transfer: Transfer, isBegun: boolean): Promise<void> {
  if (!isBegun && (await deps.session.readOnly((query) => hasRows(query, transfer.into)))) {
    throw new StatementFailedError(
      `${transfer.file}:${transfer.line}: ${transfer.into.schema}.${transfer.into.name} already holds rows; a transfer fills an empty table, so that every row in it can be verified`,
    );
  }
}

export const handler = stateHandler(RunBackfillInput, (environment) => runBackfill(statePorts(environment)));
