import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { planLedger } from '../../adapters/plan-ledger.ts';
import type { Snapshots } from '../../adapters/snapshots.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import { SNAPSHOT_DAYS, snapshotName } from '../../core/run/snapshot-name.ts';
import { type StatePorts, snapshotPort, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const CreateSnapshotInput = ReadingEnvelope;
type Input = z.infer<typeof CreateSnapshotInput>;

export interface RequestedSnapshot {
  readonly id: string;
  readonly requestedAt: string;
  /** The run that took it, when this one goes on where that one stopped. */
  readonly adoptedFrom: string | null;
}

/** Asks for the run's snapshot under a name that a second try finds again; a run that goes on keeps the one from before the first change. */
export function createSnapshot(deps: StatePorts & { readonly snapshots: Pick<Snapshots, 'request'> }): Work<Input, RequestedSnapshot> {
  return async ({ run, now }) => {
    const { token } = run;
    const inForce = token === null ? null : await planLedger(deps.session).inForce(run.plan);
    if (inForce?.baseRun != null && inForce.snapshotId !== null && inForce.snapshotRequestedAt !== null) {
      return { id: inForce.snapshotId, requestedAt: inForce.snapshotRequestedAt, adoptedFrom: inForce.baseRun };
    }
    const id = snapshotName({ plan: run.plan, run: run.id, hash: createHash('sha256').update(run.id).digest('hex') });
    await deps.journal.write(run.id, 'snapshot', {
      kind: 'snapshot',
      at: now.toISOString(),
      id,
      status: 'requested',
      requestedAt: now.toISOString(),
      availableAt: null,
      keepUntil: keepUntil(now),
      adoptedFrom: null,
    });
    await deps.snapshots.request(id, {
      'stepgate:run': run.id,
      'stepgate:plan': run.plan,
      'stepgate:role': 'snapshot',
      'stepgate:keep-until': keepUntil(now).slice(0, 10),
    });
    if (token !== null) {
      await planLedger(deps.session).rememberSnapshot({ ...run, token }, { id, requestedAt: now });
    }
    return { id, requestedAt: now.toISOString(), adoptedFrom: null };
  };
}

export function keepUntil(requestedAt: Date): string {
  return new Date(requestedAt.getTime() + SNAPSHOT_DAYS * 86_400_000).toISOString();
}

export const handler = stateHandler(CreateSnapshotInput, (environment) =>
  createSnapshot({ ...statePorts(environment), snapshots: snapshotPort(environment) }),
);
