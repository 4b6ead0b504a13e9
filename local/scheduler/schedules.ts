import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../replace-file.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { zonedTime } from './zoned-time.ts';

const START_EXECUTION = 'arn:aws:scheduler:::aws-sdk:sfn:startExecution';

/** CreateSchedule's body, as far as one-time starts of an execution and calls of a function need it; EventBridge Scheduler, API reference. */
export const ScheduleRequest = z.strictObject({
  ScheduleExpression: z.string(),
  ScheduleExpressionTimezone: z.string().default('UTC'),
  FlexibleTimeWindow: z.strictObject({ Mode: z.literal('OFF') }),
  Target: z.strictObject({
    Arn: z.union([z.literal(START_EXECUTION), z.string().regex(/^arn:aws:lambda:[^:]*:[^:]*:function:\w+$/)]),
    RoleArn: z.string(),
    Input: z.string(),
    DeadLetterConfig: z.strictObject({ Arn: z.string() }).optional(),
    RetryPolicy: z
      .strictObject({
        MaximumEventAgeInSeconds: z.int().min(60).max(86_400).default(86_400),
        MaximumRetryAttempts: z.int().min(0).max(185).default(185),
      })
      .prefault({}),
  }),
  ActionAfterCompletion: z.enum(['NONE', 'DELETE']).default('NONE'),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  GroupName: z.literal('default').default('default'),
  Description: z.string().max(512).optional(),
  ClientToken: z.string().optional(),
});
export type ScheduleRequest = z.infer<typeof ScheduleRequest>;

export interface Schedule extends ScheduleRequest {
  readonly Name: string;
  readonly Arn: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Null when the zone skips that time: it never fires, as on AWS. */
  readonly fireAt: string | null;
  readonly firedAt: string | null;
}

export interface Schedules {
  /** Makes it, or puts it in the place of the one of its name. */
  put(name: string, request: ScheduleRequest, fireAt: Date | undefined): Schedule;
  find(name: string): Schedule | undefined;
  list(): Schedule[];
  remove(name: string): void;
  close(): void;
}

/** What a target's Input may ask of StartExecution; a universal target's parameters are in PascalCase. */
const StartInput = z.strictObject({ StateMachineArn: z.string(), Name: z.string().optional(), Input: z.string().optional() });

export interface SchedulesOptions {
  readonly folder: string;
  readonly clock: VirtualClock;
  readonly region: string;
  readonly accountId: string;
  /** As an asynchronous invocation: what the function answers is nobody's. */
  readonly invoke: (functionArn: string, payload: string) => void;
  /** @throws when the execution does not start. */
  readonly startExecution: (request: { readonly stateMachineArn: string; readonly name?: string | undefined; readonly input: string }) => void;
}

/** `at(yyyy-mm-ddThh:mm:ss)` as a moment; undefined when the zone skips it. */
export function fireTime({ ScheduleExpression, ScheduleExpressionTimezone }: ScheduleRequest): Date | undefined {
  const local = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(ScheduleExpression)?.[1];
  if (local === undefined) throw new RangeError(`Invalid Schedule Expression ${ScheduleExpression}.`);
  return zonedTime(local, ScheduleExpressionTimezone);
}

/** One-time schedules on disk; each fires when virtual time passes it, and never makes time jump by itself. */
export function openSchedules(options: SchedulesOptions): Schedules {
  const { folder, clock } = options;
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, `${name}.json`);
  const cancels = new Map<string, () => void>();
  const find = (name: string) => (existsSync(file(name)) ? (JSON.parse(readFileSync(file(name), 'utf8')) as Schedule) : undefined);
  const names = () => readdirSync(folder).flatMap((entry) => (entry.endsWith('.json') ? [entry.slice(0, -'.json'.length)] : []));

  function save(schedule: Schedule): Schedule {
    replaceFile(file(schedule.Name), JSON.stringify(schedule));
    return schedule;
  }

  function remove(name: string): void {
    cancels.get(name)?.();
    rmSync(file(name), { force: true });
  }

  function arm(schedule: Schedule): void {
    if (schedule.State === 'DISABLED' || schedule.fireAt === null || schedule.firedAt !== null) return;
    const fire = () => {
      // First, since what is called may make it again.
      if (schedule.ActionAfterCompletion === 'DELETE') remove(schedule.Name);
      else save({ ...schedule, firedAt: clock.now().toISOString() });
      const result = deliver(schedule, options);
      appendFileSync(join(folder, 'deliveries.jsonl'), `${JSON.stringify({ at: clock.now().toISOString(), schedule: schedule.Name, result })}\n`);
    };
    cancels.set(schedule.Name, clock.timer(new Date(schedule.fireAt), fire));
  }

  for (const name of names()) {
    const schedule = find(name);
    if (schedule !== undefined) arm(schedule);
  }
  return {
    put(Name, request, fireAt) {
      cancels.get(Name)?.();
      const Arn = `arn:aws:scheduler:${options.region}:${options.accountId}:schedule/default/${Name}`;
      const schedule = save({ ...request, Name, Arn, createdAt: clock.now().toISOString(), fireAt: fireAt?.toISOString() ?? null, firedAt: null });
      arm(schedule);
      return schedule;
    },
    find,
    list: () =>
      names()
        .sort()
        .flatMap((name) => find(name) ?? []),
    remove,
    close() {
      for (const cancel of cancels.values()) cancel();
    },
  };
}

/** What became of it: the delivery that AWS would retry until it is too old happens once here, since the target is in this process. */
function deliver(schedule: Schedule, { clock, startExecution, invoke }: SchedulesOptions): string {
  const scheduledFor = schedule.fireAt ?? '';
  const lateMs = clock.now().getTime() - Date.parse(scheduledFor);
  const { MaximumEventAgeInSeconds } = schedule.Target.RetryPolicy;
  if (lateMs > MaximumEventAgeInSeconds * 1000)
    return `dropped: ${Math.round(lateMs / 1000)} s late, at most ${MaximumEventAgeInSeconds} s are allowed`;
  const input = schedule.Target.Input.replaceAll('<aws.scheduler.scheduled-time>', scheduledFor.replace('.000Z', 'Z'))
    .replaceAll('<aws.scheduler.schedule-arn>', schedule.Arn)
    .replaceAll('<aws.scheduler.execution-id>', randomUUID())
    .replaceAll('<aws.scheduler.attempt-number>', '1');
  if (schedule.Target.Arn !== START_EXECUTION) {
    invoke(schedule.Target.Arn, input);
    return 'invoked';
  }
  try {
    const { StateMachineArn, Name, Input } = StartInput.parse(JSON.parse(input));
    startExecution({ stateMachineArn: StateMachineArn, name: Name, input: Input ?? '{}' });
    return 'started';
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : error}`;
  }
}
