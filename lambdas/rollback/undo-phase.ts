import * as z from 'zod';
import { tableColumns, unmappedColumns } from '../../adapters/catalog.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { type TransferProgress, transferLedger } from '../../adapters/transfer-ledger.ts';
import { assertNever } from '../../core/assert-never.ts';
import { UndoFailedError, UnknownOutcomeError } from '../../core/errors.ts';
import type { CompiledPlan, Phase, Statement, Transfer, TransferPhase } from '../../core/plan/compiled-plan.ts';
import { FIRST_BATCH_ROWS } from '../../core/run/batch-size.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { anyPhaseOf } from '../middleware/phase-of-plan.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { runStatements } from '../middleware/run-statements.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { tryBatch } from '../middleware/try-batch.ts';

export const UndoPhaseInput = ChangingEnvelope.extend({ phase: z.string() });

/** `decide`: undone; `undo`: there is more to do; `wait`: a statement is at work in the server. */
export interface UndoAnswer {
  readonly next: 'decide' | 'undo' | 'wait';
}

/**
 * Undoes one phase; its ledger row goes with its last effect.
 *
 * @throws {UndoFailedError} for a phase whose plan says `undo: none`; StatementFailedError when an undo's statement fails.
 */
export function undoPhase(deps: StatePorts): Work<z.infer<typeof UndoPhaseInput>, UndoAnswer> {
  return async ({ run, now, phase: id }) => {
    const plan = await deps.plans.read(run.digest);
    const phase = anyPhaseOf(plan, id);
    const begunMs = deps.clockMs();
    const answer = await undo(deps, { run, now }, { plan, phase });
    if (answer.next === 'decide') {
      await deps.journal.write(run.id, `undo-${phase.folder}`, {
        kind: 'phase',
        at: now.toISOString(),
        phase: id,
        ordinal: phase.ordinal,
        direction: 'undo',
        statements: phase.undo?.length ?? 0,
        checks: [],
        durationMs: Math.round(deps.clockMs() - begunMs),
      });
    }
    return answer;
  };
}

type Visit = { readonly run: ChangingRun; readonly now: Date };

function undo(deps: StatePorts, visit: Visit, at: { readonly plan: CompiledPlan; readonly phase: Phase }): Promise<UndoAnswer> {
  const { phase } = at;
  if (phase.kind !== 'transfer' && phase.undo === null && phase.undoNeeded) {
    throw new UndoFailedError(
      `phase ${phase.id} has no undo (${phase.because ?? 'the plan gives no reason'}); restore snapshot of the run, or go on with execute`,
    );
  }
  switch (phase.kind) {
    case 'transaction':
      return undoInTransaction(deps, visit.run, phase, phase.undo ?? []);
    case 'transfer':
      return undoTransfers(deps, visit, { ...at, phase });
    case 'long':
      return phase.undoKind === 'long' ? undoLong(deps, visit.run, phase) : undoInTransaction(deps, visit.run, phase, phase.undo ?? []);
    default:
      return assertNever(phase);
  }
}

async function undoInTransaction(deps: StatePorts, run: ChangingRun, phase: Phase, statements: readonly Statement[]): Promise<UndoAnswer> {
  const phases = phaseLedger(deps.session);
  if (await phases.isRunning(run, `undo ${phase.id}`)) {
    return { next: 'wait' };
  }
  await phases.throwFailure(run, `undo ${phase.id}`);
  try {
    await phases.undoTransaction(run, phase, statements);
    return { next: 'decide' };
  } catch (error) {
    if (error instanceof UnknownOutcomeError && error.isTimeout) {
      return { next: 'wait' };
    }
    throw error;
  }
}

async function undoLong(
  deps: StatePorts,
  run: ChangingRun,
  phase: Phase & { readonly kind: 'long'; readonly undoKind: 'long' },
): Promise<UndoAnswer> {
  await phaseLedger(deps.session).beginUndo(run, phase);
  const { next } = await runStatements(deps, run, { phase: phase.id, direction: 'undo', statements: phase.undo });
  return next === 'next-step' ? undoInTransaction(deps, run, phase, []) : { next: next === 'wait' ? 'wait' : 'undo' };
}

/** Newest transfer first. A target that the plan made is emptied whole, what is not the plan's in it archived; any other only where a transfer had begun. */
async function undoTransfers(
  deps: StatePorts,
  { run, now }: Visit,
  { plan, phase }: { readonly plan: CompiledPlan; readonly phase: TransferPhase },
): Promise<UndoAnswer> {
  const ledger = transferLedger(deps.session);
  const time = workingTime(deps.clockMs);
  await phaseLedger(deps.session).beginUndo(run, phase);
  const begun = await ledger.begun(run.plan, phase.id);
  const mine = phase.transfers.filter((transfer) => begun.includes(transfer.id) || isMadeBy(plan, transfer));
  for (const transfer of mine.toReversed()) {
    const unmapped = unmappedColumns(await deps.session.readOnly((query) => tableColumns(query, transfer.into)), transfer.columns);
    let rows = FIRST_BATCH_ROWS;
    let progress: TransferProgress | null | undefined;
    do {
      if (time.isOver()) {
        return { next: 'undo' };
      }
      const tried = await tryBatch(rows, (size) => ledger.undoBatch(run, { phase: phase.id, transfer, unmapped }, size));
      rows = tried.nextRows;
      progress = tried.progress;
    } while (progress?.done === false || progress === undefined);
    if (progress === null) {
      return { next: 'decide' };
    }
    const archived = await ledger.archivedRows(run, { phase: phase.id, transfer });
    await deps.journal.write(run.id, `undo-transfer-${phase.folder}-${transfer.id}`, {
      kind: 'transfer',
      at: now.toISOString(),
      phase: phase.id,
      transfer: transfer.id,
      direction: 'undo',
      from: `${transfer.from.schema}.${transfer.from.name}`,
      into: `${transfer.into.schema}.${transfer.into.name}`,
      rows: progress.rows,
      batches: progress.batches,
      archived: archived === 0 ? null : { table: 'stepgate_archive.row', rows: archived },
      durationMs: progress.workingMs,
    });
  }
  return undoInTransaction(deps, run, phase, []);
}

function isMadeBy(plan: CompiledPlan, transfer: Transfer): boolean {
  return plan.phases.some(
    (phase) =>
      'creates' in phase &&
      phase.creates.some((name) => name.kind === 'table' && name.schema === transfer.into.schema && name.name === transfer.into.name),
  );
}

export const handler = stateHandler(UndoPhaseInput, (environment) => undoPhase(statePorts(environment)));
