import type { CompiledPlan, Renaming, Transfer } from '../plan/compiled-plan.ts';

/** The phase that gives tables other names, and what follows from it; null in a plan without one. */
export function renamingOf({ phases }: Pick<CompiledPlan, 'phases'>): { readonly phase: string; readonly renaming: Renaming } | null {
  for (const phase of phases) {
    if (phase.kind === 'transaction' && phase.renaming !== undefined) return { phase: phase.id, renaming: phase.renaming };
  }
  return null;
}

/** The plan, its transfers by the names that their tables have while these phases are applied. */
export function planInForce(plan: CompiledPlan, applied: readonly string[]): CompiledPlan {
  const found = renamingOf(plan);
  return found !== null && applied.includes(found.phase) ? planAfter(plan, found.renaming) : plan;
}

/**
 * The plan, its transfers by the names that their tables have after a renaming.
 *
 * Without before.sql: its checks name tables as they were before the first change, and held then.
 */
export function planAfter(plan: CompiledPlan, { transfers }: Renaming): CompiledPlan {
  const named = (transfer: Transfer): Transfer => ({ ...transfer, ...transfers[transfer.id] });
  const phases = plan.phases.map((phase) => (phase.kind === 'transfer' ? { ...phase, transfers: phase.transfers.map(named) } : phase));
  return { ...plan, before: [], phases };
}
