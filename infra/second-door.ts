import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { DEAD_MAN_PREFIX, type DeadManPlace } from '../core/run/dead-man.ts';
import type { DeadManAccess } from './function-access.ts';
import { give } from './grant.ts';
import { makeScheduleRole, type ScheduleGroup, schedulesOf } from './scheduling.ts';
import { makeFunction, type TaskFunctionsProps } from './task-functions.ts';

/** What sees to runs whose execution died: a function, and the rule that calls it. */
export interface SecondDoor {
  readonly scope: Construct;
  readonly lambda: NodejsFunction;
  readonly deadMan: DeadManAccess;
  readonly schedules: ScheduleGroup;
  /** What a function has to know that sets a dead man's schedule. */
  readonly deadManPlace: DeadManPlace;
}

export interface SecondDoorProps extends Omit<TaskFunctionsProps, 'deadMan'> {
  readonly schedules: ScheduleGroup;
}

/** How an execution ends without having said an outcome; Fail states end so too, and their runs are left alone. */
const ENDED_BADLY = ['FAILED', 'TIMED_OUT', 'ABORTED'];

/** The function alone: the machine's own functions are told of it before there is a machine. */
export function makeSecondDoor(parent: Construct, { schedules, ...props }: SecondDoorProps): SecondDoor {
  const scope = new Construct(parent, 'SecondDoor');
  const role = makeScheduleRole(schedules, 'DeadManRole', {
    description: "Stepgate: what a dead man's schedule may do, which is to open the second door",
  });
  const deadMan = { scheduleArns: schedulesOf(schedules.scope, schedules.groupName, DEAD_MAN_PREFIX), roleArn: role.roleArn };
  const lambda = makeFunction(scope, 'SettleRun', { ...props, deadMan });
  give(role, [{ actions: ['lambda:InvokeFunction'], resources: [lambda.functionArn] }]);
  // Late is better than never: unlike a start, this has no window.
  lambda.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.hours(6), onFailure: new SqsDestination(schedules.deadLetters) });
  const { groupName, deadLetters } = schedules;
  const deadManPlace = { groupName, targetArn: lambda.functionArn, roleArn: role.roleArn, deadLetterArn: deadLetters.queueArn };
  return { scope, lambda, schedules, deadMan, deadManPlace };
}

/** Lets the end of every execution of the machine call it. */
export function openSecondDoor({ scope, lambda, schedules }: SecondDoor, workflow: StateMachine): void {
  new Rule(scope, 'ExecutionEnded', {
    description: 'Stepgate: an execution ended without success, and its run may have to be settled',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: { status: ENDED_BADLY, stateMachineArn: [workflow.stateMachineArn] },
    },
    targets: [new LambdaFunction(lambda, { retryAttempts: 185, maxEventAge: Duration.hours(24), deadLetterQueue: schedules.deadLetters })],
  });
}
