import { Aws, Fn, type RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { give } from './grant.ts';
import { stateMachine } from './state-machine.asl.ts';
import type { TaskFunction } from './task-functions.ts';

export interface WorkflowProps {
  readonly stateMachineName: string;
  readonly functions: readonly TaskFunction[];
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The state machine; CloudFormation puts the functions' versions into the definition's placeholders. */
export function makeWorkflow(scope: Construct, { stateMachineName, functions, logRetention, removalPolicy }: WorkflowProps): StateMachine {
  return new StateMachine(scope, 'Resource', {
    stateMachineName,
    stateMachineType: StateMachineType.STANDARD,
    definitionBody: DefinitionBody.fromString(JSON.stringify(stateMachine)),
    definitionSubstitutions: Object.fromEntries(functions.map(({ name, version }) => [name, version.functionArn])),
    role: makeRole(scope, functions),
    // Names and times of states only: inputs and outputs would carry keys of rows into a log.
    logs: { destination: makeLogGroup(scope, stateMachineName, { logRetention, removalPolicy }), level: LogLevel.ALL, includeExecutionData: false },
    tracingEnabled: true,
  });
}

function makeRole(scope: Construct, functions: readonly TaskFunction[]): Role {
  const role = new Role(scope, 'WorkflowRole', {
    assumedBy: new ServicePrincipal('states.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } } }),
  });
  give(role, [
    {
      actions: ['lambda:InvokeFunction'],
      resources: functions.map(({ lambda }) => `${lambda.functionArn}:*`),
      wildcardBecause: 'an execution that runs while the stack is updated goes on invoking the versions it began with',
    },
  ]);
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'log delivery and X-Ray know no resources (Step Functions, Logging using CloudWatch Logs; Tracing with X-Ray)',
  });
  return role;
}

/**
 * The prefix keeps the account's log resource policy from growing with each machine (Step Functions, 5,120 characters);
 * the stack's own id keeps the name free when a retained group is left from an earlier stack of this name.
 */
function makeLogGroup(
  scope: Construct,
  stateMachineName: string,
  options: { readonly logRetention: RetentionDays; readonly removalPolicy: RemovalPolicy },
): LogGroup {
  const stackId = Fn.select(2, Fn.split('/', Aws.STACK_ID));
  return new LogGroup(scope, 'Logs', {
    logGroupName: `/aws/vendedlogs/states/${stateMachineName}-${stackId}`,
    retention: options.logRetention,
    removalPolicy: options.removalPolicy,
  });
}
