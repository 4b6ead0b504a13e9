import { clusterStatus, findCluster, instanceStatus, secretArn, writerPort } from './clusters.ts';
import { RdsFault } from './fault.ts';
import { arnOf, type Plane } from './plane.ts';
import type { Parameters, Xml } from './query-protocol.ts';
import { CLUSTER_SETTINGS, INSTANCE_SETTINGS, settingsXml } from './settings.ts';
import { findSnapshot, snapshotStatus } from './snapshots.ts';
import type { Cluster, Instance, Snapshot, Tag } from './state.ts';

export const ENGINE = 'aurora-postgresql';

export interface Kind<Item> {
  readonly identifier: string;
  all(plane: Plane): readonly Item[];
  /** Throws the kind's own fault. */
  find(plane: Plane, id: string): Item;
  /** What a filter of that name compares with. */
  readonly filters: Readonly<Record<string, (plane: Plane, item: Item) => string>>;
}

export interface Member {
  readonly cluster: Cluster;
  readonly instance: Instance;
}

export const CLUSTERS: Kind<Cluster> = {
  identifier: 'DBClusterIdentifier',
  all: ({ state }) => state.clusters,
  find: findCluster,
  filters: { 'db-cluster-id': (_, { id }) => id, 'db-cluster-resource-id': (_, { resourceId }) => resourceId, engine: () => ENGINE },
};

export const INSTANCES: Kind<Member> = {
  identifier: 'DBInstanceIdentifier',
  all: ({ state }) => state.clusters.flatMap((cluster) => cluster.instances.map((instance) => ({ cluster, instance }))),
  find(plane, id) {
    const member = INSTANCES.all(plane).find(({ instance }) => instance.id === id);
    if (!member) throw new RdsFault('DBInstanceNotFoundFault', `DBInstance ${id} not found.`);
    return member;
  },
  filters: { 'db-cluster-id': (_, { cluster }) => cluster.id, 'db-instance-id': (_, { instance }) => instance.id, engine: () => ENGINE },
};

export const SNAPSHOTS: Kind<Snapshot> = {
  identifier: 'DBClusterSnapshotIdentifier',
  all: ({ state }) => state.snapshots,
  find: findSnapshot,
  filters: {
    'db-cluster-id': (_, { clusterId }) => clusterId,
    'db-cluster-snapshot-id': (_, { id }) => id,
    'snapshot-type': () => 'manual',
    engine: () => ENGINE,
  },
};

/** Identifiers and filter values may be ARNs. */
export function select<Item>(plane: Plane, parameters: Parameters, kind: Kind<Item>): readonly Item[] {
  const id = parameters.text(kind.identifier);
  let items = id === undefined ? kind.all(plane) : [kind.find(plane, nameOf(id))];
  const filters = new Map(parameters.filters());
  for (const [parameter, filter] of [
    ['DBClusterIdentifier', 'db-cluster-id'],
    ['SnapshotType', 'snapshot-type'],
  ] as const) {
    const value = parameters.text(parameter);
    if (value !== undefined && kind.identifier !== parameter) filters.set(filter, [value]);
  }
  for (const [name, values] of filters) {
    const read = kind.filters[name];
    if (!read)
      throw new RdsFault('InvalidParameterValue', `Unrecognized filter name: ${name}; this action has ${Object.keys(kind.filters).join(', ')}`);
    items = items.filter((item) => values.map(nameOf).includes(read(plane, item).toLowerCase()));
  }
  return items;
}

function nameOf(identifierOrArn: string): string {
  return identifierOrArn.slice(identifierOrArn.lastIndexOf(':') + 1).toLowerCase();
}

export function clusterXml(plane: Plane, cluster: Cluster) {
  const port = writerPort(plane, cluster);
  return {
    ...settingsXml(cluster.settings, CLUSTER_SETTINGS),
    DBClusterIdentifier: cluster.id,
    DBClusterArn: arnOf(plane, 'cluster', cluster.id),
    DbClusterResourceId: cluster.resourceId,
    Status: clusterStatus(plane, cluster),
    Engine: ENGINE,
    EngineMode: 'provisioned',
    EngineVersion: plane.source.engineVersion,
    DatabaseName: cluster.database,
    MasterUsername: cluster.user,
    MasterUserSecret: cluster.managesSecret ? { SecretArn: secretArn(plane, cluster), SecretStatus: 'active' } : undefined,
    Endpoint: plane.servers.get(cluster.resourceId)?.host,
    Port: port === 0 ? undefined : port,
    HttpEndpointEnabled: cluster.httpEndpointEnabled,
    ServerlessV2ScalingConfiguration: { MinCapacity: cluster.minCapacity, MaxCapacity: cluster.maxCapacity },
    ClusterCreateTime: cluster.createdAt,
    DBClusterMembers: {
      DBClusterMember: cluster.instances.map(({ id, settings }, index) => ({
        DBInstanceIdentifier: id,
        IsClusterWriter: index === 0,
        PromotionTier: [settings.PromotionTier ?? '1'].flat()[0],
      })),
    },
    TagList: tagsXml(cluster.tags),
  };
}

export function instanceXml(plane: Plane, { cluster, instance }: Member) {
  const port = writerPort(plane, cluster);
  return {
    ...settingsXml(instance.settings, INSTANCE_SETTINGS),
    DBInstanceIdentifier: instance.id,
    DBInstanceArn: arnOf(plane, 'db', instance.id),
    DBClusterIdentifier: cluster.id,
    DBInstanceClass: instance.instanceClass,
    DBInstanceStatus: instanceStatus(plane, cluster, instance),
    Engine: ENGINE,
    EngineVersion: plane.source.engineVersion,
    MasterUsername: cluster.user,
    DBName: cluster.database,
    Endpoint: port === 0 ? undefined : { Address: plane.servers.get(cluster.resourceId)?.host, Port: port },
    InstanceCreateTime: instance.createdAt,
    TagList: tagsXml(instance.tags),
  };
}

export function snapshotXml(plane: Plane, snapshot: Snapshot) {
  const { status, percent } = snapshotStatus(plane, snapshot);
  return {
    DBClusterSnapshotIdentifier: snapshot.id,
    DBClusterSnapshotArn: arnOf(plane, 'cluster-snapshot', snapshot.id),
    DBClusterIdentifier: snapshot.clusterId,
    DbClusterResourceId: snapshot.clusterResourceId,
    ClusterCreateTime: snapshot.clusterCreatedAt,
    SnapshotCreateTime: snapshot.createdAt,
    SnapshotType: 'manual',
    Status: status,
    PercentProgress: percent,
    Engine: ENGINE,
    EngineMode: 'provisioned',
    EngineVersion: plane.source.engineVersion,
    MasterUsername: snapshot.user,
    StorageEncrypted: false,
    TagList: tagsXml(snapshot.tags),
  };
}

function tagsXml(tags: readonly Tag[]): Xml {
  return { Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
}
