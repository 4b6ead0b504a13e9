import type { LedgerPhase } from './next-step.ts';

/**
 * How far a way back goes.
 *
 * `everything`: to before the plan. `verified`: only what is not whole goes, phases that are applied stay (onFailure: keep-verified).
 * `to`: to a phase that an operator names, which stays.
 */
export type WayBackGoal = { readonly kind: 'everything' } | { readonly kind: 'verified' } | { readonly kind: 'to'; readonly phase: string };

/**
 * What the run had come to when it failed: `gates`: it has changed nothing; `changing`: its phases; `unverified`: the comparison of the whole,
 * after which no phase counts as verified.
 */
export const STAGES = ['gates', 'changing', 'unverified'] as const;
export type Stage = (typeof STAGES)[number];

/** `kept`: the newest phase that stays; null where none does, or where nothing is decided yet. */
export type RecoveryStep =
  | { readonly kind: 'undo'; readonly phase: string; readonly outcome: 'halted'; readonly kept: null }
  | { readonly kind: 'verify'; readonly phase: null; readonly outcome: 'halted'; readonly kept: null }
  | { readonly kind: 'none'; readonly phase: null; readonly outcome: 'refused' | 'migrated' | 'halted'; readonly kept: null }
  | { readonly kind: 'none'; readonly phase: null; readonly outcome: 'refused' | 'rolled-back'; readonly kept: string };

/** Where a failed run goes back to, by its plan and by what it had come to. */
export function goalAfterFailure(onFailure: 'undo-all' | 'keep-verified', stage: Stage): WayBackGoal {
  return { kind: onFailure === 'keep-verified' && stage !== 'unverified' ? 'verified' : 'everything' };
}

/**
 * Newest phase first; then the proof that the database is as before; without a baseline nothing was ever changed.
 *
 * A run that is completed is past the point of no return: an answer that was lost after it undoes nothing.
 */
export function recoveryStep(
  ledger: readonly LedgerPhase[],
  run: { readonly hasBaseline: boolean; readonly isCompleted: boolean; readonly goal: WayBackGoal; readonly stage: Stage },
): RecoveryStep {
  if (run.isCompleted) {
    return { kind: 'none', phase: null, outcome: 'migrated', kept: null };
  }
  const newest = [...ledger].sort((a, b) => b.ordinal - a.ordinal)[0];
  if (newest !== undefined && stays(newest, run.goal)) {
    return {
      kind: 'none',
      phase: null,
      outcome: run.stage === 'gates' && run.goal.kind === 'verified' ? 'refused' : 'rolled-back',
      kept: newest.phase,
    };
  }
  if (newest !== undefined) {
    return { kind: 'undo', phase: newest.phase, outcome: 'halted', kept: null };
  }
  return run.hasBaseline
    ? { kind: 'verify', phase: null, outcome: 'halted', kept: null }
    : { kind: 'none', phase: null, outcome: 'refused', kept: null };
}

function stays({ phase, isApplied, isUndoing }: LedgerPhase, goal: WayBackGoal): boolean {
  const isWhole = isApplied && !isUndoing;
  return isWhole && (goal.kind === 'verified' || (goal.kind === 'to' && goal.phase === phase));
}

/** Why a plan may not be rolled back to a phase; null when it may. */
export function refuseGoal(to: string, plan: string, ledger: readonly LedgerPhase[]): string | null {
  const newestFirst = [...ledger].sort((a, b) => b.ordinal - a.ordinal);
  const wanted = newestFirst.find(({ phase }) => phase === to);
  if (wanted === undefined || !wanted.isApplied || wanted.isUndoing) {
    const whole = newestFirst.filter(({ isApplied, isUndoing }) => isApplied && !isUndoing).map(({ phase }) => phase);
    return `plan ${plan} cannot be rolled back to phase ${to}, which is not applied; applied are, newest first: ${whole.join(', ') || 'none'}`;
  }
  return newestFirst[0] === wanted ? `phase ${to} is the newest that is applied of plan ${plan}; there is nothing to roll back` : null;
}
