import { type StepgateError, UnknownOutcomeError } from '../core/errors.ts';
import type { Check, CompiledPlan } from '../core/plan/compiled-plan.ts';
import { checkResult, EvaluationRow, evaluationSql } from '../core/run/check-evaluation.ts';
import type { CheckResult } from '../core/run/journal.ts';
import type { Query, SqlSession } from './sql-session.ts';

/**
 * Runs a plan's checks, all of them, in one reading transaction, which sees no fence; `clockMs` is a monotonic clock.
 *
 * A check that takes longer than a call has would take as long again: it is said by `tooSlow`, which is not tried again.
 */
export function runChecks(
  session: Pick<SqlSession, 'unfenced'>,
  plan: Pick<CompiledPlan, 'quality'>,
  run: {
    readonly checks: readonly Check[];
    /** What digests of keys are salted with: the run's id. */
    readonly salt: string;
    readonly clockMs: () => number;
    readonly tooSlow: (sentence: string, options: ErrorOptions) => StepgateError;
  },
): Promise<readonly CheckResult[]> {
  return session.unfenced(async (query) => {
    const results: CheckResult[] = [];
    for (const check of run.checks) {
      const begunMs = run.clockMs();
      const [row] = await evaluate(query, check, run);
      if (row === undefined) {
        throw new Error(`check ${check.name} gave no row`);
      }
      results.push(checkResult(check, row, { quality: plan.quality, durationMs: Math.round(run.clockMs() - begunMs) }));
    }
    return results;
  });
}

async function evaluate(
  query: Query,
  check: Check,
  { salt, tooSlow }: { readonly salt: string; readonly tooSlow: (sentence: string, options: ErrorOptions) => StepgateError },
): Promise<readonly EvaluationRow[]> {
  const label = `${check.file}:${check.line}: check ${check.name}`;
  try {
    return await query(EvaluationRow, evaluationSql(check, salt), {}, { label });
  } catch (error) {
    if (error instanceof UnknownOutcomeError && error.isTimeout) {
      throw tooSlow(`${label} takes longer than the 45 s that a call has; give the columns that it reads an index, or let it read fewer rows`, {
        cause: error,
      });
    }
    throw error;
  }
}
