import type * as z from 'zod';
import type { DeadMan } from '../../adapters/dead-man.ts';
import { ledgerFence } from '../../adapters/fence.ts';
import { StatementFailedError } from '../../core/errors.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { lowerFenceSql } from '../../core/run/fence.ts';
import { deadManPort, type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const LowerFenceInput = ChangingEnvelope;

/**
 * Gives back what the fence took, and takes its dead man's schedule away; where none is up, does nothing.
 *
 * @throws {StatementFailedError} with what the migrator may not give back any more; the rest is given back, and another visit goes on.
 */
export function lowerFence(
  deps: Pick<StatePorts, 'session' | 'journal'> & { readonly deadMan: Pick<DeadMan, 'remove'> },
): Work<z.infer<typeof LowerFenceInput>, { wasUp: boolean; stuck: number }> {
  return async ({ run, now }) => {
    const { wasUp, stuck, ...told } = await ledgerFence(deps.session).lower(run);
    if (wasUp) {
      const status = stuck.length === 0 ? 'lowered' : 'stuck';
      await deps.journal.write(run.id, 'fence-lowered', { kind: 'fence', at: now.toISOString(), status, ...told, stuck });
    }
    if (stuck.length > 0) {
      throw new StatementFailedError(
        `the fence is not wholly lowered, this role may not say: ${stuck.join(' · ')}; say it as one that may, then: ${lowerFenceSql(run.plan)}`,
      );
    }
    // Also where none was up: a visit before this one may have died in between.
    await deps.deadMan.remove(run.id);
    return { wasUp, stuck: 0 };
  };
}

export const handler = stateHandler(LowerFenceInput, (environment) => lowerFence({ ...statePorts(environment), deadMan: deadManPort(environment) }));
