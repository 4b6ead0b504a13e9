import * as z from 'zod';
import type { Mode } from './mode.ts';

/** The one way in which a run ends; design.md, "The promise". */
export const OUTCOMES = ['passed', 'migrated', 'refused', 'rolled-back', 'restored', 'halted'] as const;
export const Outcome = z.enum(OUTCOMES);
export type Outcome = z.infer<typeof Outcome>;

/** Exit codes that are not outcomes. */
export const EXIT_NO_RUN = 1;
export const EXIT_INTERRUPTED = 130;

const EXIT_CODES = { passed: 0, migrated: 0, refused: 2, 'rolled-back': 3, restored: 4, halted: 5 } as const satisfies Record<Outcome, number>;

/** The command line's exit code; a rollback that was asked for and done is a success. */
export function exitCode(outcome: Outcome, mode: Mode): number {
  return isSuccess(outcome, mode) ? 0 : EXIT_CODES[outcome];
}

/** Whether the execution ends in Succeed; every other outcome ends in Fail with the outcome as its error. */
export function isSuccess(outcome: Outcome, mode: Mode): boolean {
  return outcome === 'passed' || outcome === 'migrated' || (mode === 'rollback' && (outcome === 'rolled-back' || outcome === 'restored'));
}
