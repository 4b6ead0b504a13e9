import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateDBClusterCommand,
  CreateDBClusterSnapshotCommand,
  CreateDBInstanceCommand,
  DescribeDBClustersCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Clusters, rdsClusters } from '../../adapters/clusters.ts';
import { type RestoreWork, restoreNames } from '../../core/run/restore-work.ts';
import { type RdsFace, startRds } from '../../local/rds/server.ts';

// A cluster with every setting that the local face keeps, and a restored one beside it.

let folder: string;
let rds: RdsFace;
let client: RDSClient;
let clusters: Clusters;
let aheadMs = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepgate-clusters-'));
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  rds = await startRds({ folder, clock, region: 'us-east-1', accountId: '000000000000' });
  client = new RDSClient({ endpoint: rds.url, region: 'us-east-1', maxAttempts: 1, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } });
  clusters = rdsClusters(client);
  await client.send(
    new CreateDBClusterCommand({
      DBClusterIdentifier: 'crm',
      Engine: 'aurora-postgresql',
      MasterUsername: 'boss',
      ManageMasterUserPassword: true,
      DBClusterParameterGroupName: 'crm-parameters',
      DBSubnetGroupName: 'crm-subnets',
      VpcSecurityGroupIds: ['sg-1', 'sg-2'],
      KmsKeyId: 'arn:aws:kms:us-east-1:000000000000:key/1',
      StorageType: 'aurora-iopt1',
      NetworkType: 'DUAL',
      BackupRetentionPeriod: 21,
      PreferredBackupWindow: '01:00-01:30',
      PreferredMaintenanceWindow: 'sun:02:00-sun:02:30',
      DeletionProtection: true,
      CopyTagsToSnapshot: true,
      EnableIAMDatabaseAuthentication: true,
      EnableCloudwatchLogsExports: ['postgresql'],
      ServerlessV2ScalingConfiguration: { MinCapacity: 2, MaxCapacity: 16 },
      Tags: [
        { Key: 'team', Value: 'crm' },
        { Key: 'aws:cloudformation:stack-name', Value: 'Crm' },
      ],
    }),
  );
  await client.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: 'crm-1',
      DBClusterIdentifier: 'crm',
      DBInstanceClass: 'db.r8g.large',
      Engine: 'aurora-postgresql',
      DBParameterGroupName: 'crm-instances',
      AvailabilityZone: 'us-east-1c',
      PromotionTier: 0,
      PubliclyAccessible: false,
      AutoMinorVersionUpgrade: false,
      PreferredMaintenanceWindow: 'sun:03:00-sun:03:30',
      EnablePerformanceInsights: true,
      PerformanceInsightsRetentionPeriod: 93,
      CopyTagsToSnapshot: true,
      CACertificateIdentifier: 'rds-ca-ecc384-g1',
      Tags: [{ Key: 'team', Value: 'crm' }],
    }),
  );
  aheadMs += 200_000;
  await client.send(new DescribeDBClustersCommand({}));
  await client.send(new CreateDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: 'before', DBClusterIdentifier: 'crm' }));
  aheadMs += 200_000;
});
afterAll(async () => {
  client.destroy();
  await rds.close();
  await rm(folder, { recursive: true });
});

const TAGS = { 'stepgate:run': 'r1', 'stepgate:role': 'restored' };

async function work(): Promise<RestoreWork> {
  const { arn, resourceId, settings, instances, ties } = await clusters.details('crm');
  const names = restoreNames('crm', '0123456789abcdef');
  return {
    ...{ mode: 'swap', because: [], snapshot: 'before', base: 'r0', cluster: 'crm', clusterArn: arn, resourceId, settings },
    ...{ restored: names.restored, kept: names.kept, notRestored: [...ties] },
    instances: instances.map(({ id, settings: own }, index) => ({ name: id, ...names.instance(id, index + 1), settings: own })),
  };
}

test('every setting of a cluster and its instances is read and given again', async () => {
  const before = await work();
  for (const visit of [1, 2]) await clusters.restore(before, { ...TAGS, visit: String(visit) });
  aheadMs += 400_000;
  await client.send(new DescribeDBClustersCommand({}));
  await clusters.setMaintenance(before.restored, before.settings.maintenanceWindow ?? '');
  for (const instance of before.instances) for (const _ of [1, 2]) await clusters.createInstance(before.restored, instance, TAGS);
  const after = await clusters.details(before.restored);
  // The port of a local server is the system's, and the master's secret stays with the old cluster.
  expect(after.settings).toEqual({ ...before.settings, port: after.settings.port, tags: { team: 'crm', visit: '1' } });
  expect(after.instances.map(({ settings }) => settings)).toEqual(before.instances.map(({ settings }) => settings));
  expect(after.managedSecretArn).toBeNull();
  expect(await clusters.see(before.restored)).toMatchObject({ run: 'r1', isEndpointOn: false, maintenanceWindow: 'sun:02:00-sun:02:30' });
});

test('tags of AWS’s own are not given again, nor are those of runs', async () => {
  expect((await work()).settings.tags).toEqual({ team: 'crm' });
});

test('a cluster that is not there is null where it may be, and an error where it has to be', async () => {
  expect(await clusters.see('none')).toBeNull();
  await expect(clusters.details('none')).rejects.toMatchObject({ name: 'ConfigurationError' });
});

test('names that are given already are no errors', async () => {
  await clusters.renameCluster('none', 'other');
  await clusters.renameInstance('none', 'other');
  await clusters.switchEndpoint('arn:aws:rds:us-east-1:000000000000:cluster:none', true);
});
