import {
  applyChanges,
  deleteCluster,
  deleteInstance,
  refuseUnavailable,
  refuseUnavailableInstance,
  renameCluster,
  renameInstance,
  switchEndpoint,
} from './changes.ts';
import { addCluster, addInstance, clusterStatus, findCluster } from './clusters.ts';
import { CLUSTERS, clusterXml, ENGINE, INSTANCES, instanceXml, SNAPSHOTS, select, snapshotXml } from './describe.ts';
import { RdsFault } from './fault.ts';
import { type Plane, save, settle } from './plane.ts';
import { type Parameters, readParameters, type Xml } from './query-protocol.ts';
import { restoreCluster } from './restores.ts';
import { CLUSTER_SETTINGS, INSTANCE_SETTINGS, settingsIn } from './settings.ts';
import { addSnapshot, deleteSnapshot, findSnapshot, snapshotStatus } from './snapshots.ts';

interface Action {
  /** Parameters that it takes; any other is refused. */
  readonly takes: readonly string[];
  run(plane: Plane, parameters: Parameters): Xml | Promise<Xml>;
}

const PAGES = ['Filters', 'MaxRecords'];
const CAPACITY = 'ServerlessV2ScalingConfiguration';
const CAPACITIES = [`${CAPACITY}.MinCapacity`, `${CAPACITY}.MaxCapacity`];
/** RDS takes them for a new cluster, a restored one, or both, as the service model says. */
const OF_CLUSTER = Object.keys(CLUSTER_SETTINGS);
const NOT_FOR_RESTORE = ['PreferredMaintenanceWindow'];
const CHANGED_ALONE = ['BackupRetentionPeriod', 'PreferredBackupWindow', 'PreferredMaintenanceWindow', 'DeletionProtection'];

const ACTIONS: Readonly<Record<string, Action>> = {
  CreateDBCluster: {
    takes: [
      'DBClusterIdentifier',
      'Engine',
      'EngineVersion',
      'DatabaseName',
      'MasterUsername',
      'ManageMasterUserPassword',
      'EnableHttpEndpoint',
      ...CAPACITIES,
      ...OF_CLUSTER,
      'Tags',
    ],
    run: createCluster,
  },
  RestoreDBClusterFromSnapshot: {
    takes: [
      'DBClusterIdentifier',
      'SnapshotIdentifier',
      'Engine',
      'EngineVersion',
      ...CAPACITIES,
      ...OF_CLUSTER.filter((name) => !NOT_FOR_RESTORE.includes(name)),
      'Tags',
    ],
    run: restore,
  },
  ModifyDBCluster: { takes: ['DBClusterIdentifier', 'NewDBClusterIdentifier', 'ApplyImmediately', ...CHANGED_ALONE], run: modifyCluster },
  DeleteDBCluster: {
    takes: ['DBClusterIdentifier', 'SkipFinalSnapshot'],
    run: async (plane, parameters) => {
      if (parameters.text('SkipFinalSnapshot') !== 'true')
        throw new RdsFault('NotImplemented', 'the local engine takes no final snapshot: give --skip-final-snapshot');
      return { DBCluster: clusterXml(plane, await deleteCluster(plane, parameters.identifier('DBClusterIdentifier'))) };
    },
  },
  EnableHttpEndpoint: { takes: ['ResourceArn'], run: (plane, parameters) => endpoint(plane, parameters, true) },
  DisableHttpEndpoint: { takes: ['ResourceArn'], run: (plane, parameters) => endpoint(plane, parameters, false) },
  DescribeDBClusters: {
    takes: ['DBClusterIdentifier', ...PAGES],
    run: (plane, parameters) => ({ DBClusters: { DBCluster: select(plane, parameters, CLUSTERS).map((cluster) => clusterXml(plane, cluster)) } }),
  },
  CreateDBInstance: {
    takes: ['DBInstanceIdentifier', 'DBClusterIdentifier', 'DBInstanceClass', 'Engine', ...Object.keys(INSTANCE_SETTINGS), 'Tags'],
    run: createInstance,
  },
  ModifyDBInstance: { takes: ['DBInstanceIdentifier', 'NewDBInstanceIdentifier', 'ApplyImmediately'], run: modifyInstance },
  DeleteDBInstance: {
    takes: ['DBInstanceIdentifier', 'SkipFinalSnapshot'],
    run: (plane, parameters) => {
      const member = INSTANCES.find(plane, parameters.identifier('DBInstanceIdentifier'));
      deleteInstance(plane, member);
      return { DBInstance: instanceXml(plane, member) };
    },
  },
  DescribeDBInstances: {
    takes: ['DBInstanceIdentifier', ...PAGES],
    run: (plane, parameters) => ({ DBInstances: { DBInstance: select(plane, parameters, INSTANCES).map((member) => instanceXml(plane, member)) } }),
  },
  CreateDBClusterSnapshot: { takes: ['DBClusterSnapshotIdentifier', 'DBClusterIdentifier', 'Tags'], run: createSnapshot },
  DescribeDBClusterSnapshots: {
    takes: ['DBClusterSnapshotIdentifier', 'DBClusterIdentifier', 'SnapshotType', ...PAGES],
    run: (plane, parameters) => ({
      DBClusterSnapshots: { DBClusterSnapshot: select(plane, parameters, SNAPSHOTS).map((snapshot) => snapshotXml(plane, snapshot)) },
    }),
  },
  DeleteDBClusterSnapshot: { takes: ['DBClusterSnapshotIdentifier'], run: removeSnapshot },
};

/** Runs one action of the RDS API. @throws {RdsFault} */
export async function runAction(plane: Plane, form: URLSearchParams): Promise<Xml> {
  const name = form.get('Action') ?? '';
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (!action) throw new RdsFault('NotImplemented', `rds ${name} is not part of the local engine; docs/parity.md lists what is`);
  if (plane.source.isFixed && !name.startsWith('Describe') && name !== 'CreateDBClusterSnapshot')
    throw new RdsFault('NotImplemented', `rds ${name} is not possible on a server that somebody else runs; docs/any-postgresql.md says what is`);
  applyChanges(plane);
  await settle(plane);
  return action.run(plane, readParameters(form, action.takes));
}

function createCluster(plane: Plane, parameters: Parameters): Xml {
  const id = newCluster(plane, parameters);
  if (parameters.text('ManageMasterUserPassword') !== 'true') {
    throw new RdsFault('InvalidParameterCombination', 'The local engine keeps a secret only for ManageMasterUserPassword; set it to true.');
  }
  const cluster = addCluster(plane, {
    id,
    database: parameters.text('DatabaseName') ?? 'postgres',
    user: parameters.required('MasterUsername'),
    httpEndpointEnabled: parameters.text('EnableHttpEndpoint') === 'true',
    ...capacityIn(parameters),
    settings: settingsIn(parameters, CLUSTER_SETTINGS),
    tags: parameters.tags(),
  });
  return { DBCluster: clusterXml(plane, cluster) };
}

function restore(plane: Plane, parameters: Parameters): Xml {
  const id = newCluster(plane, parameters);
  const snapshot = findSnapshot(plane, parameters.identifier('SnapshotIdentifier'));
  const settings = settingsIn(parameters, CLUSTER_SETTINGS);
  const cluster = restoreCluster(plane, snapshot, { id, ...capacityIn(parameters), settings, tags: parameters.tags() });
  return { DBCluster: clusterXml(plane, cluster) };
}

/** The name of a cluster that may be made. */
function newCluster(plane: Plane, parameters: Parameters): string {
  const id = parameters.identifier('DBClusterIdentifier');
  checkEngine(plane, parameters);
  const { clusters } = plane.state;
  if (clusters.some((cluster) => cluster.id === id)) throw new RdsFault('DBClusterAlreadyExistsFault', `DB Cluster ${id} already exists.`);
  if (clusters.length >= plane.options.clusterQuota)
    throw new RdsFault('DBClusterQuotaExceededFault', `Cannot create more than ${plane.options.clusterQuota} clusters.`);
  return id;
}

function capacityIn(parameters: Parameters): { readonly minCapacity: number; readonly maxCapacity: number } {
  const [least, most] = [Number(parameters.text(`${CAPACITY}.MinCapacity`) ?? 0.5), Number(parameters.text(`${CAPACITY}.MaxCapacity`) ?? 4)];
  if (!(least >= 0 && most >= 1 && least <= most && most <= 256))
    throw new RdsFault('InvalidParameterValue', `Invalid serverless v2 capacity: ${least} to ${most}.`);
  return { minCapacity: least, maxCapacity: most };
}

function modifyCluster(plane: Plane, parameters: Parameters): Xml {
  const cluster = findCluster(plane, parameters.identifier('DBClusterIdentifier'));
  refuseUnavailable(plane, cluster);
  Object.assign(cluster.settings, settingsIn(parameters, CLUSTER_SETTINGS));
  save(plane);
  if (parameters.text('NewDBClusterIdentifier') !== undefined) {
    atOnce(parameters);
    renameCluster(plane, cluster, parameters.identifier('NewDBClusterIdentifier'));
  }
  return { DBCluster: clusterXml(plane, cluster) };
}

function modifyInstance(plane: Plane, parameters: Parameters): Xml {
  const member = INSTANCES.find(plane, parameters.identifier('DBInstanceIdentifier'));
  refuseUnavailableInstance(plane, member);
  const to = parameters.identifier('NewDBInstanceIdentifier');
  atOnce(parameters);
  renameInstance(plane, member, to);
  return { DBInstance: instanceXml(plane, member) };
}

/** There is no maintenance window to wait for. */
function atOnce(parameters: Parameters): void {
  if (parameters.text('ApplyImmediately') !== 'true')
    throw new RdsFault('NotImplemented', 'the local engine has no maintenance window: set ApplyImmediately to true');
}

function endpoint(plane: Plane, parameters: Parameters, isOn: boolean): Xml {
  const arn = parameters.required('ResourceArn');
  switchEndpoint(plane, arn, isOn);
  return { ResourceArn: arn, HttpEndpointEnabled: isOn };
}

function createInstance(plane: Plane, parameters: Parameters): Xml {
  const id = parameters.identifier('DBInstanceIdentifier');
  checkEngine(plane, parameters);
  const cluster = findCluster(plane, parameters.identifier('DBClusterIdentifier'));
  if (plane.state.clusters.some(({ instances }) => instances.some((instance) => instance.id === id))) {
    throw new RdsFault('DBInstanceAlreadyExistsFault', `DB instance ${id} already exists.`);
  }
  if (cluster.restored !== undefined && clusterStatus(plane, cluster) === 'creating') refuseUnavailable(plane, cluster);
  const settings = settingsIn(parameters, INSTANCE_SETTINGS);
  const instance = addInstance(plane, cluster, { id, instanceClass: parameters.required('DBInstanceClass'), settings, tags: parameters.tags() });
  return { DBInstance: instanceXml(plane, { cluster, instance }) };
}

function createSnapshot(plane: Plane, parameters: Parameters): Xml {
  const id = parameters.identifier('DBClusterSnapshotIdentifier');
  const cluster = findCluster(plane, parameters.identifier('DBClusterIdentifier'));
  const { snapshots } = plane.state;
  if (snapshots.some((snapshot) => snapshot.id === id)) {
    throw new RdsFault(
      'DBClusterSnapshotAlreadyExistsFault',
      `Cannot create the cluster snapshot because one with the identifier ${id} already exists.`,
    );
  }
  if (snapshots.length >= plane.options.snapshotQuota) {
    throw new RdsFault('SnapshotQuotaExceededFault', `Cannot create more than ${plane.options.snapshotQuota} manual snapshots.`);
  }
  return { DBClusterSnapshot: snapshotXml(plane, addSnapshot(plane, cluster, { id, tags: parameters.tags() })) };
}

async function removeSnapshot(plane: Plane, parameters: Parameters): Promise<Xml> {
  const snapshot = findSnapshot(plane, parameters.identifier('DBClusterSnapshotIdentifier'));
  if (snapshotStatus(plane, snapshot).status === 'creating')
    throw new RdsFault('InvalidDBClusterSnapshotStateFault', `Snapshot ${snapshot.id} is being created.`);
  await deleteSnapshot(plane, snapshot);
  return { DBClusterSnapshot: { ...snapshotXml(plane, snapshot), Status: 'deleted' } };
}

function checkEngine({ source }: Plane, parameters: Parameters): void {
  const engine = parameters.required('Engine');
  if (engine !== ENGINE) throw new RdsFault('InvalidParameterValue', `The local engine has ${ENGINE} only; got ${engine}.`);
  const { engineVersion } = source;
  const version = parameters.text('EngineVersion') ?? engineVersion;
  if (version !== engineVersion)
    throw new RdsFault('InvalidParameterCombination', `Cannot find version ${version} for ${ENGINE}; the local engine has ${engineVersion}.`);
}
