import * as z from 'zod';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { describeOlder, type OlderSession, type SyncPlace, syncLedger } from '../../adapters/sync-ledger.ts';
import type { CompiledPlan, Transfer } from '../../core/plan/compiled-plan.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { isSynced } from '../../core/transfer/is-synced.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { refuseFilledTarget } from '../middleware/refuse-filled-target.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { waitForLocks } from '../middleware/wait-for-locks.ts';
import { withinWindow } from '../middleware/within-window.ts';

export const StartSyncInput = ChangingEnvelope.extend({ phase: z.string(), side: z.enum(['source', 'target']) });

export interface StartSyncAnswer {
  readonly done: boolean;
  /** Sessions that are waited for: their transactions began before the triggers were there. */
  readonly waitsFor: readonly string[];
}

/**
 * Makes changes of one side reach the other: installs the triggers, then waits until every transaction that is older than they has ended.
 *
 * On the source's side for the transfers of one phase, before they copy; on the target's for all that carry back, before the cutover.
 *
 * @throws {CheckFailedError | StatementFailedError} where live sync would lose a write, or the target holds rows already.
 * @throws {DatabaseBusyError} when the locks have not come in 40 s, with who holds them; nothing is installed then.
 */
export function startSync(deps: StatePorts): Work<z.infer<typeof StartSyncInput>, StartSyncAnswer> {
  const sync = syncLedger(deps.session);
  return async ({ phase: id, side, ...visit }) => {
    const { run, now } = visit;
    const plan = await planInForce(deps, run);
    await withinWindow(deps, plan, visit);
    const phases = side === 'source' ? [phaseOf(plan, id, 'transfer')] : plan.phases.filter((phase) => phase.kind === 'transfer');
    const live = await sync.live(plan.id);
    const older: OlderSession[] = [];
    for (const phase of phases) {
      const transfers = phase.transfers.filter((transfer) => isSynced(transfer) && (side === 'source' || transfer.sync === 'both'));
      if (transfers.length === 0) continue;
      // What failed half-way is undone by the phase's undo, which has to know of it.
      if (side === 'source') await phaseLedger(deps.session).begin(run, phase);
      const place: SyncPlace = { phase: phase.id, side };
      // A visit that only waits does not read the source once more: what goes back is proven over all of its rows.
      const isInstalled = transfers.every((transfer) => live.some((one) => one.transfer === transfer.id && one.side === side));
      if (!isInstalled) await install(deps, run, { plan, place, transfers });
      older.push(...(await sync.unsettled(run, place)));
      await deps.journal.write(run.id, `sync-${side}-${phase.folder}`, {
        kind: 'sync',
        at: now.toISOString(),
        phase: phase.id,
        side,
        transfers: transfers.map((transfer) => transfer.id),
      });
    }
    return { done: older.length === 0, waitsFor: describeOlder(older) };
  };
}

/** Into empty targets only: what is there before would be taken for the plan's. */
async function install(
  deps: StatePorts,
  run: ChangingRun,
  { plan, place, transfers }: { readonly plan: CompiledPlan; readonly place: SyncPlace; readonly transfers: readonly Transfer[] },
): Promise<void> {
  if (place.side === 'source') {
    for (const transfer of transfers) await refuseFilledTarget(deps, run, { phase: place.phase, transfer });
  }
  await syncLedger(deps.session).install(run, plan, place, (attempt) => waitForLocks(deps, transfers, attempt));
}

export const handler = stateHandler(StartSyncInput, (environment) => startSync(statePorts(environment)));
