import type { CompiledPlan, Phase } from '../plan/compiled-plan.ts';

/** A phase's row in the ledger. */
export interface LedgerPhase {
  readonly phase: string;
  readonly ordinal: number;
  readonly digest: string;
  /** Applied, or only begun. */
  readonly isApplied: boolean;
  /** An undo of it has begun and has not ended. */
  readonly isUndoing: boolean;
}

export type NextStep = { readonly kind: Phase['kind']; readonly phase: string } | { readonly kind: 'done'; readonly phase: null };

/** The first phase of the plan that the ledger does not call applied. */
export function nextStep(plan: CompiledPlan, ledger: readonly LedgerPhase[]): NextStep {
  const applied = new Set(ledger.filter((row) => row.isApplied).map((row) => row.phase));
  const next = plan.phases.find((phase) => !applied.has(phase.id));
  return next === undefined ? { kind: 'done', phase: null } : { kind: next.kind, phase: next.id };
}

/** `interrupted` goes on where it stopped; `half-undone` has to be undone to the end first. */
export type PlanState = 'fresh' | 'interrupted' | 'half-undone' | 'migrated';

/** What a run finds of its plan in the ledger. A completed plan that misses a phase was being rolled back when its run died. */
export function planState(
  ledger: readonly LedgerPhase[],
  inForce: { readonly isMigrated: boolean; readonly isChanged: boolean; readonly phases: number },
): PlanState {
  // Everything is undone, and nobody has proven it.
  if (ledger.length === 0 && inForce.isChanged) {
    return 'half-undone';
  }
  const isWhole = ledger.filter((row) => row.isApplied).length === inForce.phases;
  if (ledger.some((row) => row.isUndoing) || (inForce.isMigrated && !isWhole)) {
    return 'half-undone';
  }
  return inForce.isMigrated ? 'migrated' : ledger.length > 0 ? 'interrupted' : 'fresh';
}

/** What a corrected undo may not change: what was done, and what it made. */
function forwardOf(phase: Phase | undefined): string {
  const { undo, digest, because, undoNeeded, ...forward } = phase ?? {};
  return JSON.stringify(forward, (key, value: unknown) => (['undoWritesRows', 'undoKind'].includes(key) ? undefined : value));
}

/** Begun phases that another version of the plan would not have run so; their undo may differ. */
export function phasesRunOtherwise(given: CompiledPlan, inForce: CompiledPlan, ledger: readonly LedgerPhase[]): readonly string[] {
  return ledger.filter(({ ordinal }) => forwardOf(given.phases[ordinal - 1]) !== forwardOf(inForce.phases[ordinal - 1])).map(({ phase }) => phase);
}

/** Finished phases that the plan at hand no longer holds as they were run. */
export function changedPhases(plan: CompiledPlan, ledger: readonly LedgerPhase[]): readonly string[] {
  return ledger
    .filter((row) => plan.phases[row.ordinal - 1]?.id !== row.phase || plan.phases[row.ordinal - 1]?.digest !== row.digest)
    .map((row) => row.phase);
}

export type RecoveryStep =
  | { readonly kind: 'undo'; readonly phase: string; readonly outcome: 'halted' }
  | { readonly kind: 'verify'; readonly phase: null; readonly outcome: 'halted' }
  | { readonly kind: 'none'; readonly phase: null; readonly outcome: 'refused' | 'migrated' };

/**
 * Newest phase first; then the proof that the database is as before; without a baseline nothing was ever changed.
 *
 * A run that is completed is past the point of no return: an answer that was lost after it undoes nothing.
 */
export function recoveryStep(ledger: readonly LedgerPhase[], run: { readonly hasBaseline: boolean; readonly isCompleted: boolean }): RecoveryStep {
  if (run.isCompleted) {
    return { kind: 'none', phase: null, outcome: 'migrated' };
  }
  const newest = [...ledger].sort((a, b) => b.ordinal - a.ordinal)[0];
  if (newest !== undefined) {
    return { kind: 'undo', phase: newest.phase, outcome: 'halted' };
  }
  return run.hasBaseline ? { kind: 'verify', phase: null, outcome: 'halted' } : { kind: 'none', phase: null, outcome: 'refused' };
}
