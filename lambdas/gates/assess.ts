import type * as z from 'zod';
import { tableVolume } from '../../adapters/catalog.ts';
import { runChecks } from '../../adapters/checks.ts';
import { GateRefusedError } from '../../core/errors.ts';
import type { CompiledPlan, QualifiedName } from '../../core/plan/compiled-plan.ts';
import { describeFailures } from '../../core/run/check-evaluation.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import type { TableVolume } from '../../core/run/journal.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import { planInForce } from '../middleware/plan-in-force.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const AssessInput = ReadingEnvelope;

/**
 * Measures volumes and quality, so that a hopeless run is refused before anyone waits for a snapshot.
 *
 * @throws {GateRefusedError} when fewer rows are valid than the plan asks for.
 */
export function assess(deps: StatePorts): Work<z.infer<typeof AssessInput>, { tables: number; checks: number }> {
  return async ({ run, now }) => {
    const plan = await planInForce(deps, run);
    const tables = await volumes(deps, plan);
    const checks = plan.before.filter((check) => check.expects === 'quality' || check.expects === 'measure');
    const results = await runChecks(deps.session, plan, {
      checks,
      salt: run.id,
      clockMs: deps.clockMs,
      tooSlow: (said, cause) => new GateRefusedError(said, cause),
    });
    await deps.journal.write(run.id, 'assess', { kind: 'assess', at: now.toISOString(), tables: [...tables], checks: [...results] });
    const failures = describeFailures(results);
    if (failures.length > 0) {
      throw new GateRefusedError(`quality is below ${plan.quality.numerator}/${plan.quality.denominator}: ${failures.join(' · ')}`);
    }
    return { tables: tables.length, checks: results.length };
  };
}

function volumes(deps: StatePorts, plan: CompiledPlan): Promise<readonly TableVolume[]> {
  const tables = new Map<string, QualifiedName>();
  for (const transfer of transfersOf(plan.phases)) {
    tables.set(`${transfer.from.schema}.${transfer.from.name}`, transfer.from);
  }
  return deps.session.readOnly(async (query) => {
    const measured: TableVolume[] = [];
    for (const table of tables.values()) {
      measured.push(await tableVolume(query, table));
    }
    return measured;
  });
}

export const handler = stateHandler(AssessInput, (environment) => assess(statePorts(environment)));
