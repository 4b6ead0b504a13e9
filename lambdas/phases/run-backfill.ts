import * as z from 'zod';
import { selectTypes, tableColumns } from '../../adapters/catalog.ts';
import { isFenced } from '../../adapters/fence.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { labelled } from '../../adapters/sql-session.ts';
import { tableKey } from '../../adapters/table-key.ts';
import { inForeignKeyOrder, selfReferring } from '../../adapters/table-order.ts';
import { type TransferTotals, transferLedger } from '../../adapters/transfer-ledger.ts';
import { CheckFailedError, StatementFailedError } from '../../core/errors.ts';
import type { Fraction, Transfer, TransferPhase } from '../../core/plan/compiled-plan.ts';
import { describeQuarantined } from '../../core/run/comparison.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { describeTransfer } from '../../core/transfer/describe-transfer.ts';
import { isSynced } from '../../core/transfer/is-synced.ts';
import { keyFaults } from '../../core/transfer/key-faults.ts';
import { typeFaults } from '../../core/transfer/type-faults.ts';
import { copyTransfer } from '../middleware/copy-transfer.ts';
import { finishTransferPhase } from '../middleware/finish-transfer-phase.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { refuseFilledTarget } from '../middleware/refuse-filled-target.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { withinWindow } from '../middleware/within-window.ts';

export const RunBackfillInput = ChangingEnvelope.extend({ phase: z.string() });

export interface BackfillAnswer {
  readonly done: boolean;
  /** The transfer in hand, and how many rows it has moved so far. */
  readonly transfer: string | null;
  readonly rows: number;
  /** Why a batch waited for the application, the last time that one did. */
  readonly paused?: string;
}

/**
 * Moves a phase's rows, transfer after transfer, batch after batch; leaves its place in the ledger and comes back for the rest.
 *
 * A phase with live transfers is not done then: what the application wrote meanwhile is caught up with first.
 *
 * @throws {StatementFailedError} for tables that cannot hold or show the rows.
 * @throws {WindowClosedError} when the plan's window leaves no time for the rest and its undo.
 * @throws {CheckFailedError} when more rows went to the quarantine than the plan's quality allows.
 */
export function runBackfill(deps: StatePorts): Work<z.infer<typeof RunBackfillInput>, BackfillAnswer> {
  return async ({ phase: id, ...visit }) => {
    const { run, now } = visit;
    const plan = await planInForce(deps, run);
    const phase = phaseOf(plan, id, 'transfer');
    const time = workingTime(deps.clockMs, await withinWindow(deps, plan, visit));
    await phaseLedger(deps.session).begin(run, phase);
    // All of them before the first row is moved: a fault of the last one shall not cost the copies of the others.
    for (const transfer of phase.transfers) {
      await refuseUnfitTables(deps, transfer);
    }
    const { transfers, single } = await deps.session.readOnly(async (query) => ({
      transfers: await inForeignKeyOrder(query, phase.transfers),
      single: await selfReferring(query, phase.transfers),
    }));
    const fenced = await isFenced(deps.session, run.plan);
    let paused: string | undefined;
    for (const transfer of transfers) {
      await refuseFilledTarget(deps, run, { phase: id, transfer });
      const mostRanges = single.includes(transfer.id) ? 1 : transfer.parallel;
      const copied = await copyTransfer(deps, run, { phase: id, transfer, isLive: isSynced(transfer) && !fenced, mostRanges, time });
      paused = copied.paused?.because ?? paused;
      const totals = await transferLedger(deps.session).totals(run.plan, { phase: id, transfer: transfer.id });
      if (!copied.done || totals === null) {
        return answer({ done: false, transfer: transfer.id, rows: totals?.rows ?? 0 }, paused);
      }
      await tellCopied(deps, { run, now }, { phase, transfer, totals });
      refuseTooManyBad(transfer, totals, plan.quality);
    }
    if (!transfers.some(isSynced)) {
      await finishTransferPhase(deps, { run, now }, plan, phase);
    }
    return answer({ done: true, transfer: null, rows: 0 }, paused);
  };
}

function answer(said: BackfillAnswer, paused: string | undefined): BackfillAnswer {
  return paused === undefined ? said : { ...said, paused };
}

/** A cast that the insert would do silently may lose something: the SELECT has to say it. Keys have to be keys. */
async function refuseUnfitTables(deps: StatePorts, transfer: Transfer): Promise<void> {
  const faults = await labelled(deps.session, describeTransfer(transfer)).readOnly(async (query) => {
    const types = await selectTypes(query, transfer.select, transfer.columns);
    const [sources, targets] = [transfer.keys.map(({ source }) => source), transfer.keys.map(({ target }) => target)];
    return [
      ...typeFaults(transfer, types, await tableColumns(query, transfer.into)),
      ...keyFaults(transfer, await tableKey(query, transfer.from, sources), await tableKey(query, transfer.into, targets)),
    ];
  });
  if (faults.length > 0) {
    throw new StatementFailedError(faults.join(' · '));
  }
}

type Done = { readonly phase: TransferPhase; readonly transfer: Transfer; readonly totals: TransferTotals };

async function tellCopied(
  deps: StatePorts,
  { run, now }: { readonly run: ChangingRun; readonly now: Date },
  { phase, transfer, totals }: Done,
): Promise<void> {
  await deps.journal.write(run.id, `transfer-${phase.folder}-${transfer.id}`, {
    kind: 'transfer',
    at: now.toISOString(),
    phase: phase.id,
    transfer: transfer.id,
    direction: 'up',
    from: `${transfer.from.schema}.${transfer.from.name}`,
    into: `${transfer.into.schema}.${transfer.into.name}`,
    rows: totals.rows,
    batches: totals.batches,
    archived: null,
    ...(transfer.quarantine.length === 0 ? {} : { quarantined: totals.quarantined }),
    ...(totals.pausedMs === 0 ? {} : { pausedMs: totals.pausedMs }),
    durationMs: totals.workingMs,
  });
}

/** The quarantine is for few rows: the plan says how many may be bad. */
function refuseTooManyBad(transfer: Transfer, { mapped, quarantined }: TransferTotals, quality: Fraction): void {
  const from = `${transfer.from.schema}.${transfer.from.name}`;
  const faults = describeQuarantined([{ sourceRows: mapped - quarantined, quarantined, from }], [transfer], quality);
  if (transfer.quarantine.length > 0 && faults.length > 0) {
    throw new CheckFailedError(faults.join(' · '));
  }
}

export const handler = stateHandler(RunBackfillInput, (environment) => runBackfill(statePorts(environment)));
