import { assertNever } from '../assert-never.ts';
import type { Failure } from './failure.ts';
import type { Mode } from './mode.ts';
import type { Outcome } from './outcome.ts';

/** What a run's end says in one sentence; Step Functions shows it as the execution's cause. */
export function outcomeSentence(end: {
  readonly outcome: Outcome;
  readonly mode: Mode | null;
  readonly plan: string | null;
  readonly failure: Failure | null;
  readonly laterFailure: Failure | null;
  /** When an earlier run migrated it, if so. */
  readonly migratedAt: string | null;
}): string {
  const plan = end.plan ?? 'the plan';
  const why = end.failure === null ? '' : `: ${end.failure.sentence}`;
  switch (end.outcome) {
    case 'passed':
      return `${end.mode ?? 'the run'} of ${plan} passed`;
    case 'migrated':
      return end.migratedAt === null
        ? `${plan} is migrated: every phase done, every check passed`
        : `${plan} was migrated at ${end.migratedAt}; nothing was done`;
    case 'refused':
      return `${plan} is refused${why === '' ? ' before the first change' : why}`;
    case 'rolled-back':
      return end.mode === 'rollback'
        ? `${plan} is rolled back: the database is as before`
        : `${plan} is rolled back, the database is as before the run${why}`;
    case 'restored':
      return `${plan} is restored from its snapshot${why}`;
    case 'halted':
      return `${plan} is halted, a person must choose${why}${end.laterFailure === null ? '' : `; then, on the way back: ${end.laterFailure.sentence}`}`;
    default:
      return assertNever(end.outcome);
  }
}
