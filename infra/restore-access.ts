import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import type { DatabaseTarget } from './database-target.ts';
import type { Grant } from './grant.ts';
import { RUNS_OWN, rdsArn } from './rds-arn.ts';

/** Names that `restoreNames` gives. */
const RESTORED = 'stepgate-restored-*';
const KEPT = 'stepgate-before-*';

interface Restoring {
  readonly database: DatabaseTarget;
  readonly restore: RestorePolicy;
}

/** To make a cluster from a run's snapshot, under a name of its own; to change this cluster's name only where the stack swaps. */
export function restoreGrants(scope: Construct, { database, restore }: Restoring): readonly Grant[] {
  if (restore === 'none') return [];
  return [...prepareGrants(scope), ...(restore === 'swap' ? swapGrants(scope, database) : [])];
}

function prepareGrants(scope: Construct): readonly Grant[] {
  const because = 'a restored cluster is named after its run, and has the parameter and subnet groups of the old one';
  const [cluster, instance] = [rdsArn(scope, 'cluster', RESTORED), rdsArn(scope, 'db', RESTORED)];
  const groups = (...kinds: readonly string[]) => kinds.map((kind) => rdsArn(scope, kind, '*'));
  return [
    {
      actions: ['rds:RestoreDBClusterFromSnapshot'],
      resources: [cluster, rdsArn(scope, 'cluster-snapshot', RUNS_OWN), ...groups('cluster-pg', 'subgrp', 'og')],
      wildcardBecause: because,
    },
    { actions: ['rds:CreateDBInstance'], resources: [instance, cluster, ...groups('pg', 'subgrp', 'og')], wildcardBecause: because },
    { actions: ['rds:AddTagsToResource'], resources: [cluster, instance], wildcardBecause: because },
    { actions: ['rds:ModifyDBCluster', 'rds:EnableHttpEndpoint', 'rds:DisableHttpEndpoint'], resources: [cluster], wildcardBecause: because },
    {
      actions: ['rds-data:BeginTransaction', 'rds-data:ExecuteStatement', 'rds-data:RollbackTransaction'],
      resources: [cluster],
      wildcardBecause: because,
    },
    ...keyGrants(scope),
  ];
}

/** RDS opens a snapshot's key in the name of whoever restores it, and for nothing else (Aurora user guide, AWS KMS key management). */
function keyGrants(scope: Construct): readonly Grant[] {
  const throughRds = { StringEquals: { 'kms:ViaService': `rds.${Stack.of(scope).region}.amazonaws.com` } };
  const keys = Stack.of(scope).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
  const wildcardBecause = "a snapshot is encrypted by its cluster's key, which RDS alone may be let use";
  return [
    { actions: ['kms:DescribeKey'], resources: [keys], conditions: throughRds, wildcardBecause },
    {
      actions: ['kms:CreateGrant'],
      resources: [keys],
      conditions: { ...throughRds, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      wildcardBecause,
    },
  ];
}

function swapGrants(scope: Construct, database: DatabaseTarget): readonly Grant[] {
  const because = 'the old cluster and its instances are kept under names that end in the run';
  const instances = database.instanceNames.flatMap((name) => [name, `${name}-before-*`]);
  return [
    {
      actions: ['rds:ModifyDBCluster'],
      resources: [database.clusterArn, ...[`${database.clusterId}-before-*`, KEPT].map((name) => rdsArn(scope, 'cluster', name))],
      wildcardBecause: because,
    },
    { actions: ['rds:EnableHttpEndpoint', 'rds:DisableHttpEndpoint'], resources: [database.clusterArn] },
    {
      actions: ['rds:ModifyDBInstance'],
      resources: [RESTORED, KEPT, ...instances].map((name) => rdsArn(scope, 'db', name)),
      wildcardBecause: because,
    },
  ];
}
