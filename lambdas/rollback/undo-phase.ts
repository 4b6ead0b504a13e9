import * as z from 'zod';
import { tableColumns, unmappedColumns } from '../../adapters/catalog.ts';
import { keptRows, keptValues } from '../../adapters/kept-rows.ts';
import { type LeftBehind, leftBehind } from '../../adapters/left-behind.ts';
import { describeReference, outsideReferences } from '../../adapters/outside-references.ts';
import { type PlacedPhase, phaseLedger } from '../../adapters/phase-ledger.ts';
import { labelled } from '../../adapters/sql-session.ts';
import { syncLedger } from '../../adapters/sync-ledger.ts';
import { syncRenaming } from '../../adapters/sync-renaming.ts';
import { inForeignKeyOrder } from '../../adapters/table-order.ts';
import { transferLedger, type UndoPlace } from '../../adapters/transfer-ledger.ts';
import { assertNever } from '../../core/assert-never.ts';
import { GateRefusedError, StatementFailedError, UndoFailedError, UnknownOutcomeError } from '../../core/errors.ts';
import type { LongPhaseUndoneLong, Phase, Statement, Transfer, TransferPhase } from '../../core/plan/compiled-plan.ts';
import { ALONE, BESIDE_APPLICATION } from '../../core/run/batch-size.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { type WorkingTime, workingTime } from '../../core/run/working-time.ts';
import { describeTransfer } from '../../core/transfer/describe-transfer.ts';
import { isSynced } from '../../core/transfer/is-synced.ts';
import { isMade, undone } from '../../core/transfer/made.ts';
import { renamingOf } from '../../core/transfer/plan-in-force.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import { drainJournal } from '../middleware/drain-journal.ts';
import { anyPhaseOf } from '../middleware/phase-of-plan.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { runStatements } from '../middleware/run-statements.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { tryBatch } from '../middleware/try-batch.ts';
import { waitForLocks } from '../middleware/wait-for-locks.ts';

export const UndoPhaseInput = ChangingEnvelope.extend({ phase: z.string() });

/** `decide`: undone; `undo`: there is more to do; `wait`: a statement is at work in the server. */
export interface UndoAnswer {
  readonly next: 'decide' | 'undo' | 'wait';
}

/**
 * Undoes one phase; its ledger row goes with its last effect.
 *
 * @throws {UndoFailedError} for a phase whose plan says `undo: none`; StatementFailedError when an undo's statement fails.
 * @throws {GateRefusedError} while rows or views outside the plan refer to what would go.
 */
export function undoPhase(deps: StatePorts): Work<z.infer<typeof UndoPhaseInput>, UndoAnswer> {
  return async ({ run, now, phase: id }) => {
    const plan = await planInForce(deps, run);
    const phase = anyPhaseOf(plan, id);
    await refuseOutsideReferences(deps, { plan, phase });
    const begunMs = deps.clockMs();
    const answer = await undo(deps, { run, now }, { plan, phase });
    if (answer.next === 'decide') {
      await tellUndone(deps, { run, now }, { phase, durationMs: Math.round(deps.clockMs() - begunMs) });
    }
    return answer;
  };
}

/** Rows of the application's own tables would go with the rows that they refer to, or hold them back half-way. */
async function refuseOutsideReferences(deps: StatePorts, place: PlacedPhase): Promise<void> {
  const references = await deps.session.readOnly((query) => outsideReferences(query, undone([place.phase], place.plan)));
  if (references.length > 0) {
    const said = references.map(describeReference).map(({ found, advice }) => `${found}; ${advice}`);
    throw new GateRefusedError(`phase ${place.phase.id} is not undone: ${said.join(' · ')}`);
  }
}

type Visit = { readonly run: ChangingRun; readonly now: Date };

async function tellUndone(deps: StatePorts, { run, now }: Visit, { phase, durationMs }: { readonly phase: Phase; readonly durationMs: number }) {
  const at = now.toISOString();
  const [kept, values] = await Promise.all([keptRows(deps.session, run, phase.id), keptValues(deps.session, run, phase.id)]);
  if (kept.length + values.length > 0) {
    const said = values.map((one) => ({ ...one, samples: [...one.samples] }));
    await deps.journal.write(run.id, `kept-${phase.folder}`, { kind: 'kept', at, phase: phase.id, tables: [...kept], values: said });
  }
  await deps.journal.write(run.id, `undo-${phase.folder}`, {
    kind: 'phase',
    at,
    phase: phase.id,
    ordinal: phase.ordinal,
    direction: 'undo',
    statements: phase.undo?.length ?? 0,
    checks: [],
    durationMs,
  });
}

function undo(deps: StatePorts, visit: Visit, { plan, phase }: PlacedPhase): Promise<UndoAnswer> {
  if (phase.kind !== 'transfer' && phase.undo === null && phase.undoNeeded) {
    throw new UndoFailedError(`phase ${phase.id} has no undo (${phase.because ?? 'the plan gives no reason'})`);
  }
  switch (phase.kind) {
    case 'transaction':
      return undoInTransaction(deps, visit.run, { plan, phase }, phase.undo ?? []);
    case 'transfer':
      return undoTransfers(deps, visit, { plan, phase });
    case 'long':
      return phase.undoKind === 'long'
        ? undoLong(deps, visit.run, { plan, phase })
        : undoInTransaction(deps, visit.run, { plan, phase }, phase.undo ?? []);
    default:
      return assertNever(phase);
  }
}

async function undoInTransaction(deps: StatePorts, run: ChangingRun, place: PlacedPhase, statements: readonly Statement[]): Promise<UndoAnswer> {
  const phases = phaseLedger(deps.session);
  const label = `undo ${place.phase.id}`;
  if (await phases.isRunning(run, label)) {
    return { next: 'wait' };
  }
  await phases.throwFailure(run, label);
  try {
    const { id } = place.phase;
    const renaming = renamingOf(place.plan)?.phase === id ? await syncRenaming(deps.session, await deps.plans.read(run.digest), id, 'undo') : null;
    const attempt = () => phases.undoTransaction(run, place, { statements, renaming });
    await (renaming === null ? attempt() : waitForLocks(deps, transfersOf(place.plan.phases), attempt));
    return { next: 'decide' };
  } catch (error) {
    if (error instanceof UnknownOutcomeError && error.isTimeout) {
      return { next: 'wait' };
    }
    throw error;
  }
}

async function undoLong(deps: StatePorts, run: ChangingRun, place: PlacedPhase<LongPhaseUndoneLong>): Promise<UndoAnswer> {
  const { phase } = place;
  await phaseLedger(deps.session).beginUndo(run, place.phase);
  const { next } = await runStatements(deps, run, { phase: phase.id, direction: 'undo', statements: phase.undo });
  return next === 'next-step' ? undoInTransaction(deps, run, place, []) : { next: next === 'wait' ? 'wait' : 'undo' };
}

/** Those that refer to others before them, then the newest first. A target that the plan made is emptied whole, what is not the plan's in it archived; any other only where a transfer had begun. */
async function undoTransfers(deps: StatePorts, visit: Visit, place: PlacedPhase<TransferPhase>): Promise<UndoAnswer> {
  const { plan, phase } = place;
  const time = workingTime(deps.clockMs);
  const isLive = await beginTransfersUndo(deps, visit.run, { place, time });
  const begun = await transferLedger(deps.session).begun(plan.id, phase.id);
  const ordered = await deps.session.readOnly((query) => inForeignKeyOrder(query, phase.transfers));
  const transfers = ordered.toReversed().filter(({ id, into }) => begun.includes(id) || isMade(plan, into));
  if (isLive) {
    const walked = await emptyTargets(deps, visit.run, { phase, transfers, time, isLive: true });
    if (walked !== 'done') return { next: walked };
    await waitForLocks(deps, phase.transfers, () => syncLedger(deps.session).remove(visit.run, plan, phase.id));
  }
  const walked = await emptyTargets(deps, visit.run, { phase, transfers, time, isLive: false });
  if (walked !== 'done') return { next: walked };
  for (const transfer of transfers) await tellTransferUndone(deps, visit, { phase, transfer });
  await tellLeftBehind(deps, visit, phase);
  return undoInTransaction(deps, visit.run, place, []);
}

/**
 * Whether a sync of the phase still stands. The old side gets what is on its way to it, before the first row goes: later a repair would take a
 * row that went for one that the new side deleted.
 */
async function beginTransfersUndo(
  deps: StatePorts,
  run: ChangingRun,
  { place: { plan, phase }, time }: { readonly place: PlacedPhase<TransferPhase>; readonly time: WorkingTime },
): Promise<boolean> {
  const [live, phases] = await Promise.all([syncLedger(deps.session).live(run.plan), phaseLedger(deps.session).all(run.plan)]);
  const isLive = phase.transfers.some(({ id }) => live.some(({ transfer }) => transfer === id));
  const isBegun = phases.some((one) => one.phase === phase.id && one.isUndoing);
  if (isLive && !isBegun) await drainJournal(deps, run, { plan, time });
  await waitForLocks(deps, phase.transfers, () => phaseLedger(deps.session).beginUndo(run, phase));
  return isLive;
}

interface Walk {
  readonly phase: TransferPhase;
  readonly transfers: readonly Transfer[];
  readonly time: WorkingTime;
  /**
   * While the triggers stand, source and target are of one moment, and what differs is the new side's own. Once they are gone, whatever the
   * application changes on the old side differs, too: so the first walk goes before, and the one behind finds next to nothing.
   */
  readonly isLive: boolean;
}

async function emptyTargets(deps: StatePorts, run: ChangingRun, { phase, transfers, time, isLive }: Walk): Promise<'done' | UndoAnswer['next']> {
  for (const transfer of transfers) {
    const columns = await deps.session.readOnly((query) => tableColumns(query, transfer.into));
    // Somebody dropped the target: nothing of the transfer is left to take back.
    if (columns.length === 0) continue;
    const place = { phase: phase.id, transfer, unmapped: unmappedColumns(columns, transfer.columns), isLive };
    const walked = await emptyTarget(deps, run, { place, time }).catch(leftToNextWalk(isLive));
    if (walked !== 'done') return walked;
  }
  return 'done';
}

/** A transaction with an older snapshot brings a row behind the batches' back, which holds the row that it refers to: the walk behind takes both, or says why it cannot. */
function leftToNextWalk(isLive: boolean): (error: unknown) => 'done' {
  return (error) => {
    if (isLive && error instanceof StatementFailedError) return 'done';
    throw error;
  };
}

/** Batch after batch, as long as there is time; `decide` when another visit undid the phase meanwhile. */
async function emptyTarget(
  deps: StatePorts,
  run: ChangingRun,
  { place, time }: { readonly place: UndoPlace; readonly time: WorkingTime },
): Promise<'done' | UndoAnswer['next']> {
  const ledger = transferLedger(labelled(deps.session, `undo of ${describeTransfer(place.transfer)}`));
  const aim = place.isLive ? BESIDE_APPLICATION : ALONE;
  let rows = aim.firstRows;
  for (;;) {
    if (time.isOver()) return 'undo';
    const tried = await tryBatch({ rows, targetMs: aim.targetMs }, (size) => ledger.undoBatch(run, place, size));
    rows = tried.nextRows;
    if (tried.progress === null) return 'decide';
    if (tried.progress?.done === true) return 'done';
  }
}

/** Before the phase's last transaction, after which the ledger forgets it. */
async function tellLeftBehind(deps: StatePorts, { run, now }: Visit, phase: TransferPhase): Promise<void> {
  const found: LeftBehind[] = [];
  for (const transfer of phase.transfers.filter(isSynced)) {
    found.push(await deps.session.readOnly((query) => leftBehind(query, run, { phase: phase.id, transfer })));
  }
  const [conflicts, notCarried] = [found.flatMap((one) => one.conflicts), found.flatMap((one) => one.notCarried)];
  if (conflicts.length + notCarried.length === 0) return;
  await deps.journal.write(run.id, `left-behind-${phase.folder}`, {
    kind: 'left-behind',
    at: now.toISOString(),
    phase: phase.id,
    conflicts,
    notCarried,
  });
}

async function tellTransferUndone(
  deps: StatePorts,
  { run, now }: Visit,
  { phase, transfer }: { readonly phase: TransferPhase; readonly transfer: Transfer },
): Promise<void> {
  const totals = await transferLedger(deps.session).totals(run.plan, { phase: phase.id, transfer: transfer.id, direction: 'undo' });
  if (totals === null) return;
  const archived = await transferLedger(deps.session).archivedRows(run, { phase: phase.id, transfer });
  await deps.journal.write(run.id, `undo-transfer-${phase.folder}-${transfer.id}`, {
    kind: 'transfer',
    at: now.toISOString(),
    phase: phase.id,
    transfer: transfer.id,
    direction: 'undo',
    from: `${transfer.from.schema}.${transfer.from.name}`,
    into: `${transfer.into.schema}.${transfer.into.name}`,
    rows: totals.rows,
    batches: totals.batches,
    archived: archived === 0 ? null : { table: 'stepgate_archive.row', rows: archived },
    durationMs: totals.workingMs,
  });
}

export const handler = stateHandler(UndoPhaseInput, (environment) => undoPhase(statePorts(environment)));
