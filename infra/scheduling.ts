import { Arn, ArnFormat, Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { DeployedPlan } from './deployed-plans.ts';
import { type Grant, give } from './grant.ts';
import { type OneTimeSchedule, RETRY, scheduledStart } from './one-time-schedule.ts';

/** What a schedule needs, made once, for the stack's schedules and for those of the command line. */
export interface Scheduling {
  readonly groupName: string;
  readonly scheduleArns: string;
  readonly role: Role;
  readonly deadLetters: Queue;
}

/** Made before the functions, which are told of it; the rest of scheduling refers to the machine. */
export interface ScheduleGroup {
  readonly scope: Construct;
  readonly group: CfnScheduleGroup;
  /** At most 64 characters. */
  readonly groupName: string;
  readonly deadLetters: Queue;
}

export interface SchedulingProps {
  readonly workflow: StateMachine;
  readonly plans: readonly DeployedPlan[];
  readonly schedules: readonly OneTimeSchedule[];
}

export function makeScheduleGroup(parent: Construct, groupName: string): ScheduleGroup {
  const scope = new Construct(parent, 'Scheduling');
  const group = new CfnScheduleGroup(scope, 'Group', { name: groupName });
  const deadLetters = new Queue(scope, 'DeadLetters', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  Validations.of(deadLetters).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'it is the dead-letter queue, of schedules; the rule looks for those of queues only',
  });
  return { scope, group, groupName, deadLetters };
}

export function makeScheduling(made: ScheduleGroup, props: SchedulingProps): Scheduling {
  const { scope, groupName, deadLetters } = made;
  const role = makeScheduleRole(made, 'Role', {
    description: 'Stepgate: what a schedule may do, which is to start a run',
    grant: { actions: ['states:StartExecution'], resources: [props.workflow.stateMachineArn] },
  });
  for (const schedule of props.schedules) {
    makeSchedule(schedule, { ...made, ...props, role });
  }
  return { groupName, scheduleArns: schedulesOf(scope, groupName), role, deadLetters };
}

/** All schedules of the group whose names begin so. */
export function schedulesOf(scope: Construct, groupName: string, prefix = ''): string {
  return scheduleArn(scope, 'schedule', `${groupName}/${prefix}*`);
}

/** A role for schedules of the group, which may do one thing, given here or later, and tell the queue when that failed. */
export function makeScheduleRole(
  { scope, groupName, deadLetters }: ScheduleGroup,
  id: string,
  { description, grant }: { readonly description: string; readonly grant?: Grant },
): Role {
  const role = new Role(scope, id, {
    description,
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: {
        StringEquals: { 'aws:SourceAccount': Stack.of(scope).account, 'aws:SourceArn': scheduleArn(scope, 'schedule-group', groupName) },
      },
    }),
  });
  give(role, [...(grant === undefined ? [] : [grant]), { actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }]);
  return role;
}

function makeSchedule(
  schedule: OneTimeSchedule,
  { scope, workflow, plans, group, role, deadLetters }: ScheduleGroup & SchedulingProps & { readonly role: Role },
): void {
  refuseUnsigned(schedule, plans);
  const { name, expression, zone, input } = scheduledStart(schedule, workflow.stateMachineArn);
  const resource = new CfnSchedule(scope, name, {
    name,
    groupName: group.ref,
    description: `Stepgate: ${schedule.mode} of plan ${schedule.plan}`,
    scheduleExpression: expression,
    scheduleExpressionTimezone: zone,
    flexibleTimeWindow: { mode: 'OFF' },
    target: {
      // The templated target cannot name the execution, and a delivery may come twice.
      arn: `arn:${Aws.PARTITION}:scheduler:::aws-sdk:sfn:startExecution`,
      roleArn: role.roleArn,
      input,
      retryPolicy: RETRY,
      deadLetterConfig: { arn: deadLetters.queueArn },
    },
  });
  resource.node.addDependency(role);
}

/** A run from a schedule runs what was signed, or does not run. */
function refuseUnsigned({ plan, mode, at, digest }: OneTimeSchedule, plans: readonly DeployedPlan[]): void {
  const deployed = plans.find(({ id }) => id === plan);
  if (deployed === undefined) {
    throw new Error(
      `the schedule of ${mode} at ${at} names plan "${plan}", which this stack does not hold; it holds ${plans.map(({ id }) => id).join(', ')}`,
    );
  }
  if (deployed.digest !== digest) {
    throw new Error(
      `the schedule of ${mode} ${plan} at ${at} asks for digest ${digest}, but this stack deploys ${deployed.digest}; ` +
        'have the new digest signed, or remove the schedule',
    );
  }
}

function scheduleArn(scope: Construct, resource: string, resourceName: string): string {
  return Arn.format({ service: 'scheduler', resource, resourceName, arnFormat: ArnFormat.SLASH_RESOURCE_NAME }, Stack.of(scope));
}
