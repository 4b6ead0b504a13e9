import * as z from 'zod';
import { runChecks } from '../../adapters/checks.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { CheckFailedError } from '../../core/errors.ts';
import { describeFailures } from '../../core/run/check-evaluation.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { phaseEntry } from '../middleware/phase-entry.ts';
import { phaseOf } from '../middleware/phase-of-plan.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { type LongAnswer, runStatements } from '../middleware/run-statements.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const RunLongInput = ChangingEnvelope.extend({ phase: z.string() });

/**
 * Runs a phase of statements that no transaction can hold, one after another; each is proven from the catalog before and after.
 *
 * @throws {StatementFailedError} when one failed; a broken index that it left is dropped first.
 */
export function runLong(deps: StatePorts): Work<z.infer<typeof RunLongInput>, LongAnswer> {
  const phases = phaseLedger(deps.session);
  return async ({ run, now, phase: id }) => {
    const plan = await deps.plans.read(run.digest);
    const phase = phaseOf(plan, id, 'long');
    await phases.begin(run, phase);
    const answer = await runStatements(deps, run, { phase: id, direction: 'up', statements: phase.up });
    if (answer.next !== 'next-step') {
      return answer;
    }
    const checks = await runChecks(deps.session, plan, {
      checks: phase.verify,
      salt: run.id,
      clockMs: deps.clockMs,
      tooSlow: (said, cause) => new CheckFailedError(said, cause),
    });
    const failures = describeFailures(checks);
    if (failures.length > 0) {
      throw new CheckFailedError(failures.join(' · '));
    }
    await phases.finish(run, phase, phase.up.length);
    const result = await phases.result(run.plan, id);
    if (result !== null) {
      await deps.journal.write(run.id, `phase-${phase.folder}`, { ...phaseEntry(plan, phase, { now, result }), checks: [...checks] });
    }
    return answer;
  };
}

export const handler = stateHandler(RunLongInput, (environment) => runLong(statePorts(environment)));
