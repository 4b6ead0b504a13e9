import {
  CreateDBInstanceCommand,
  type DBCluster,
  type DBInstance,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  DisableHttpEndpointCommand,
  EnableHttpEndpointCommand,
  ModifyDBClusterCommand,
  ModifyDBInstanceCommand,
  type RDSClient,
  RestoreDBClusterFromSnapshotCommand,
} from '@aws-sdk/client-rds';
import * as z from 'zod';
import type { Environment } from '../core/run/environment.ts';
import type { SeenCluster } from '../core/run/restore-step.ts';
import type { SwapFacts } from '../core/run/restore-wish.ts';
import type { ClusterSettings, InstanceSettings, RestoredInstance, RestoreWork } from '../core/run/restore-work.ts';
import { translateRdsError } from './rds-errors.ts';

/** A cluster with everything that a restored one has to be given again. */
export interface ClusterDetails {
  readonly arn: string;
  readonly resourceId: string;
  readonly settings: ClusterSettings;
  /** The writer first. */
  readonly instances: readonly { readonly id: string; readonly settings: InstanceSettings }[];
  /** Of the secret that RDS manages for it. */
  readonly managedSecretArn: string | null;
  /** What only a person can give a new cluster, or what a swap would tear: in words. */
  readonly ties: readonly string[];
}

type Tags = Readonly<Record<string, string>>;

/** Clusters by name, and what changes them; each call is one of RDS, and what is found done already is done. */
export interface Clusters {
  /** Null when there is none of this name. */
  see(id: string): Promise<SeenCluster | null>;
  /** @throws {ConfigurationError} when there is none of this name. */
  details(id: string): Promise<ClusterDetails>;
  restore(work: RestoreWork, tags: Tags): Promise<void>;
  createInstance(cluster: string, instance: RestoredInstance, tags: Tags): Promise<void>;
  setMaintenance(cluster: string, window: string): Promise<void>;
  switchEndpoint(arn: string, isOn: boolean): Promise<void>;
  renameCluster(from: string, to: string): Promise<void>;
  renameInstance(from: string, to: string): Promise<void>;
}

const InstanceNames = z.array(z.string());

/** What RDS and the stack's settings say against a swap; the database says the rest. */
export function swapFactsOf(
  { ties, managedSecretArn, instances }: ClusterDetails,
  environment: Pick<Environment, 'STEPGATE_SECRET_ARN' | 'STEPGATE_INSTANCES'>,
): Omit<SwapFacts, 'isAsked' | 'isFencedSince' | 'neighbours'> {
  return {
    ties,
    managedSecretArn,
    secretArn: environment.STEPGATE_SECRET_ARN,
    instances: instances.map(({ id }) => id),
    changeable: InstanceNames.parse(JSON.parse(environment.STEPGATE_INSTANCES)),
  };
}

const ENGINE = 'aurora-postgresql';

export function rdsClusters(client: RDSClient): Clusters {
  return {
    see: async (id) => {
      const cluster = await clusterOf(client, id);
      return cluster === null ? null : seen(cluster, await instancesOf(client, id));
    },
    details: async (id) => {
      const cluster = await clusterOf(client, id);
      if (cluster === null)
        throw translateRdsError(Object.assign(new Error(`there is no cluster ${id}`), { name: 'DBClusterNotFoundFault' }), 'reading the settings');
      return detailsOf(cluster, await instancesOf(client, id));
    },
    restore: (work, tags) =>
      done(`restoring snapshot ${work.snapshot}`, () => client.send(new RestoreDBClusterFromSnapshotCommand(restoreInput(work, tags)))),
    createInstance: (cluster, instance, tags) =>
      done(`creating instance ${instance.restored}`, () => client.send(new CreateDBInstanceCommand(instanceInput(cluster, instance, tags)))),
    setMaintenance: (cluster, window) =>
      done(`setting the maintenance window of ${cluster}`, () =>
        client.send(new ModifyDBClusterCommand({ DBClusterIdentifier: cluster, PreferredMaintenanceWindow: window, ApplyImmediately: true })),
      ),
    switchEndpoint: (arn, isOn) =>
      done(`switching the Data API of ${arn}`, async () => {
        await (isOn
          ? client.send(new EnableHttpEndpointCommand({ ResourceArn: arn }))
          : client.send(new DisableHttpEndpointCommand({ ResourceArn: arn })));
      }),
    renameCluster: (from, to) =>
      done(`renaming cluster ${from}`, () =>
        client.send(new ModifyDBClusterCommand({ DBClusterIdentifier: from, NewDBClusterIdentifier: to, ApplyImmediately: true })),
      ),
    renameInstance: (from, to) =>
      done(`renaming instance ${from}`, () =>
        client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: from, NewDBInstanceIdentifier: to, ApplyImmediately: true })),
      ),
  };
}

/** A second send finds its work done; whose work it was is read from the tags at the next visit. */
const DONE_ALREADY = new Set([
  'DBClusterAlreadyExistsFault',
  'DBInstanceAlreadyExistsFault',
  'DBClusterNotFoundFault',
  'DBInstanceNotFoundFault',
  'ResourceNotFoundFault',
]);

async function done(during: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Error && DONE_ALREADY.has(error.name)) return;
    throw translateRdsError(error, during);
  }
}

async function clusterOf(client: RDSClient, id: string): Promise<DBCluster | null> {
  try {
    const { DBClusters } = await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: id }));
    return DBClusters?.[0] ?? null;
  } catch (error) {
    if (error instanceof Error && error.name === 'DBClusterNotFoundFault') return null;
    throw translateRdsError(error, `describing cluster ${id}`);
  }
}

async function instancesOf(client: RDSClient, id: string): Promise<readonly DBInstance[]> {
  try {
    const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ Filters: [{ Name: 'db-cluster-id', Values: [id] }] }));
    return DBInstances ?? [];
  } catch (error) {
    throw translateRdsError(error, `describing the instances of ${id}`);
  }
}

function seen(cluster: DBCluster, instances: readonly DBInstance[]): SeenCluster {
  return {
    id: cluster.DBClusterIdentifier ?? '',
    arn: cluster.DBClusterArn ?? '',
    resourceId: cluster.DbClusterResourceId ?? '',
    status: cluster.Status ?? 'unknown',
    isEndpointOn: cluster.HttpEndpointEnabled ?? false,
    maintenanceWindow: cluster.PreferredMaintenanceWindow ?? null,
    run: cluster.TagList?.find(({ Key }) => Key === 'stepgate:run')?.Value ?? null,
    instances: instances.map((one) => ({ id: one.DBInstanceIdentifier ?? '', status: one.DBInstanceStatus ?? 'unknown' })),
  };
}

function detailsOf(cluster: DBCluster, instances: readonly DBInstance[]): ClusterDetails {
  const writer = cluster.DBClusterMembers?.find(({ IsClusterWriter }) => IsClusterWriter)?.DBInstanceIdentifier;
  const inOrder = instances.toSorted((a, b) => Number(b.DBInstanceIdentifier === writer) - Number(a.DBInstanceIdentifier === writer));
  return {
    arn: cluster.DBClusterArn ?? '',
    resourceId: cluster.DbClusterResourceId ?? '',
    settings: clusterSettings(cluster),
    instances: inOrder.map((one) => ({ id: one.DBInstanceIdentifier ?? '', settings: instanceSettings(one) })),
    managedSecretArn: cluster.MasterUserSecret?.SecretArn ?? null,
    ties: tiesOf(cluster, instances),
  };
}

function clusterSettings(cluster: DBCluster): ClusterSettings {
  const capacity = cluster.ServerlessV2ScalingConfiguration;
  return {
    engineVersion: cluster.EngineVersion ?? '',
    parameterGroup: cluster.DBClusterParameterGroup ?? null,
    subnetGroup: cluster.DBSubnetGroup ?? null,
    securityGroups: (cluster.VpcSecurityGroups ?? []).flatMap(({ VpcSecurityGroupId: id }) => (id === undefined ? [] : [id])),
    port: cluster.Port ?? null,
    kmsKeyId: cluster.KmsKeyId ?? null,
    storageType: cluster.StorageType ?? null,
    networkType: cluster.NetworkType ?? null,
    lifecycleSupport: cluster.EngineLifecycleSupport ?? null,
    backupDays: cluster.BackupRetentionPeriod ?? null,
    backupWindow: cluster.PreferredBackupWindow ?? null,
    maintenanceWindow: cluster.PreferredMaintenanceWindow ?? null,
    isProtected: cluster.DeletionProtection ?? false,
    copiesTags: cluster.CopyTagsToSnapshot ?? false,
    hasIamLogin: cluster.IAMDatabaseAuthenticationEnabled ?? false,
    logs: cluster.EnabledCloudwatchLogsExports ?? [],
    capacity:
      capacity?.MinCapacity === undefined || capacity.MaxCapacity === undefined
        ? null
        : { least: capacity.MinCapacity, most: capacity.MaxCapacity, pauseAfterSeconds: capacity.SecondsUntilAutoPause ?? null },
    tags: tagsOf(cluster.TagList),
  };
}

function instanceSettings(instance: DBInstance): InstanceSettings {
  return {
    class: instance.DBInstanceClass ?? '',
    parameterGroup: instance.DBParameterGroups?.[0]?.DBParameterGroupName ?? null,
    zone: instance.AvailabilityZone ?? null,
    promotionTier: instance.PromotionTier ?? null,
    isPublic: instance.PubliclyAccessible ?? false,
    upgradesItself: instance.AutoMinorVersionUpgrade ?? true,
    maintenanceWindow: instance.PreferredMaintenanceWindow ?? null,
    insights: instance.PerformanceInsightsEnabled
      ? { keyId: instance.PerformanceInsightsKMSKeyId ?? null, days: instance.PerformanceInsightsRetentionPeriod ?? null }
      : null,
    copiesTags: instance.CopyTagsToSnapshot ?? false,
    certificate: instance.CACertificateIdentifier ?? null,
    tags: tagsOf(instance.TagList),
  };
}

/** Nobody but AWS may set a tag that begins with `aws:`; ours are the run's own. */
function tagsOf(tags: DBCluster['TagList']): Record<string, string> {
  return Object.fromEntries((tags ?? []).flatMap(({ Key = '', Value = '' }) => (/^(aws|stepgate):/.test(Key) ? [] : [[Key, Value]])));
}

/** Roles need a right to pass them that nobody can name here; the rest no restore takes. */
function tiesOf(cluster: DBCluster, instances: readonly DBInstance[]): readonly string[] {
  const {
    AssociatedRoles = [],
    CustomEndpoints = [],
    GlobalClusterIdentifier: global,
    ReplicationSourceIdentifier: source,
    ReadReplicaIdentifiers = [],
  } = cluster;
  return [
    ...AssociatedRoles.map(({ RoleArn, FeatureName }) => `role ${RoleArn}${FeatureName ? ` for ${FeatureName}` : ''}`),
    ...CustomEndpoints.map((name) => `custom endpoint ${name}`),
    ...(global ? [`global database ${global}`] : []),
    ...(source ? [`replication from ${source}`] : []),
    ...ReadReplicaIdentifiers.map((name) => `replica ${name}`),
    ...(cluster.ActivityStreamStatus === 'started' ? ['activity stream'] : []),
    ...(cluster.DomainMemberships ?? []).map(({ Domain }) => `directory ${Domain}`),
    ...instances.flatMap(({ DBInstanceIdentifier: id, MonitoringInterval }) => (MonitoringInterval ? [`enhanced monitoring of ${id}`] : [])),
  ];
}

function restoreInput(
  { restored, snapshot, settings }: RestoreWork,
  tags: Tags,
): ConstructorParameters<typeof RestoreDBClusterFromSnapshotCommand>[0] {
  const { capacity } = settings;
  return {
    DBClusterIdentifier: restored,
    SnapshotIdentifier: snapshot,
    Engine: ENGINE,
    EngineVersion: settings.engineVersion,
    ...given({
      DBClusterParameterGroupName: settings.parameterGroup,
      DBSubnetGroupName: settings.subnetGroup,
      Port: settings.port,
      KmsKeyId: settings.kmsKeyId,
      StorageType: settings.storageType,
      NetworkType: settings.networkType,
      EngineLifecycleSupport: settings.lifecycleSupport,
      BackupRetentionPeriod: settings.backupDays,
      PreferredBackupWindow: settings.backupWindow,
    }),
    VpcSecurityGroupIds: settings.securityGroups,
    DeletionProtection: settings.isProtected,
    CopyTagsToSnapshot: settings.copiesTags,
    EnableIAMDatabaseAuthentication: settings.hasIamLogin,
    EnableCloudwatchLogsExports: settings.logs,
    ...(capacity === null
      ? {}
      : {
          ServerlessV2ScalingConfiguration: {
            MinCapacity: capacity.least,
            MaxCapacity: capacity.most,
            ...given({ SecondsUntilAutoPause: capacity.pauseAfterSeconds }),
          },
        }),
    Tags: tagList({ ...settings.tags, ...tags }),
  };
}

function instanceInput(
  cluster: string,
  { restored, settings }: RestoredInstance,
  tags: Tags,
): ConstructorParameters<typeof CreateDBInstanceCommand>[0] {
  const { insights } = settings;
  return {
    DBInstanceIdentifier: restored,
    DBClusterIdentifier: cluster,
    DBInstanceClass: settings.class,
    Engine: ENGINE,
    ...given({
      DBParameterGroupName: settings.parameterGroup,
      AvailabilityZone: settings.zone,
      PromotionTier: settings.promotionTier,
      PreferredMaintenanceWindow: settings.maintenanceWindow,
      CACertificateIdentifier: settings.certificate,
    }),
    PubliclyAccessible: settings.isPublic,
    AutoMinorVersionUpgrade: settings.upgradesItself,
    CopyTagsToSnapshot: settings.copiesTags,
    ...(insights === null
      ? {}
      : {
          EnablePerformanceInsights: true,
          ...given({ PerformanceInsightsKMSKeyId: insights.keyId, PerformanceInsightsRetentionPeriod: insights.days }),
        }),
    Tags: tagList({ ...settings.tags, ...tags }),
  };
}

/** Without what is not set. */
function given<Values extends Readonly<Record<string, unknown>>>(values: Values): { [Name in keyof Values]?: NonNullable<Values[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as { [Name in keyof Values]?: NonNullable<Values[Name]> };
}

function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
