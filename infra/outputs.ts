import { CfnOutput, Fn, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * What a stack tells about itself. An output's key in CloudFormation is the construct's id followed by one of these,
 * so that a reader of outputs finds them by their end.
 */
export const OUTPUTS = {
  StateMachineArn: 'the state machine',
  ConsoleLink: 'where to start and follow runs',
  Input: 'what to paste as input, a line per plan',
  PlanDigests: 'the digest of each plan that is deployed',
  ReportBucket: 'reports and journals: runs/<run>/',
  PlanBucket: 'compiled plans: plans/<digest>.json',
  ClusterArn: 'the cluster whose database plans change',
  SecretArn: 'the secret that runs use it with',
  DatabaseName: 'the database that plans change',
  TopicArn: 'outcomes and alarms; subscribe to it',
  StartPolicyArn: 'attach it to roles that may start and stop runs',
  ViewPolicyArn: 'attach it to roles that may follow runs',
  SchedulePolicyArn: 'attach it to roles that may schedule runs',
  ScheduleGroupName: 'the group that holds all schedules of runs',
  SchedulerRoleArn: 'the role that a schedule starts a run with',
  DeadLetterQueueArn: 'starts that did not succeed',
} as const;

export type OutputName = keyof typeof OUTPUTS;

export function makeOutputs(scope: Construct, values: Readonly<Record<OutputName, string>>): void {
  for (const [name, description] of Object.entries(OUTPUTS) as [OutputName, string][]) {
    const output = new CfnOutput(scope, name, { value: values[name], description });
    output.overrideLogicalId(`${outputPrefix(scope)}${name}`);
  }
}

/** What the keys of a construct's outputs begin with; `--stack NAME/PREFIX` names it. */
export function outputPrefix(scope: Construct): string {
  return scope.node.id.replaceAll(/[^A-Za-z0-9]/g, '');
}

/** The state machine's page. */
export function consoleLink(scope: Construct, stateMachineArn: string): string {
  const { region } = Stack.of(scope);
  return Fn.join('', ['https://', region, '.console.aws.amazon.com/states/home?region=', region, '#/statemachines/view/', stateMachineArn]);
}

/** A dry run of each plan: the safest thing to paste. */
export function inputLines(plans: readonly { readonly id: string }[]): string {
  return plans.map(({ id }) => `{ "plan": "${id}", "mode": "dry-run" }`).join('\n');
}
