import {
  ConflictException,
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import type { RunId } from '../core/ids.ts';
import { type DeadManCall, type DeadManPlace, deadManName } from '../core/run/dead-man.ts';
import { translateAwsError } from './aws-errors.ts';

/** A dead man's switch for a fence: one schedule for each run, which opens the second door unless it is moved or removed. */
export interface DeadMan {
  /** Makes it, or moves it; in whole seconds. */
  set(run: { readonly id: RunId; readonly executionArn: string }, at: Date): Promise<void>;
  /** Takes it away; where there is none, nothing. */
  remove(run: RunId): Promise<void>;
}

/** Late is better than never: EventBridge tries for a day, 185 times (EventBridge Scheduler, RetryPolicy). */
const PATIENCE = { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 } as const;

export function schedulerDeadMan(place: DeadManPlace, client: SchedulerClient): DeadMan {
  return {
    set: async (run, at) => {
      const schedule = scheduleOf(run, at, place);
      try {
        await client.send(new CreateScheduleCommand(schedule)).catch(async (error: unknown) => {
          if (!(error instanceof ConflictException)) throw error;
          await client.send(new UpdateScheduleCommand(schedule));
        });
      } catch (error) {
        throw translateAwsError(error, `setting schedule ${schedule.Name}`);
      }
    },
    remove: async (run) => {
      const Name = deadManName(run);
      try {
        await client.send(new DeleteScheduleCommand({ Name, GroupName: place.groupName }));
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw translateAwsError(error, `removing schedule ${Name}`);
      }
    },
  };
}

function scheduleOf(
  { id, executionArn }: { readonly id: RunId; readonly executionArn: string },
  at: Date,
  place: DeadManPlace,
): CreateScheduleCommandInput {
  const call: DeadManCall = { deadMan: { run: id, executionArn, at: '<aws.scheduler.scheduled-time>', place } };
  return {
    Name: deadManName(id),
    GroupName: place.groupName,
    Description: `Stepgate: looks whether run ${id}, which has a fence up, still lives`.slice(0, 512),
    ScheduleExpression: `at(${at.toISOString().slice(0, 19)})`,
    ScheduleExpressionTimezone: 'UTC',
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: {
      Arn: place.targetArn,
      RoleArn: place.roleArn,
      Input: JSON.stringify(call),
      RetryPolicy: PATIENCE,
      DeadLetterConfig: { Arn: place.deadLetterArn },
    },
  };
}
