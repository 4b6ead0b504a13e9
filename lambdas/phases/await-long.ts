import * as z from 'zod';
import { longStatements } from '../../adapters/long-statements.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import type { LongAnswer } from '../middleware/run-statements.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { withinWindow } from '../middleware/within-window.ts';

export const AwaitLongInput = ChangingEnvelope.extend({ phase: z.string() });

/**
 * Looks once whether the statement at work has ended; what came of it is RunLong's to find out.
 *
 * @throws {WindowClosedError} when the window leaves no time for more than the undo; the statement is ended before that.
 */
export function awaitLong(deps: StatePorts): Work<z.infer<typeof AwaitLongInput>, LongAnswer> {
  const long = longStatements(deps.session);
  return async ({ phase: id, ...visit }) => {
    const { run } = visit;
    const plan = await deps.plans.read(run.digest);
    await withinWindow(deps, plan, visit);
    const phase = phaseOf(plan, id, 'long');
    for (const statement of phase.up) {
      if ((await long.state(run, { phase: id, direction: 'up', statement })) === 'running') {
        return { next: 'wait', statement: statement.number };
      }
    }
    return { next: 'run', statement: null };
  };
}

export const handler = stateHandler(AwaitLongInput, (environment) => awaitLong(statePorts(environment)));
