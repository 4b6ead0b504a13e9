import { syncLedger } from '../../adapters/sync-ledger.ts';
import { CheckFailedError } from '../../core/errors.ts';
import type { CompiledPlan, Transfer } from '../../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import { type WorkingTime, workingTime } from '../../core/run/working-time.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import type { StatePorts } from './ports.ts';

/** Keys of one call: each locks its rows on both sides until the commit, and an application waits for that 200 ms at most. */
const KEYS_A_ROUND = 500;

/** 5 + 10 + 20 + 40 + 60 × 4 s: five minutes in which a transaction that holds the rows may end. */
const MOST_POLLS = 8;

type Ports = Pick<StatePorts, 'session' | 'clockMs'>;

/**
 * Drains the journal of every transfer that is live.
 *
 * @throws {CheckFailedError} when keys are left after many visits in a row in which none could be derived.
 */
export async function drainOrFail(
  deps: Ports,
  run: ChangingRun,
  { plan, polls }: { readonly plan: CompiledPlan; readonly polls: number },
): Promise<{ readonly done: boolean; readonly repaired: number }> {
  const { left, repaired } = await drainJournal(deps, run, { plan, time: workingTime(deps.clockMs) });
  if (left.length > 0 && repaired === 0 && polls >= MOST_POLLS) {
    const which = left.map(({ transfer, keys }) => `${transfer.id} (${transfer.file}:${transfer.line}): ${keys}`);
    throw new CheckFailedError(
      `keys whose rows the other side does not take: ${which.join(' · ')}; stepgate.sync_journal has each with its SQLSTATE: correct the rows, or the mapping`,
    );
  }
  return { done: left.length === 0, repaired };
}

interface Drained {
  /** What the journal held when the draining began and still holds. */
  readonly left: readonly { readonly transfer: Transfer; readonly keys: number }[];
  readonly repaired: number;
}

/**
 * Repairs, transfer after transfer, what the journal names; rows that wait for one another get their turn in the next round.
 *
 * What applications add meanwhile is left alone: with writers at REPEATABLE READ a journal is never empty for long. So is what is left when a
 * sync has ended: what was written since is in no journal, and may be newer.
 */
export async function drainJournal(
  deps: Ports,
  run: ChangingRun,
  { plan, time }: { readonly plan: CompiledPlan; readonly time: WorkingTime },
): Promise<Drained> {
  const sync = syncLedger(deps.session);
  const [upto, live] = [await sync.newestEntry(plan.id), await sync.live(plan.id)];
  const transfers = transfersOf(plan.phases).filter(({ id }) => live.some((one) => one.transfer === id && !one.isSilenced));
  let repaired = 0;
  for (;;) {
    const before = repaired;
    const left: { readonly transfer: Transfer; readonly keys: number }[] = [];
    for (const transfer of transfers) {
      const round = await sync.repair(run, { plan, transfer, upto }, KEYS_A_ROUND);
      repaired += round.repaired;
      if (round.left > 0) left.push({ transfer, keys: round.left });
    }
    if (left.length === 0 || repaired === before || time.isOver()) return { left, repaired };
  }
}
