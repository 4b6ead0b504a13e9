import { createHash } from 'node:crypto';
import * as z from 'zod';
import { RunId } from '../ids.ts';

/** A schedule's name has at most 64 characters (CreateSchedule); run ids that become alike by cutting are told apart by their digest. */
const RUN_CHARACTERS = 40;

/** What every dead man's schedule is called first; permissions go by it. */
export const DEAD_MAN_PREFIX = 'dead-man-';

/** The one schedule of a run's fence. */
export function deadManName(run: RunId): string {
  return `${DEAD_MAN_PREFIX}${run.slice(0, RUN_CHARACTERS)}-${createHash('sha256').update(run).digest('hex').slice(0, 12)}`;
}

/** How often it looks whether the run still lives: a fence that nobody lowers keeps applications out, so it is short. */
export const DEAD_MAN_MS = 1_800_000;

/** EventBridge delivers for at most a day (RetryPolicy), so a look that comes late is at most so late. */
export const LATEST_MS = 90_000_000;

/** Where a dead man's schedule is made, and what it calls. */
export const DeadManPlace = z.object({ groupName: z.string(), targetArn: z.string(), roleArn: z.string(), deadLetterArn: z.string() });
export type DeadManPlace = z.infer<typeof DeadManPlace>;

/** What the schedule gives to what it calls. It carries its own place, so that it can be set again when it is gone. */
export const DeadManCall = z.object({
  deadMan: z.object({
    run: RunId,
    /** Of the run, or of a recovery of it. */
    executionArn: z.string(),
    /** For when it was scheduled. */
    at: z.string(),
    place: DeadManPlace,
  }),
});
export type DeadManCall = z.infer<typeof DeadManCall>;
