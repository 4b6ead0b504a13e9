import { labelled } from '../../adapters/sql-session.ts';
import { type CopyPlace, type Pause, transferLedger } from '../../adapters/transfer-ledger.ts';
import { ALONE, BESIDE_APPLICATION } from '../../core/run/batch-size.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import type { WorkingTime } from '../../core/run/working-time.ts';
import { describeTransfer } from '../../core/transfer/describe-transfer.ts';
import { type GiveWay, giveWay } from './give-way.ts';
import type { StatePorts } from './ports.ts';
import { tryBatch } from './try-batch.ts';

/** Whether every range is at its end, and for whom a batch waited last. */
export interface Copied {
  readonly done: boolean;
  readonly paused: Pause | null;
}

interface Copying extends CopyPlace {
  readonly time: WorkingTime;
  /** 1 where rows may refer to any other of the same table. */
  readonly mostRanges: number;
}

/** Copies a transfer, batch after batch, all its ranges at once; each leaves its place in the ledger when the time is over. */
export async function copyTransfer(deps: StatePorts, run: ChangingRun, { mostRanges, ...copying }: Copying): Promise<Copied> {
  const { transfer } = copying;
  const session = labelled(deps.session, describeTransfer(transfer));
  const cut = { ...copying, transfer: { ...transfer, parallel: Math.min(transfer.parallel, mostRanges) } };
  const ranges = await transferLedger(session).ranges(run, cut);
  const shared = { hasFailed: false, giveWay: giveWay(deps) };
  const copied = await Promise.allSettled(
    Array.from({ length: ranges }, async (_, range) => {
      try {
        return await copyRange({ ...deps, session }, run, { ...copying, range, shared });
      } catch (error) {
        shared.hasFailed = true;
        throw error;
      }
    }),
  );
  await shared.giveWay.end();
  // Every range has let go of its batch before the state fails.
  const ended = copied.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  return { done: ended.every(({ done }) => done), paused: ended.find(({ paused }) => paused !== null)?.paused ?? null };
}

interface Range extends CopyPlace {
  readonly time: WorkingTime;
  readonly range: number;
  /** Where one range fails, the others begin no new batch. */
  readonly shared: { hasFailed: boolean; readonly giveWay: GiveWay };
}

async function copyRange(deps: StatePorts, run: ChangingRun, { range, time, shared, ...place }: Range): Promise<Copied> {
  const ledger = transferLedger(deps.session);
  const { targetMs, firstRows } = place.isLive ? BESIDE_APPLICATION : ALONE;
  const isOver = () => time.isOver() || shared.hasFailed;
  const named = { phase: place.phase, transfer: place.transfer.id };
  const here = { isOver, notePause: (pause: Pause) => ledger.notePause(run, named, { range, ...pause }) };
  let rows = firstRows;
  let paused: Pause | null = null;
  let heldMs = 0;
  while (!isOver()) {
    const waited = place.isLive ? await shared.giveWay.beforeBatch(here) : null;
    const asked = waited === null ? rows : Math.max(1, Math.floor(rows / 2));
    paused = waited ?? paused;
    try {
      const tried = await tryBatch({ rows: asked, targetMs }, (size) => ledger.copyBatch(run, place, { range, rows: size }));
      if (tried.progress?.done === true) return { done: true, paused };
      rows = tried.nextRows;
      heldMs = 0;
    } catch (error) {
      if (!place.isLive) throw error;
      paused = await shared.giveWay.afterError(here, error, heldMs);
      heldMs += paused.ms;
    }
  }
  return { done: false, paused };
}
