import { Stack } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { assertNever } from '../core/assert-never.ts';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import type { DatabaseTarget } from './database-target.ts';
import type { Access } from './functions.ts';
import type { Grant } from './grant.ts';
import { RUNS_OWN, rdsArn } from './rds-arn.ts';
import { restoreGrants } from './restore-access.ts';
import type { Storage } from './storage.ts';

/** What the functions work on. */
export interface Surroundings {
  readonly database: DatabaseTarget;
  readonly storage: Storage;
  readonly topic: ITopic;
  /** Made from the machine's name, not from the machine: the machine refers to the functions. */
  readonly executionArns: string;
  /** Made from the machine's name as well. */
  readonly stateMachineArn: string;
  readonly deadMan: DeadManAccess;
  readonly restore: RestorePolicy;
}

/** The dead man's schedules of this stack, and the role that they call the second door with. */
export interface DeadManAccess {
  readonly scheduleArns: string;
  readonly roleArn: string;
}

/** Every tag that a run sets begins so. */
const TAG_PREFIX = 'stepgate:';

/** The permissions behind one word of a function's list. */
export function grantsFor(
  scope: Construct,
  access: Access,
  { database, storage, topic, executionArns, stateMachineArn, deadMan, restore }: Surroundings,
): readonly Grant[] {
  switch (access) {
    case 'database':
      return databaseGrants(scope, database);
    case 'describe-cluster':
      return [describeGrant(scope, database)];
    case 'create-snapshot':
      return snapshotGrants(scope, database);
    case 'restore':
      return restoreGrants(scope, { database, restore });
    case 'read-plans':
      return [
        {
          actions: ['s3:GetObject'],
          resources: [storage.planBucket.arnForObjects('plans/*')],
          wildcardBecause: 'a plan is named by its digest, and a run reads the one it began with',
        },
        listGrant(storage.planBucket.bucketArn),
        keyGrant(scope, storage, ['kms:Decrypt']),
      ];
    case 'read-journal':
      return [
        {
          actions: ['s3:GetObject'],
          resources: [storage.reportBucket.arnForObjects('runs/*')],
          wildcardBecause: 'each run has its own folder, named after the execution',
        },
        listGrant(storage.reportBucket.bucketArn),
        keyGrant(scope, storage, ['kms:Decrypt']),
      ];
    case 'write-journal':
      return [
        {
          actions: ['s3:PutObject'],
          resources: [storage.reportBucket.arnForObjects('runs/*')],
          wildcardBecause: 'each run has its own folder, named after the execution',
        },
        keyGrant(scope, storage, ['kms:GenerateDataKey']),
      ];
    case 'describe-executions':
      return [
        {
          actions: ['states:DescribeExecution'],
          resources: [executionArns],
          wildcardBecause: 'the holder of the lock may be any run of this machine',
        },
      ];
    case 'start-executions':
      return [{ actions: ['states:StartExecution'], resources: [stateMachineArn] }];
    case 'set-dead-man':
      return deadManGrants(deadMan);
    case 'remove-dead-man':
      return [{ actions: ['scheduler:DeleteSchedule'], resources: [deadMan.scheduleArns], wildcardBecause: DEAD_MAN_NAME }];
    case 'publish':
      return [
        { actions: ['sns:Publish'], resources: [topic.topicArn] },
        { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [storage.key.keyArn] },
      ];
    default:
      return assertNever(access);
  }
}

const DEAD_MAN_NAME = "a dead man's schedule is named after its run";

function deadManGrants({ scheduleArns, roleArn }: DeadManAccess): readonly Grant[] {
  return [
    { actions: ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule'], resources: [scheduleArns], wildcardBecause: DEAD_MAN_NAME },
    { actions: ['iam:PassRole'], resources: [roleArn], conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } } },
  ];
}

/** With it, an object that is not there is a 404; without it, S3 answers 403 and the cause is hidden. */
function listGrant(bucketArn: string): Grant {
  return { actions: ['s3:ListBucket'], resources: [bucketArn] };
}

/** The key, but only through S3. */
function keyGrant(scope: Construct, storage: Storage, actions: readonly string[]): Grant {
  return {
    actions,
    resources: [storage.key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `s3.${Stack.of(scope).region}.amazonaws.com` } },
  };
}

function databaseGrants(scope: Construct, database: DatabaseTarget): readonly Grant[] {
  const throughSecretsManager = { StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(scope).region}.amazonaws.com` } };
  return [
    {
      actions: ['rds-data:BeginTransaction', 'rds-data:ExecuteStatement', 'rds-data:RollbackTransaction'],
      resources: [database.clusterArn],
    },
    { actions: ['secretsmanager:GetSecretValue'], resources: [database.secretArnPattern] },
    ...(database.secretKmsKeyArn === null
      ? []
      : [{ actions: ['kms:Decrypt'], resources: [database.secretKmsKeyArn], conditions: throughSecretsManager }]),
  ];
}

/** RDS holds calls with a filter against `db:*` and `cluster-snapshot:*`, so nothing narrower is accepted. */
function describeGrant(scope: Construct, database: DatabaseTarget): Grant {
  return {
    actions: ['rds:DescribeDBClusters', 'rds:DescribeDBClusterSnapshots', 'rds:DescribeDBInstances'],
    resources: [database.clusterArn, rdsArn(scope, 'cluster-snapshot', '*'), rdsArn(scope, 'db', '*')],
    wildcardBecause: 'RDS holds a Describe call with a filter against every resource of its kind; it reads settings, never data',
  };
}

/** A snapshot of this cluster, under our prefix; the tags that it gets are ours alone, so that nobody's else can be overwritten. */
function snapshotGrants(scope: Construct, database: DatabaseTarget): readonly Grant[] {
  const snapshots = rdsArn(scope, 'cluster-snapshot', RUNS_OWN);
  const because = "a snapshot's name ends in its run's";
  return [
    { actions: ['rds:CreateDBClusterSnapshot'], resources: [database.clusterArn, snapshots], wildcardBecause: because },
    {
      actions: ['rds:AddTagsToResource'],
      resources: [snapshots],
      conditions: { 'ForAllValues:StringLike': { 'aws:TagKeys': [`${TAG_PREFIX}*`] } },
      wildcardBecause: because,
    },
  ];
}
