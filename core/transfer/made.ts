import type { CompiledPlan, Phase } from '../plan/compiled-plan.ts';
import { quoteName } from './identifier.ts';
import { transfersOf } from './transfers-of.ts';

/** Whether the plan makes this table. */
export function isMade(plan: CompiledPlan, table: { readonly schema: string; readonly name: string }): boolean {
  return plan.phases.some((phase) => 'creates' in phase && phase.creates.some((one) => one.kind === 'table' && quoteName(one) === quoteName(table)));
}

/** The tables that transfers fill, quoted. */
export function targetsOf({ phases }: Pick<CompiledPlan, 'phases'>): readonly string[] {
  return transfersOf(phases).map(({ into }) => quoteName(into));
}

/** The undo of some phases, as the search for what refers to what they take away asks for it. */
export interface Undone {
  readonly plan: string;
  /** Whose tables go. */
  readonly phases: readonly string[];
  /** Targets that are emptied, quoted. */
  readonly emptied: readonly string[];
  /** All targets of the plan, quoted. */
  readonly targets: readonly string[];
  /** Names that stand in the plan's statements, with their schemas where they are told: what has one of them is the plan's own business. */
  readonly names: readonly string[];
}

export function undone(phases: readonly Phase[], plan: CompiledPlan): Undone {
  return {
    plan: plan.id,
    phases: phases.filter((phase) => phase.undo !== null).map(({ id }) => id),
    emptied: targetsOf({ phases }),
    targets: targetsOf(plan),
    names: plan.reach.exact ?? plan.reach.names,
  };
}
