import * as z from 'zod';
import { PlanDigest, PlanId, RunId } from '../ids.ts';
import { Mode } from './mode.ts';

/** A time as Step Functions writes it; it comes in with the state's input, so that a virtual clock reaches everything. */
const Time = z.string().transform((text, context) => {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    context.addIssue({ code: 'custom', message: `not a time: ${text}` });
    return z.NEVER;
  }
  return time;
});

/** When a run with a window has to have ended; nothing where it has none. */
const Deadline = Time.nullish();

/** Before the plan is known. */
export const StartEnvelope = z.object({
  run: z.object({
    id: RunId,
    executionArn: z.string(),
    startedAt: Time,
    plan: PlanId.nullable(),
    digest: PlanDigest.nullable(),
    mode: Mode.nullable(),
    token: z.number().int().nullable(),
  }),
  now: Time,
});
export type StartEnvelope = z.infer<typeof StartEnvelope>;

/** A run of a known plan; it may only look. */
export const ReadingEnvelope = z.object({
  run: z.object({
    id: RunId,
    executionArn: z.string(),
    startedAt: Time,
    plan: PlanId,
    digest: PlanDigest,
    mode: Mode,
    token: z.number().int().nullable(),
  }),
  now: Time,
  deadline: Deadline,
});
export type ReadingEnvelope = z.infer<typeof ReadingEnvelope>;

/** A run that holds the lock; every effect carries its token. */
export const ChangingEnvelope = z.object({
  run: z.object({ id: RunId, executionArn: z.string(), startedAt: Time, plan: PlanId, digest: PlanDigest, mode: Mode, token: z.number().int() }),
  now: Time,
  deadline: Deadline,
});
export type ChangingEnvelope = z.infer<typeof ChangingEnvelope>;
export type ChangingRun = ChangingEnvelope['run'];
