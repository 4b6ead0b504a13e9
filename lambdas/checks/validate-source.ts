import type * as z from 'zod';
import { runChecks } from '../../adapters/checks.ts';
import { GateRefusedError } from '../../core/errors.ts';
import { describeFailures } from '../../core/run/check-evaluation.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const ValidateSourceInput = ReadingEnvelope;

/**
 * Runs every check of before.sql, behind the snapshot.
 *
 * @throws {GateRefusedError} with every check of severity fail that failed.
 */
export function validateSource(deps: StatePorts): Work<z.infer<typeof ValidateSourceInput>, { checks: number }> {
  return async ({ run, now }) => {
    const plan = await planInForce(deps, run);
    const results = await runChecks(deps.session, plan, {
      checks: plan.before,
      salt: run.id,
      clockMs: deps.clockMs,
      tooSlow: (said, cause) => new GateRefusedError(said, cause),
    });
    await deps.journal.write(run.id, 'checks-before', { kind: 'checks', at: now.toISOString(), stage: 'before', checks: [...results] });
    const failures = describeFailures(results);
    if (failures.length > 0) {
      throw new GateRefusedError(failures.join(' · '));
    }
    return { checks: results.length };
  };
}

export const handler = stateHandler(ValidateSourceInput, (environment) => validateSource(statePorts(environment)));
