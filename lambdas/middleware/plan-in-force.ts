import { hasLedger } from '../../adapters/has-ledger.ts';
import { phaseLedger } from '../../adapters/phase-ledger.ts';
import type { PlanDigest } from '../../core/ids.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { renamingOf, planInForce as withNamesOf } from '../../core/transfer/plan-in-force.ts';
import type { StatePorts } from './ports.ts';

/** A plan, its transfers by the names that their tables have now: a phase that renames them may be applied. */
export async function planInForce(deps: Pick<StatePorts, 'plans' | 'session'>, run: { readonly digest: PlanDigest }): Promise<CompiledPlan> {
  const plan = await deps.plans.read(run.digest);
  if (renamingOf(plan) === null || !(await hasLedger(deps.session))) return plan;
  const phases = await phaseLedger(deps.session).all(plan.id);
  return withNamesOf(
    plan,
    phases.filter(({ isApplied }) => isApplied).map(({ phase }) => phase),
  );
}
