import type { Check, CompiledPlan } from '../core/plan/compiled-plan.ts';
import { checkResult, EvaluationRow, evaluationSql } from '../core/run/check-evaluation.ts';
import type { CheckResult } from '../core/run/journal.ts';
import type { SqlSession } from './sql-session.ts';

/** Runs a plan's checks, all of them, in one reading transaction; `clockMs` is a monotonic clock. */
export function runChecks(
  session: Pick<SqlSession, 'readOnly'>,
  plan: Pick<CompiledPlan, 'quality'>,
  run: { readonly checks: readonly Check[]; readonly clockMs: () => number },
): Promise<readonly CheckResult[]> {
  return session.readOnly(async (query) => {
    const results: CheckResult[] = [];
    for (const check of run.checks) {
      const begunMs = run.clockMs();
      const [row] = await query(EvaluationRow, evaluationSql(check));
      if (row === undefined) {
        throw new Error(`check ${check.name} gave no row`);
      }
      results.push(checkResult(check, row, { quality: plan.quality, durationMs: Math.round(run.clockMs() - begunMs) }));
    }
    return results;
  });
}
