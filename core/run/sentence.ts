import { assertNever } from '../assert-never.ts';
import type { Failure } from './failure.ts';
import { counted } from './in-words.ts';
import type { Mode } from './mode.ts';
import type { Outcome } from './outcome.ts';

/** Counts of tables and objects that differ from before. */
export interface UndoProof {
  /** Others changed them, and the plan did not. */
  readonly meanwhile: number;
  /** The operator accepted them as they are. */
  readonly accepted: number;
}

function exceptions(proof: UndoProof | null): string {
  const meanwhile =
    proof === null || proof.meanwhile === 0 ? '' : `, and what others changed meanwhile is kept (${counted(proof.meanwhile, 'difference')})`;
  const accepted = proof === null || proof.accepted === 0 ? '' : `, except for ${counted(proof.accepted, 'difference')} that the operator accepted`;
  return `${accepted}${meanwhile}`;
}

/** What a run's end says in one sentence; Step Functions shows it as the execution's cause. */
export function outcomeSentence(end: {
  readonly outcome: Outcome;
  readonly mode: Mode | null;
  readonly plan: string | null;
  readonly failure: Failure | null;
  readonly laterFailure: Failure | null;
  /** What stopped a restore, and what it came to. */
  readonly restoreFailure: Failure | null;
  readonly restored: string | null;
  /** When an earlier run migrated it, if so. */
  readonly migratedAt: string | null;
  /** What the proof of an undo found to differ; null where there was none. */
  readonly proof: UndoProof | null;
  /** The newest phase that a way back leaves; null where there is none. */
  readonly kept: string | null;
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
      return `${plan} is refused${why === '' ? ' before the first change' : why}${end.kept === null ? '' : `; phase ${end.kept} and those before it stay as an earlier run left them`}`;
    case 'rolled-back':
      if (end.kept !== null) return `${plan} is rolled back to phase ${end.kept}, which stays with those before it${why}`;
      return end.mode === 'rollback'
        ? `${plan} is rolled back: the database is as before${exceptions(end.proof)}`
        : `${plan} is rolled back, the database is as before the run${exceptions(end.proof)}${why}`;
    case 'restored':
      return `${plan} is taken back by its snapshot: ${end.restored ?? 'the restored cluster has the old name'}${why === '' ? '' : `. Why${why}`}`;
    case 'halted':
      return [`${plan} is halted, a person must choose`, [why.slice(2), onTheWayBack(end), ofRestore(end)].filter((one) => one !== '').join('; ')]
        .filter((one) => one !== '')
        .join(': ');
    default:
      return assertNever(end.outcome);
  }
}

/** A rollback is nothing but the way back. */
function onTheWayBack({ failure, laterFailure }: { readonly failure: Failure | null; readonly laterFailure: Failure | null }): string {
  if (laterFailure === null) return '';
  return failure === null ? laterFailure.sentence : `then, on the way back: ${laterFailure.sentence}`;
}

function ofRestore({ restoreFailure, restored }: { readonly restoreFailure: Failure | null; readonly restored: string | null }): string {
  return restored ?? (restoreFailure === null ? '' : `the restore: ${restoreFailure.sentence}`);
}
