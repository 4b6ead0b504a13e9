import { phaseLedger } from '../../adapters/phase-ledger.ts';
import { type PlanInForce, planLedger } from '../../adapters/plan-ledger.ts';
import type { PlanId } from '../../core/ids.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { type LedgerPhase, type PlanState, planState } from '../../core/run/next-step.ts';
import type { StatePorts } from './ports.ts';

/** What is in force of a plan, as the ledger has it. */
export interface StateInForce {
  readonly inForce: PlanInForce | null;
  /** The plan by which it is so; null where nothing is in force. */
  readonly plan: CompiledPlan | null;
  readonly phases: readonly LedgerPhase[];
  readonly state: PlanState;
}

export async function stateInForce(deps: Pick<StatePorts, 'session' | 'plans'>, id: PlanId): Promise<StateInForce> {
  const [inForce, phases] = await Promise.all([planLedger(deps.session).inForce(id), phaseLedger(deps.session).all(id)]);
  const plan = inForce === null ? null : await deps.plans.read(inForce.digest);
  const state = planState(phases, {
    isMigrated: inForce?.migratedAt != null && !inForce.isRefuted,
    isChanged: inForce?.isChanged === true && !inForce.isRefuted,
    phases: plan === null ? 0 : plan.phases.filter(({ when }) => when === 'run').length,
  });
  return { inForce, plan, phases, state };
}
