import * as z from 'zod';
import type { DeadMan } from '../../adapters/dead-man.ts';
import { type FenceState, ledgerFence } from '../../adapters/fence.ts';
import { GateRefusedError } from '../../core/errors.ts';
import { DEAD_MAN_MS } from '../../core/run/dead-man.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { describeHolder, type FenceHolder } from '../../core/run/fence.ts';
import { deadManPort, type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const RaiseFenceInput = ChangingEnvelope.extend({ phase: z.string() });
type Input = z.infer<typeof RaiseFenceInput>;

/** `ended`: backends that were ended after the wait, because they could still write. */
export interface FenceAnswer {
  readonly done: true;
  readonly objects: number;
  readonly roles: number;
  readonly ended: number;
}

/** 20 s for transactions from before the fence, then 10 s for their backends to go: within the function's 120 with two slow calls. */
const WAIT_MS = 20_000;
const END_MS = 10_000;
const LOOK_MS = 250;

/**
 * Keeps application writes out of the database until LowerFence, and waits until none that began before is left.
 *
 * A run that goes on where another stopped takes that one's fence over. Before it goes up, a dead man's schedule stands that opens the second door.
 *
 * @throws {GateRefusedError} with everything that lets somebody write and may not be taken; a fence that this visit raised is down again.
 */
export function raiseFence(
  deps: Pick<StatePorts, 'session' | 'journal' | 'clockMs'> & {
    readonly deadMan: Pick<DeadMan, 'set'>;
    readonly pause: (ms: number) => Promise<void>;
  },
): Work<Input, FenceAnswer> {
  const fence = ledgerFence(deps.session);
  return async ({ run, now, phase }) => {
    const entry = { kind: 'fence', at: now.toISOString(), phase } as const;
    await deps.deadMan.set(run, new Date(now.getTime() + DEAD_MAN_MS));
    await deps.journal.write(run.id, 'fence-raised', { ...entry, status: 'raising' });
    const raised = await fence.raise(run);
    if (raised.refused.length > 0) {
      await deps.journal.write(run.id, 'fence-raised', { ...entry, status: 'refused', because: raised.refused });
      throw new GateRefusedError(`fence: ${raised.refused.join(' · ')}`);
    }
    const { state, ended } = await settle(deps, run);
    const left = [...state.holders.map(describeHolder), ...state.gaps];
    if (left.length > 0) {
      if (raised.isNew) await fence.lower(run);
      await deps.journal.write(run.id, 'fence-raised', { ...entry, status: 'refused', because: left });
      throw new GateRefusedError(`fence: something can still write, and this role may not end it: ${left.join(' · ')}; end it, then start again`);
    }
    await deps.journal.write(run.id, 'fence-raised', {
      ...entry,
      status: 'up',
      objects: state.objects,
      roles: state.roles,
      ended,
      passing: state.passing,
      probed: state.probed,
    });
    return { done: true, objects: state.objects, roles: state.roles.length, ended: ended.length };
  };
}

/** Looks until nothing is left, at last ending it; the last look is the answer. */
async function settle(
  deps: Parameters<typeof raiseFence>[0],
  run: ChangingRun,
): Promise<{ readonly state: FenceState; readonly ended: FenceHolder[] }> {
  const fence = ledgerFence(deps.session);
  const begunMs = deps.clockMs();
  const ended = new Map<number | null, FenceHolder>();
  for (;;) {
    const waitedMs = deps.clockMs() - begunMs;
    const ends = waitedMs > WAIT_MS;
    const state = await fence.settle(run, { ends });
    for (const holder of ends ? state.holders : []) {
      if (holder.pid !== null) ended.set(holder.pid, holder);
    }
    if (state.holders.length === 0) return { state, ended: [...ended.values()] };
    if (waitedMs > WAIT_MS + END_MS) {
      return { state, ended: [] };
    }
    await deps.pause(LOOK_MS);
  }
}

export const handler = stateHandler(RaiseFenceInput, (environment) =>
  raiseFence({ ...statePorts(environment), deadMan: deadManPort(environment), pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }),
);
