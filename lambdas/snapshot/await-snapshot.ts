import * as z from 'zod';
import type { Snapshots } from '../../adapters/snapshots.ts';
import { GateRefusedError } from '../../core/errors.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import { keepUntil } from '../../core/run/snapshot-name.ts';
import { type StatePorts, snapshotPort, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const AwaitSnapshotInput = ReadingEnvelope.extend({
  snapshot: z.object({ id: z.string().nullable(), requestedAt: z.string(), adoptedFrom: z.string().nullable() }),
});

/**
 * Looks once whether the snapshot is there; nothing is waited for where none is taken.
 *
 * @throws {GateRefusedError} when it failed, is gone, or has not come in twelve hours.
 */
export function awaitSnapshot(
  deps: Pick<StatePorts, 'journal'> & { readonly snapshots: Pick<Snapshots, 'status'> },
): Work<z.infer<typeof AwaitSnapshotInput>, { done: boolean; percent: number }> {
  return async ({ run, now, snapshot }) => {
    const { id } = snapshot;
    if (id === null) {
      return { done: true, percent: 100 };
    }
    const found = await deps.snapshots.status(id);
    if (found === null || ['failed', 'deleting', 'deleted', 'incompatible-restore'].includes(found.status)) {
      throw new GateRefusedError(`snapshot ${id} is ${found?.status ?? 'gone'}; start the run again, which takes another one`);
    }
    if (found.status !== 'available') {
      refuseEndless(id, found, { requestedAt: new Date(snapshot.requestedAt), now });
      return { done: false, percent: found.percent };
    }
    await deps.journal.write(run.id, 'snapshot', {
      kind: 'snapshot',
      at: now.toISOString(),
      id,
      status: 'available',
      requestedAt: new Date(snapshot.requestedAt).toISOString(),
      availableAt: now.toISOString(),
      keepUntil: keepUntil(new Date(snapshot.requestedAt)),
      adoptedFrom: snapshot.adoptedFrom,
      ...(found.restoreCommand !== null && { restoreCommand: found.restoreCommand }),
    });
    return { done: true, percent: 100 };
  };
}

/** Terabytes take hours; after half a day nobody would begin the changes of a night, and polls without an end would fill the execution's history. */
const LONGEST_HOURS = 12;

function refuseEndless(
  id: string,
  { status, percent }: { readonly status: string; readonly percent: number },
  { requestedAt, now }: { readonly requestedAt: Date; readonly now: Date },
): void {
  if (now.getTime() - requestedAt.getTime() <= LONGEST_HOURS * 3_600_000) return;
  throw new GateRefusedError(
    `snapshot ${id} is ${status} at ${percent} % since ${requestedAt.toISOString()}, more than ${LONGEST_HOURS} hours; look at the cluster, then start the run again`,
  );
}

export const handler = stateHandler(AwaitSnapshotInput, (environment) =>
  awaitSnapshot({ ...statePorts(environment), snapshots: snapshotPort(environment) }),
);
