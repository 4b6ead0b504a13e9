import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  paginateListSchedules,
  ResourceNotFoundException,
  SchedulerServiceException,
} from '@aws-sdk/client-scheduler';
import { MODES, type Mode } from '../../core/run/mode.ts';
import { RETRY, type ScheduledStart, scheduledStart } from '../../infra/one-time-schedule.ts';
import { NoRunError } from '../no-run-error.ts';
import { openEngine } from '../open-engine.ts';
import { openStack } from '../open-stack.ts';
import { type LoadedPlan, loadPlan } from '../plans.ts';
import { engineSite, type RunSite } from '../run-site.ts';
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
  return withSite(shell, [loaded], async (site) => {
    const start = await refusing(() => scheduledStart(asked, site.stateMachineArn));
    await refusing(() => create(site, start));
    if (json) shell.terminal.out(JSON.stringify({ name: start.name, ...asked }, null, 2));
    else shell.terminal.out(`${start.name}: ${asked.mode} of ${asked.plan} at ${at} in ${zone}, digest ${asked.digest.slice(0, 12)}…`);
    if (site.outlives === null) shell.terminal.say('a local schedule fires while an engine runs: keep "stepgate local up" running until then');
  });
}

/** Names the schedules that there are. */
export async function listSchedules(shell: Shell, { json }: { readonly json: boolean }): Promise<number> {
  return withSite(shell, [], async ({ schedules: { client, groupName } }) => {
    const names: string[] = [];
    const pages = paginateListSchedules({ client }, { ...(groupName !== undefined && { GroupName: groupName }) });
    await refusing(async () => {
      for await (const { Schedules = [] } of pages) names.push(...Schedules.map(({ Name }) => Name ?? ''));
    });
    shell.terminal.out(json ? JSON.stringify(names, null, 2) : names.join('\n') || 'no schedules');
  });
}

export async function deleteSchedule(shell: Shell, { name, json }: { readonly name: string; readonly json: boolean }): Promise<number> {
  return withSite(shell, [], async ({ schedules: { client, groupName } }) => {
    const asked = new DeleteScheduleCommand({ Name: name, ...(groupName !== undefined && { GroupName: groupName }) });
    await refusing(() => client.send(asked)).catch((error: unknown) => {
      if (!(error instanceof NoRunError) || !(error.cause instanceof ResourceNotFoundException)) throw error;
      throw new NoRunError(`there is no schedule "${name}"; "stepgate schedule --list" names those that there are`, { cause: error });
    });
    shell.terminal.out(json ? JSON.stringify({ deleted: name }, null, 2) : `schedule ${name} is deleted`);
  });
}

async function withSite(shell: Shell, plans: readonly LoadedPlan[], work: (site: RunSite) => Promise<void>): Promise<number> {
  const site = shell.stack === undefined ? engineSite(await openEngine(shell, plans), shell) : await openStack(shell.stack, plans, shell.plansFolder);
  try {
    await work(site);
    return 0;
  } finally {
    await site.close();
  }
}

/** Late is never: a start that misses its minute by more than five has lost its window. */
async function create({ schedules }: RunSite, { name, expression, zone, input }: ScheduledStart): Promise<void> {
  const { client, partition, roleArn, groupName, deadLetterArn } = schedules;
  await client.send(
    new CreateScheduleCommand({
      Name: name,
      ...(groupName !== undefined && { GroupName: groupName }),
      ScheduleExpression: expression,
      ScheduleExpressionTimezone: zone,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: `arn:${partition}:scheduler:::aws-sdk:sfn:startExecution`,
        RoleArn: roleArn,
        Input: input,
        RetryPolicy: { MaximumEventAgeInSeconds: RETRY.maximumEventAgeInSeconds, MaximumRetryAttempts: RETRY.maximumRetryAttempts },
        ...(deadLetterArn !== undefined && { DeadLetterConfig: { Arn: deadLetterArn } }),
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
