import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateDBClusterSnapshotCommand,
  CreateDBInstanceCommand,
  DeleteDBClusterCommand,
  DeleteDBInstanceCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  DisableHttpEndpointCommand,
  EnableHttpEndpointCommand,
  ModifyDBClusterCommand,
  ModifyDBInstanceCommand,
  RDSClient,
  RestoreDBClusterFromSnapshotCommand,
} from '@aws-sdk/client-rds';
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataApi } from '../../../local/data-api/server.ts';
import { type LocalCluster, type RdsFace, startRds } from '../../../local/rds/server.ts';

// One cluster, from its snapshot to the restored one under its name; the tests go on from one another.

const account = { region: 'eu-central-1', accountId: '000000000000' };
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
let aheadMs = 0;
const clock = { now: () => new Date(Date.now() + aheadMs) };
const pass = (seconds: number) => {
  aheadMs += seconds * 1000;
};

let folder: string;
let rds: RdsFace;
let cluster: LocalCluster;
let client: RDSClient;
let dataApi: { readonly url: string; close(): Promise<void> };
let data: RDSDataClient;

async function open(): Promise<void> {
  rds = await startRds({ folder, clock, ...account, clusterQuota: 2 });
  cluster = await rds.clusters.ensure({ id: 'crm', database: 'crm', managesSecret: false });
  client = new RDSClient({ endpoint: rds.url, region: account.region, maxAttempts: 1, credentials });
  dataApi = await startDataApi({ clusters: rds.clusters });
  data = new RDSDataClient({ endpoint: dataApi.url, region: account.region, maxAttempts: 1, credentials });
}

async function close(): Promise<void> {
  client.destroy();
  data.destroy();
  await dataApi.close();
  await rds.close();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepgate-restore-'));
  await open();
});
afterAll(async () => {
  await close();
  await rm(folder, { recursive: true });
});

async function described(id: string) {
  const { DBClusters } = await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: id }));
  return DBClusters?.[0];
}

async function instance(id: string) {
  const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
  return DBInstances?.[0];
}

/** By the Data API, as a function would. */
async function notes(arn: string): Promise<string | undefined> {
  const { records } = await data.send(
    new ExecuteStatementCommand({ resourceArn: arn, secretArn: cluster.secretArn, database: 'crm', sql: 'select string_agg(text, $$,$$) from note' }),
  );
  return records?.[0]?.[0]?.stringValue;
}

const arnOf = (id: string) => cluster.arn.replace(/[^:]+$/, id);
const rename = (from: string, to: string) =>
  client.send(new ModifyDBClusterCommand({ DBClusterIdentifier: from, NewDBClusterIdentifier: to, ApplyImmediately: true }));
const restore = (id: string, more: object = {}) =>
  client.send(
    new RestoreDBClusterFromSnapshotCommand({ DBClusterIdentifier: id, SnapshotIdentifier: 'before', Engine: 'aurora-postgresql', ...more }),
  );
const writer = { DBInstanceIdentifier: 'new-1', DBClusterIdentifier: 'new', DBInstanceClass: 'db.serverless', Engine: 'aurora-postgresql' };

test('a snapshot that is not there yet cannot be restored', async () => {
  const session = new Client({ connectionString: cluster.migratorUrl });
  await session.connect();
  await session.query(`create table note (text text); insert into note values ('before')`);
  await client.send(new CreateDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: 'before', DBClusterIdentifier: 'crm' }));
  await expect(restore('new')).rejects.toMatchObject({ name: 'InvalidDBClusterSnapshotStateFault' });
  pass(90);
  // An answer that is due waits for the copy.
  await described('crm');
  await session.query(`insert into note values ('after')`);
  await session.end();
  await expect(
    client.send(new RestoreDBClusterFromSnapshotCommand({ DBClusterIdentifier: 'new', SnapshotIdentifier: 'none', Engine: 'aurora-postgresql' })),
  ).rejects.toMatchObject({ name: 'DBClusterSnapshotNotFoundFault' });
});

test('a restored cluster has what the call gives and defaults for the rest: no instance, no HTTP endpoint, no secret', async () => {
  await restore('New', {
    DBClusterParameterGroupName: 'crm-parameters',
    VpcSecurityGroupIds: ['sg-1', 'sg-2'],
    EnableCloudwatchLogsExports: ['postgresql'],
    DeletionProtection: true,
    ServerlessV2ScalingConfiguration: { MinCapacity: 2, MaxCapacity: 16 },
    Tags: [{ Key: 'team', Value: 'crm' }],
  });
  expect(await described('new')).toMatchObject({
    Status: 'creating',
    DBClusterMembers: [],
    HttpEndpointEnabled: false,
    DBClusterParameterGroup: 'crm-parameters',
    DBSubnetGroup: 'default',
    VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-1' }, { VpcSecurityGroupId: 'sg-2' }],
    EnabledCloudwatchLogsExports: ['postgresql'],
    DeletionProtection: true,
    BackupRetentionPeriod: 1,
    IAMDatabaseAuthenticationEnabled: false,
    ServerlessV2ScalingConfiguration: { MinCapacity: 2, MaxCapacity: 16 },
    TagList: [{ Key: 'team', Value: 'crm' }],
  });
  expect((await described('new'))?.MasterUserSecret).toBeUndefined();
  expect((await described('new'))?.DbClusterResourceId).not.toBe((await described('crm'))?.DbClusterResourceId);
  await expect(restore('new')).rejects.toMatchObject({ name: 'DBClusterAlreadyExistsFault' });
  await expect(restore('third')).rejects.toMatchObject({ name: 'DBClusterQuotaExceededFault' });
});

test('an instance is made once the cluster is available, and the Data API answers once it is switched on', async () => {
  await expect(client.send(new CreateDBInstanceCommand(writer))).rejects.toMatchObject({ name: 'InvalidDBClusterStateFault' });
  pass(300);
  expect(await described('new')).toMatchObject({ Status: 'available' });
  await client.send(new CreateDBInstanceCommand({ ...writer, PromotionTier: 3, DBParameterGroupName: 'crm-instance' }));
  expect(await instance('new-1')).toMatchObject({ DBInstanceStatus: 'creating', PromotionTier: 3 });
  await expect(notes(arnOf('new'))).rejects.toMatchObject({ name: 'HttpEndpointNotEnabledException' });
  await client.send(new EnableHttpEndpointCommand({ ResourceArn: arnOf('new') }));
  await expect(notes(arnOf('new'))).rejects.toMatchObject({ name: 'DatabaseNotFoundException' });
  pass(90);
  expect(await instance('new-1')).toMatchObject({
    DBInstanceStatus: 'available',
    DBParameterGroups: [{ DBParameterGroupName: 'crm-instance' }],
  });
  expect(await notes(arnOf('new')), 'with the password of the snapshot').toBe('before');
  expect(await notes(cluster.arn)).toBe('before,after');
});

test('a name that is taken, and a cluster that is not available, cannot be had', async () => {
  await expect(rename('new', 'crm')).rejects.toMatchObject({ name: 'DBClusterAlreadyExistsFault' });
  await rename('crm', 'crm-before');
  await expect(rename('crm', 'other')).rejects.toMatchObject({ name: 'InvalidDBClusterStateFault' });
  await expect(client.send(new DisableHttpEndpointCommand({ ResourceArn: cluster.arn }))).rejects.toMatchObject({
    name: 'InvalidResourceStateFault',
  });
  expect(await described('crm')).toMatchObject({ Status: 'renaming' });
  pass(60);
  await expect(described('crm')).rejects.toMatchObject({ name: 'DBClusterNotFoundFault' });
  expect(await described('crm-before')).toMatchObject({ Status: 'available', HttpEndpointEnabled: true });
});

test('under another name the Data API answers after it was switched off and on again', async () => {
  await expect(notes(arnOf('crm-before'))).rejects.toMatchObject({ name: 'HttpEndpointNotEnabledException' });
  await client.send(new EnableHttpEndpointCommand({ ResourceArn: arnOf('crm-before') }));
  await expect(notes(arnOf('crm-before')), 'it never was off').rejects.toMatchObject({ name: 'HttpEndpointNotEnabledException' });
  await client.send(new DisableHttpEndpointCommand({ ResourceArn: arnOf('new') }));
  await rename('new', 'crm');
  pass(60);
  await client.send(new EnableHttpEndpointCommand({ ResourceArn: cluster.arn }));
  expect(await notes(cluster.arn)).toBe('before');
  await expect(client.send(new EnableHttpEndpointCommand({ ResourceArn: arnOf('new') }))).rejects.toMatchObject({ name: 'ResourceNotFoundFault' });
});

test('an instance takes its name while it restarts, and who was connected is not any more', async () => {
  const session = new Client({ connectionString: rds.clusters.byArn(arnOf('crm-before'))?.migratorUrl ?? '' });
  const ended = new Promise((resolve) => session.on('error', resolve));
  await session.connect();
  const change = { DBInstanceIdentifier: 'crm-writer', NewDBInstanceIdentifier: 'crm-before-1', ApplyImmediately: true };
  await client.send(new ModifyDBInstanceCommand(change));
  await expect(client.send(new ModifyDBInstanceCommand(change))).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
  await ended;
  pass(60);
  expect(await instance('crm-before-1')).toMatchObject({ DBInstanceStatus: 'available', DBClusterIdentifier: 'crm-before' });
  await expect(
    client.send(new ModifyDBInstanceCommand({ ...change, DBInstanceIdentifier: 'new-1', NewDBInstanceIdentifier: 'crm-before-1' })),
  ).rejects.toMatchObject({
    name: 'DBInstanceAlreadyExistsFault',
  });
});

test('names, settings and data outlive the engine, and the secret is that of the old cluster', async () => {
  const { secretArn, arn } = cluster;
  await close();
  await open();
  expect(cluster).toMatchObject({ secretArn, arn });
  expect(await notes(arn)).toBe('before');
  expect(await described('crm')).toMatchObject({ DBClusterParameterGroup: 'crm-parameters' });
});

test('a cluster goes after its instances, unless it is protected', async () => {
  const remove = (id: string) => client.send(new DeleteDBClusterCommand({ DBClusterIdentifier: id, SkipFinalSnapshot: true }));
  await expect(remove('crm-before')).rejects.toMatchObject({ name: 'InvalidDBClusterStateFault' });
  for (const id of ['crm-before-1', 'new-1']) await client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: id, SkipFinalSnapshot: true }));
  expect(await instance('new-1')).toMatchObject({ DBInstanceStatus: 'deleting' });
  pass(60);
  await expect(instance('new-1')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  await expect(remove('crm')).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  await remove('crm-before');
  pass(60);
  await expect(described('crm-before')).rejects.toMatchObject({ name: 'DBClusterNotFoundFault' });
  expect(await readdir(join(folder, 'clusters'))).toHaveLength(1);
});
