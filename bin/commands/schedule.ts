import { CreateScheduleCommand, DeleteScheduleCommand, ListSchedulesCommand, SchedulerServiceException } from '@aws-sdk/client-scheduler';
import { MODES, type Mode } from '../../core/run/mode.ts';
import { RETRY, type ScheduledStart, scheduledStart } from '../../infra/one-time-schedule.ts';
import { NoRunError } from '../no-run-error.ts';
import { type OpenEngine, openEngine, schedulerOf } from '../open-engine.ts';
import { loadPlan } from '../plans.ts';
import type { Shell } from '../shell.ts';

export interface ScheduleRequest {
  readonly plan: string | undefined;
  /** 2026-12-01T22:00 */
  readonly at: string;
  readonly zone: string;
  readonly mode: string;
  readonly json: boolean;
}

/** Makes a one-time start of a run, with the digest of the plan as it is now. */
export async function schedule(shell: Shell, { plan: name, at, zone, mode, json }: ScheduleRequest): Promise<number> {
  const loaded = await loadPlan(shell.plansFolder, name);
  const asked = { plan: loaded.plan.id, mode: knownMode(mode), at, zone, digest: loaded.digest };
  const engine = await openEngine(shell, [loaded]);
  try {
    const start = await refusing(() => scheduledStart(asked, engine.stack.stateMachineArn));
    await refusing(() => create(engine, start));
    if (json) shell.terminal.out(JSON.stringify({ name: start.name, ...asked }, null, 2));
    else shell.terminal.out(`${start.name}: ${asked.mode} of ${asked.plan} at ${at} in ${zone}, digest ${asked.digest.slice(0, 12)}…`);
    if (engine.isOurs) shell.terminal.say('a local schedule fires while an engine runs: keep "stepgate local up" running until then');
    return 0;
  } finally {
    await engine.close();
  }
}

/** Names the schedules that there are. */
export async function listSchedules(shell: Shell, { json }: { readonly json: boolean }): Promise<number> {
  const engine = await openEngine(shell, []);
  try {
    const { Schedules = [] } = await schedulerOf(engine).send(new ListSchedulesCommand({}));
    const names = Schedules.map(({ Name }) => Name ?? '');
    shell.terminal.out(json ? JSON.stringify(names, null, 2) : names.join('\n') || 'no schedules');
    return 0;
  } finally {
    await engine.close();
  }
}

export async function deleteSchedule(shell: Shell, name: string): Promise<number> {
  const engine = await openEngine(shell, []);
  try {
    await refusing(() => schedulerOf(engine).send(new DeleteScheduleCommand({ Name: name })));
    shell.terminal.out(`schedule ${name} is deleted`);
    return 0;
  } finally {
    await engine.close();
  }
}

/** Late is never: a start that misses its minute by more than five has lost its window. */
async function create(engine: OpenEngine, { name, expression, zone, input }: ScheduledStart): Promise<void> {
  await schedulerOf(engine).send(
    new CreateScheduleCommand({
      Name: name,
      ScheduleExpression: expression,
      ScheduleExpressionTimezone: zone,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: 'arn:aws:scheduler:::aws-sdk:sfn:startExecution',
        RoleArn: `arn:aws:iam::${engine.stack.accountId}:role/StepgateSchedules`,
        Input: input,
        RetryPolicy: { MaximumEventAgeInSeconds: RETRY.maximumEventAgeInSeconds, MaximumRetryAttempts: RETRY.maximumRetryAttempts },
      },
    }),
  );
}

function knownMode(mode: string): Mode {
  const known = MODES.find((one) => one === mode);
  if (known === undefined) throw new NoRunError(`mode "${mode}" is unknown; it is one of ${MODES.join(', ')}`);
  return known;
}

/** What the scheduler, or the rules of a time, say against it is the user's to correct. */
async function refusing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SchedulerServiceException && error.$fault === 'server') throw error;
    throw new NoRunError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
