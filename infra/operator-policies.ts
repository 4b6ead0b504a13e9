import { Stack } from 'aws-cdk-lib';
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledgeWildcards, type Grant, statement } from './grant.ts';
import type { Scheduling } from './scheduling.ts';
import type { Storage } from './storage.ts';

/** Managed policies to attach to the people's roles. */
export interface OperatorPolicies {
  readonly start: ManagedPolicy;
  readonly view: ManagedPolicy;
  readonly schedule: ManagedPolicy;
}

export interface OperatorPoliciesProps {
  readonly workflow: StateMachine;
  readonly executionArns: string;
  readonly storage: Storage;
  readonly scheduling: Scheduling;
}

export function makeOperatorPolicies(parent: Construct, props: OperatorPoliciesProps): OperatorPolicies {
  const scope = new Construct(parent, 'Policies');
  const view = viewGrants(scope, props);
  return {
    start: makePolicy(scope, 'Start', 'Stepgate: start, stop and follow runs', [...startGrants(props), ...view]),
    view: makePolicy(scope, 'View', 'Stepgate: follow runs and read their reports', view),
    schedule: makePolicy(scope, 'Schedule', 'Stepgate: schedule runs', scheduleGrants(props)),
  };
}

function makePolicy(scope: Construct, id: string, description: string, grants: readonly Grant[]): ManagedPolicy {
  const policy = new ManagedPolicy(scope, id, { description, statements: grants.map(statement) });
  for (const grant of grants) {
    acknowledgeWildcards(policy, grant);
  }
  return policy;
}

const ANY_RUN = 'an execution is named by whoever starts it';

function startGrants({ workflow, executionArns }: OperatorPoliciesProps): readonly Grant[] {
  return [
    { actions: ['states:StartExecution'], resources: [workflow.stateMachineArn] },
    { actions: ['states:StopExecution'], resources: [executionArns], wildcardBecause: ANY_RUN },
  ];
}

function viewGrants(scope: Construct, { workflow, executionArns, storage }: OperatorPoliciesProps): readonly Grant[] {
  const stack = Stack.of(scope);
  return [
    { actions: ['states:DescribeStateMachine', 'states:ListExecutions'], resources: [workflow.stateMachineArn] },
    { actions: ['states:DescribeExecution', 'states:GetExecutionHistory'], resources: [executionArns], wildcardBecause: ANY_RUN },
    { actions: ['s3:ListBucket'], resources: [storage.planBucket.bucketArn, storage.reportBucket.bucketArn] },
    {
      actions: ['s3:GetObject'],
      resources: [storage.planBucket.arnForObjects('plans/*'), storage.reportBucket.arnForObjects('runs/*')],
      wildcardBecause: 'every plan and every report of this stack, which hold no personal data',
    },
    {
      actions: ['kms:Decrypt'],
      resources: [storage.key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `s3.${stack.region}.amazonaws.com` } },
    },
    // The command line finds the stack's parts in its outputs.
    { actions: ['cloudformation:DescribeStacks'], resources: [stack.stackId] },
  ];
}

function scheduleGrants({ scheduling }: OperatorPoliciesProps): readonly Grant[] {
  return [
    {
      actions: ['scheduler:CreateSchedule', 'scheduler:DeleteSchedule', 'scheduler:GetSchedule', 'scheduler:UpdateSchedule'],
      resources: [scheduling.scheduleArns],
      wildcardBecause: "schedules of this stack's own group",
    },
    {
      actions: ['scheduler:ListSchedules'],
      resources: ['*'],
      // Scheduler asks for it on schedule/*/*, whichever group is listed (Service Authorization Reference; aws-cdk issue 38201).
      wildcardBecause: 'ListSchedules knows no narrower resource, and gives names and targets, no input',
    },
    {
      actions: ['iam:PassRole'],
      resources: [scheduling.role.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
    },
  ];
}
