import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { planLedger } from '../../adapters/plan-ledger.ts';
import type { Snapshots } from '../../adapters/snapshots.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import { keepUntil, snapshotName } from '../../core/run/snapshot-name.ts';
import { type StatePorts, snapshotPort, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const CreateSnapshotInput = ReadingEnvelope;
type Input = z.infer<typeof CreateSnapshotInput>;

export interface RequestedSnapshot {
  /** Null: none is taken, by an operator's word. */
  readonly id: string | null;
  readonly requestedAt: string;
  /** The run that took it, when this one goes on where that one stopped. */
  readonly adoptedFrom: string | null;
}

/**
 * Asks for the run's snapshot under a name that a second try finds again, unless the operator said that none is taken.
 *
 * A run that goes on keeps the one from before the first change, or goes without as that run did.
 */
export function createSnapshot(deps: StatePorts & { readonly snapshots: Pick<Snapshots, 'policy' | 'request'> }): Work<Input, RequestedSnapshot> {
  return async ({ run, now }) => {
    const { token } = run;
    // What cleanup takes away is not in the snapshot from before the migration.
    const isOwn = token === null || run.mode === 'cleanup';
    const inForce = isOwn ? null : await planLedger(deps.session).inForce(run.plan);
    if (inForce?.baseRun != null && inForce.snapshotId !== null && inForce.snapshotRequestedAt !== null) {
      return { id: inForce.snapshotId, requestedAt: inForce.snapshotRequestedAt, adoptedFrom: inForce.baseRun };
    }
    const goesOnWithout = inForce?.baseRun ?? null;
    if (deps.snapshots.policy === 'none' || goesOnWithout !== null) {
      const because = goesOnWithout === null ? NONE_WANTED : `run ${goesOnWithout}, which made the first change, took none`;
      await deps.journal.write(run.id, 'snapshot', { kind: 'snapshot', at: now.toISOString(), status: 'none', because, adoptedFrom: goesOnWithout });
      return { id: null, requestedAt: now.toISOString(), adoptedFrom: goesOnWithout };
    }
    const id = snapshotName({ plan: run.plan, run: run.id, hash: createHash('sha256').update(run.executionArn).digest('hex') });
    const requested = {
      kind: 'snapshot',
      at: now.toISOString(),
      id,
      status: 'requested',
      requestedAt: now.toISOString(),
      availableAt: null,
      keepUntil: keepUntil(now),
      adoptedFrom: null,
    } as const;
    await deps.journal.write(run.id, 'snapshot', requested);
    if (token !== null) await planLedger(deps.session).holdsOrFails({ ...run, token });
    const restoreCommand = await deps.snapshots.request(id, {
      'stepgate:run': run.id,
      'stepgate:plan': run.plan,
      'stepgate:role': 'snapshot',
      'stepgate:keep-until': keepUntil(now).slice(0, 10),
    });
    if (restoreCommand !== null) {
      await deps.journal.write(run.id, 'snapshot', { ...requested, restoreCommand });
    }
    if (!isOwn) {
      await planLedger(deps.session).rememberSnapshot({ ...run, token }, { id, requestedAt: now });
    }
    return { id, requestedAt: now.toISOString(), adoptedFrom: null };
  };
}

const NONE_WANTED = 'none was taken, because the operator said so (snapshot: none)';

export const handler = stateHandler(CreateSnapshotInput, (environment) =>
  createSnapshot({ ...statePorts(environment), snapshots: snapshotPort(environment) }),
);
