import { WindowClosedError } from '../errors.ts';
import { durationInWords } from './in-words.ts';

/** What is known of a plan's work, all of it measured in this database. */
export interface MeasuredWork {
  /** How long what would be undone took to do. */
  readonly doneMs: number;
  /** Rows that the plan's transfers have moved, and how long that took. */
  readonly movedRows: number;
  readonly movingMs: number;
  /** Rows of their sources, as the planner estimates them. */
  readonly sourceRows: number;
}

/** What the rest of a run is estimated to take, and undoing what is done. */
export interface TimeNeeded {
  readonly restMs: number;
  readonly undoMs: number;
}

/**
 * Rows that are left go as fast as those that went, and every row is compared once more, which takes no longer than its copy, as measured;
 * an undo takes as long as what it undoes. What was never measured, statements that have not run, counts nothing.
 */
export function timeNeeded({ doneMs, movedRows, movingMs, sourceRows }: MeasuredWork): TimeNeeded {
  const perRow = movedRows === 0 ? 0 : movingMs / movedRows;
  const left = Math.max(0, sourceRows - movedRows);
  return { restMs: Math.round((left + Math.max(sourceRows, movedRows)) * perRow), undoMs: Math.round(doneMs) };
}

/**
 * How long a run may go on before it has to stop, so that the window still holds its undo; in milliseconds.
 *
 * Doing shortens the rest by as much as it lengthens the undo, so that what is needed in all stays the same while a visit works.
 *
 * @throws {WindowClosedError} when that time is over.
 */
export function allowanceMs(deadline: Date, now: Date, needed: TimeNeeded): number {
  const leftMs = deadline.getTime() - now.getTime();
  const allowance = leftMs - needed.restMs - needed.undoMs;
  if (allowance > 0) return allowance;
  throw new WindowClosedError(
    leftMs <= 0
      ? `the window ended at ${deadline.toISOString()}; nothing more is begun`
      : `the window ends at ${deadline.toISOString()}, in ${durationInWords(leftMs)}; the rest is estimated at ${durationInWords(needed.restMs)} and its undo at ${durationInWords(needed.undoMs)}, so that nothing more is begun`,
  );
}

/** EventBridge gives up after five minutes (infra/one-time-schedule.ts); more than that is somebody's queue. */
const LATEST_START_MS = 10 * 60_000;

/** Why a scheduled run may not begin now; null when it may. */
export function refuseLateStart(start: Date | null, now: Date): string | null {
  const lateMs = start === null ? 0 : now.getTime() - start.getTime();
  return start === null || lateMs <= LATEST_START_MS
    ? null
    : `the run was to start at ${start.toISOString()} and starts ${durationInWords(lateMs)} late; schedule it again`;
}

/** When a run has to have ended: its window counts from when it was to start. */
export function deadlineOf(windowMinutes: number | null, start: Date): Date | null {
  return windowMinutes === null ? null : new Date(start.getTime() + windowMinutes * 60_000);
}
