import { createHash } from 'node:crypto';
import * as z from 'zod';
import { InputRefusedError } from '../errors.ts';
import { PlanId, RunId } from '../ids.ts';
import { StatesError } from './failure.ts';
import { Outcome } from './outcome.ts';
import { STAGES, type Stage } from './recovery-step.ts';

/** Not a mode that a person starts: the execution finishes what a run began whose execution died. */
export const RECOVER = 'recover';

/** How often a dead run is recovered before a person is called. */
export const MOST_RECOVERIES = 3;

export const RecoverInput = z.strictObject({ mode: z.literal(RECOVER), plan: PlanId, run: RunId });
export type RecoverInput = z.infer<typeof RecoverInput>;

/** The same bytes for the same run, since a second start of one name is the same execution only with the same input (StartExecution). */
export function recoverInput({ plan, run }: { readonly plan: PlanId; readonly run: RunId }): string {
  return JSON.stringify({ mode: RECOVER, plan, run } satisfies RecoverInput);
}

/** Whether an execution's input asks for a recovery, well-formed or not. */
export function isRecoverInput(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'mode' in input && input.mode === RECOVER;
}

/** Of an execution's name (Step Functions, StartExecution), less `recover-`, `-` and a digit. */
const RUN_CHARACTERS = 80 - 10;

/** `recover-<run>-<n>`; a run's id that is too long for it is cut, and told apart by its digest. */
export function recoverName(run: RunId, n: number): RunId {
  const tail = `-${createHash('sha256').update(run).digest('hex').slice(0, 12)}`;
  return RunId.parse(`recover-${run.length <= RUN_CHARACTERS ? run : run.slice(0, RUN_CHARACTERS - tail.length) + tail}-${n}`);
}

/**
 * Which recovery of the run the execution of this name is, from 1.
 *
 * @throws {InputRefusedError} for any other name: the stack starts recoveries, and no two of one number.
 */
export function recoveryNumber(run: RunId, name: string): number {
  const number = Number(/-(\d)$/.exec(name)?.[1] ?? 0);
  if (number === 0 || recoverName(run, number) !== name) {
    throw new InputRefusedError(
      `the stack itself starts mode ${RECOVER}, as ${recoverName(run, 1)}; start rollback, or execute, which take a dead run's lock over too`,
    );
  }
  return number;
}

/** The execution of this name beside another of the same machine. */
export function executionBeside(executionArn: string, name: string): string {
  return `${executionArn.slice(0, executionArn.lastIndexOf(':'))}:${name}`;
}

/** The machine of an execution. */
export function machineOf(executionArn: string): string {
  return executionArn.slice(0, executionArn.lastIndexOf(':')).replace(':execution:', ':stateMachine:');
}

/** The error that a recovery goes on with: the run's own first error died with its execution. */
export const RUN_DIED = 'RunDied';

/** What a recovery knows of the run that it settles. */
export const Recovery = z.object({
  /** Its own execution's name. */
  name: z.string(),
  number: z.number().int(),
  /** The dead run's execution. */
  executionArn: z.string(),
  failure: StatesError,
  /** What the run had come to, and had not yet let go of everything. */
  recorded: z.object({ outcome: Outcome, sentence: z.string() }).nullable(),
  /** It had begun to restore its snapshot: only the journal says so, since the database may be the restored one. */
  isRestoring: z.boolean().default(false),
});
export type Recovery = z.infer<typeof Recovery>;

/** Where a recovery goes once it holds the dead run's lock, or sees that it need not. */
export const RecoveryWay = z.object({
  /** `undo`: the way back. `restore`: what of it was begun goes on. `lower`: the fence, then the end. `close`: the end. `leave`: another run has it in hand. */
  to: z.enum(['undo', 'restore', 'lower', 'close', 'leave']),
  outcome: Outcome,
  failure: StatesError.nullable(),
  /** `undo`: what the run had come to. */
  stage: z.enum(STAGES),
  /** Of what is left alone: why. */
  sentence: z.string(),
});
export type RecoveryWay = z.infer<typeof RecoveryWay>;

/** What the ledger says of a dead run that changed the database, or was about to. */
export interface DeadRun {
  readonly mode: 'execute' | 'rollback' | 'cleanup';
  /** It has passed the point of no return, or found its plan migrated. */
  readonly isCompleted: boolean;
  /** Phases are in the ledger, or were since the baseline, and the plan is not migrated. */
  readonly hasChanged: boolean;
  /** What it had come to when its way back began; null where that has not. */
  readonly undoStage: Stage | null;
  /** cleanup: what of it is done, and what is not, in words. */
  readonly cleanup: { readonly hasBegun: boolean; readonly left: readonly string[] };
}

/** What the run itself would have done next: forward after its point of no return, else back as far as it had come. */
export function recoveryWay(dead: DeadRun, { recorded, isRestoring, failure }: Pick<Recovery, 'recorded' | 'isRestoring' | 'failure'>): RecoveryWay {
  const way = { failure, stage: dead.undoStage ?? 'changing', sentence: '' } as const;
  // Only a halted run keeps its fence.
  if (recorded !== null) return { ...way, to: recorded.outcome === 'halted' ? 'close' : 'lower', outcome: recorded.outcome };
  if (isRestoring) return { ...way, to: 'restore', outcome: 'halted' };
  switch (dead.mode) {
    case 'execute':
      if (dead.isCompleted) return { ...way, to: 'lower', outcome: 'migrated', failure: null };
      return dead.hasChanged ? { ...way, to: 'undo', outcome: 'halted' } : { ...way, to: 'lower', outcome: 'refused' };
    case 'rollback':
      return dead.undoStage !== null ? { ...way, to: 'undo', outcome: 'halted', failure: null } : { ...way, to: 'lower', outcome: 'refused' };
    case 'cleanup':
      return wayOfCleanup(dead, failure);
  }
}

/** A cleanup takes the way back away: what of it is done stays, and the rest is another run's. */
function wayOfCleanup({ cleanup: { hasBegun, left } }: DeadRun, failure: StatesError): RecoveryWay {
  const way = { to: 'lower', stage: 'changing', sentence: '' } as const;
  if (left.length === 0) return { ...way, outcome: 'passed', failure: null };
  if (!hasBegun) return { ...way, outcome: 'refused', failure };
  const Cause = `${failure.Cause}; what is left of the cleanup: ${left.join(', ')}; start cleanup again, it goes on from what is done`;
  return { ...way, outcome: 'halted', failure: { ...failure, Cause } };
}
