import { StatementFailedError } from '../../core/errors.ts';
import type { CompiledPlan, Phase } from '../../core/plan/compiled-plan.ts';

/** @throws {StatementFailedError} when the plan has no such phase of that kind: the definition and the plan do not fit. */
export function phaseOf<Kind extends Phase['kind']>(plan: CompiledPlan, id: string, kind: Kind): Extract<Phase, { kind: Kind }> {
  const phase = anyPhaseOf(plan, id);
  if (phase.kind !== kind) {
    throw new StatementFailedError(`phase ${id} of plan ${plan.id} is of kind ${phase.kind}, not ${kind}`);
  }
  return phase as Extract<Phase, { kind: Kind }>;
}

/** @throws {StatementFailedError} when the plan has no such phase. */
export function anyPhaseOf(plan: CompiledPlan, id: string): Phase {
  const phase = plan.phases.find((one) => one.id === id);
  if (phase === undefined) {
    throw new StatementFailedError(`plan ${plan.id} has no phase ${id}; it has ${plan.phases.map((one) => one.id).join(', ')}`);
  }
  return phase;
}
