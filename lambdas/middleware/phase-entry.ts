import type { PhaseResult } from '../../adapters/phase-ledger.ts';
import type { CompiledPlan, Phase } from '../../core/plan/compiled-plan.ts';
import { checkResult } from '../../core/run/check-evaluation.ts';
import type { CheckResult, JournalEntry } from '../../core/run/journal.ts';

/** What the journal says of an applied phase. */
export function phaseEntry(
  plan: CompiledPlan,
  phase: Phase,
  applied: { readonly now: Date; readonly result: PhaseResult },
): Extract<JournalEntry, { kind: 'phase' }> {
  const { result } = applied;
  return {
    kind: 'phase',
    at: applied.now.toISOString(),
    phase: phase.id,
    ordinal: phase.ordinal,
    direction: 'up',
    statements: result.statements,
    durationMs: result.durationMs,
    checks: result.checks.flatMap((row): readonly CheckResult[] => {
      const check = phase.verify.find((one) => one.name === row.name);
      return check === undefined ? [] : [checkResult(check, { ...row, total: null }, { quality: plan.quality, durationMs: row.durationMs })];
    }),
  };
}
