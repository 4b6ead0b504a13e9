import * as z from 'zod';
import { hasRows, keyColumn, selectTypes, tableColumns } from '../../adapters/catalog.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { labelled } from '../../adapters/sql-session.ts';
import { type TransferProgress, transferLedger } from '../../adapters/transfer-ledger.ts';
import { StatementFailedError } from '../../core/errors.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';
import { FIRST_BATCH_ROWS } from '../../core/run/batch-size.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { describeTransfer } from '../../core/transfer/describe-transfer.ts';
import { keyFaults } from '../../core/transfer/key-faults.ts';
import { typeFaults } from '../../core/transfer/type-faults.ts';
import { phaseEntry } from '../middleware/phase-entry.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { tryBatch } from '../middleware/try-batch.ts';

export const RunBackfillInput = ChangingEnvelope.extend({ phase: z.string() });

export interface BackfillAnswer {
  readonly done: boolean;
  /** The transfer in hand, and how many rows it has moved so far. */
  readonly transfer: string | null;
  readonly rows: number;
}

/** Moves a phase's rows, transfer after transfer, batch after batch; leaves its place in the ledger and comes back for the rest. */
export function runBackfill(deps: StatePorts): Work<z.infer<typeof RunBackfillInput>, BackfillAnswer> {
  const phases = phaseLedger(deps.session);
  return async ({ run, now, phase: id }) => {
    const plan = await deps.plans.read(run.digest);
    const phase = phaseOf(plan, id, 'transfer');
    const time = workingTime(deps.clockMs);
    await phases.begin(run, phase);
    // All of them before the first row is moved: a fault of the last one shall not cost the copies of the others.
    for (const transfer of phase.transfers) {
      await refuseUnfitTables(deps, transfer);
    }
    for (const transfer of phase.transfers) {
      const moving = transferLedger(labelled(deps.session, describeTransfer(transfer)));
      await refuseFilledTarget(deps, run, { phase: id, transfer });
      let rows = FIRST_BATCH_ROWS;
      let progress: TransferProgress | undefined;
      do {
        if (time.isOver()) {
          return { done: false, transfer: transfer.id, rows: 0 };
        }
        const tried = await tryBatch(rows, (size) => moving.copyBatch(run, { phase: id, transfer }, size));
        rows = tried.nextRows;
        progress = tried.progress;
      } while (progress?.done !== true);
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
    await phases.finish(run, phase, 0);
    const result = await phases.result(run.plan, id);
    if (result !== null) {
      await deps.journal.write(run.id, `phase-${phase.folder}`, phaseEntry(plan, phase, { now, result }));
    }
    return { done: true, transfer: null, rows: 0 };
  };
}

/** A cast that the insert would do silently may lose something: the SELECT has to say it. Keys have to be keys. */
async function refuseUnfitTables(deps: StatePorts, transfer: Transfer): Promise<void> {
  const faults = await labelled(deps.session, describeTransfer(transfer)).readOnly(async (query) => {
    const types = await selectTypes(query, transfer.select, transfer.columns);
    return [
      ...typeFaults(transfer, types, await tableColumns(query, transfer.into)),
      ...keyFaults(transfer, await keyColumn(query, transfer.from, transfer.key.source), await keyColumn(query, transfer.into, transfer.key.target)),
    ];
  });
  if (faults.length > 0) {
    throw new StatementFailedError(faults.join(' · '));
  }
}

/** Whatever is in the target before the first batch is not the plan's, and would be taken for it. Rows and cursor commit together, so the cursor is asked last. */
async function refuseFilledTarget(
  deps: StatePorts,
  run: ChangingRun,
  { phase, transfer }: { readonly phase: string; readonly transfer: Transfer },
): Promise<void> {
  const isFilled = await deps.session.readOnly((query) => hasRows(query, transfer.into));
  if (isFilled && !(await transferLedger(deps.session).begun(run.plan, phase)).includes(transfer.id)) {
    throw new StatementFailedError(
      `${transfer.file}:${transfer.line}: ${transfer.into.schema}.${transfer.into.name} already holds rows; a transfer fills an empty table, so that every row in it can be verified`,
    );
  }
}

export const handler = stateHandler(RunBackfillInput, (environment) => runBackfill(statePorts(environment)));
