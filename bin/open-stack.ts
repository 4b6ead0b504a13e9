import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { s3Journal } from '../adapters/journal-store.ts';
import { sqlSession } from '../adapters/sql-session.ts';
import { DeployedPlans } from '../core/run/run-input.ts';
import { commandAt } from '../core/run/run-place.ts';
import { PLANS_FOLDER } from './data-folder.ts';
import { NoRunError } from './no-run-error.ts';
import type { LoadedPlan } from './plans.ts';
import { stackArchive } from './run-archive.ts';
import { placeOf } from './run-place.ts';
import type { RunSite } from './run-site.ts';
import { type StackOutputs, stackOutputs } from './stack-outputs.ts';

/** A deployed stack, as the options name it. */
export interface StackChoice {
  readonly name: string;
  /** Which construct, where the stack holds several. */
  readonly construct?: string;
  /** As the AWS CLI takes them; without them the SDK looks into environment and configuration, as it does. */
  readonly profile?: string;
  readonly region?: string;
}

/** DescribeExecution and GetExecutionHistory refill by 15 and 20 a second for all of an account (Step Functions, quotas). */
const STACK_POLL_MS = 2_000;

/** Small answers of services that may be busy; the Data API is asked without a second try. */
const PATIENT = { maxAttempts: 4 };

/**
 * Finds a stack's parts in its outputs, and nowhere else.
 *
 * @throws {NoRunError} when there is no such stack, it may not be read, or it deploys another version of one of `plans`.
 */
export async function openStack(choice: StackChoice, plans: readonly LoadedPlan[], plansFolder = PLANS_FOLDER): Promise<RunSite> {
  const { name } = choice;
  const place = placeOf({ folder: '', plansFolder, stack: choice });
  const config = { ...(choice.profile !== undefined && { profile: choice.profile }), ...(choice.region !== undefined && { region: choice.region }) };
  const outputs = await describe(new CloudFormationClient({ ...config, ...PATIENT }), choice);
  refuseOtherDigests(outputs, { name, plans });
  const { StateMachineArn: stateMachineArn, ReportBucket: reportBucket } = outputs;
  const sfn = new SFNClient({ ...config, ...PATIENT });
  const s3 = new S3Client({ ...config, ...PATIENT });
  const journal = s3Journal(reportBucket, s3);
  return {
    sfn,
    stateMachineArn,
    archive: stackArchive({ where: `in stack ${name}`, stateMachineArn, reportBucket, sfn, s3 }),
    schedules: {
      client: new SchedulerClient({ ...config, ...PATIENT }),
      partition: stateMachineArn.split(':')[1] ?? 'aws',
      roleArn: outputs.SchedulerRoleArn,
      groupName: outputs.ScheduleGroupName,
      deadLetterArn: outputs.DeadLetterQueueArn,
    },
    readJournal: (run) => journal.readAll(run),
    session: sessionOf(outputs, new RDSDataClient({ ...config, maxAttempts: 1 })),
    pollMs: STACK_POLL_MS,
    outlives: `in stack ${name}`,
    isDeployed: true,
    pageOf: (run) => `s3://${reportBucket}/runs/${run}/report.md`,
    place,
    asTyped: (command) => commandAt(place, command),
    close: async () => {},
  };
}

async function describe(client: CloudFormationClient, { name, construct }: StackChoice): Promise<StackOutputs> {
  const answer = await client.send(new DescribeStacksCommand({ StackName: name })).catch((error: unknown) => {
    throw new NoRunError(`stack ${name} cannot be read: ${sayingOf(error)}; see --region, --profile and the name`, { cause: error });
  });
  return stackOutputs(answer.Stacks?.[0]?.Outputs ?? [], { stack: name, ...(construct !== undefined && { construct }) });
}

function sayingOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** A run of anything but what lies here would not be what was read. */
function refuseOtherDigests({ PlanDigests }: StackOutputs, { name, plans }: { readonly name: string; readonly plans: readonly LoadedPlan[] }): void {
  const deployed = DeployedPlans.parse(JSON.parse(PlanDigests));
  for (const { plan, digest } of plans) {
    const there = deployed[plan.id];
    if (there === undefined)
      throw new NoRunError(`stack ${name} has no plan ${plan.id}; it has ${Object.keys(deployed).join(', ')}. Deploy it: npx cdk deploy`);
    if (there !== digest)
      throw new NoRunError(
        `plan ${plan.id} is another one in stack ${name} than here: digest ${there} there, ${digest} here. ` +
          'Deploy this one: npx cdk deploy; or go to the commit that was deployed',
      );
  }
}

function sessionOf({ ClusterArn, SecretArn, DatabaseName }: StackOutputs, client: RDSDataClient): RunSite['session'] {
  if (ClusterArn === undefined || SecretArn === undefined || DatabaseName === undefined) return null;
  return sqlSession({ STEPGATE_CLUSTER_ARN: ClusterArn, STEPGATE_SECRET_ARN: SecretArn, STEPGATE_DATABASE: DatabaseName }, client);
}
