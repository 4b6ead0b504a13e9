import { addCluster, addInstance, findCluster } from './clusters.ts';
import { CLUSTERS, clusterXml, ENGINE, INSTANCES, instanceXml, SNAPSHOTS, select, snapshotXml } from './describe.ts';
import { RdsFault } from './fault.ts';
import { type Plane, settle } from './plane.ts';
import { type Parameters, readParameters, type Xml } from './query-protocol.ts';
import { addSnapshot, deleteSnapshot, findSnapshot, snapshotStatus } from './snapshots.ts';

interface Action {
  /** Parameters that it takes; any other is refused. */
  readonly takes: readonly string[];
  run(plane: Plane, parameters: Parameters): Xml | Promise<Xml>;
}

const PAGES = ['Filters', 'MaxRecords'];
const CAPACITY = 'ServerlessV2ScalingConfiguration';

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
      `${CAPACITY}.MinCapacity`,
      `${CAPACITY}.MaxCapacity`,
      'Tags',
    ],
    run: createCluster,
  },
  DescribeDBClusters: {
    takes: ['DBClusterIdentifier', ...PAGES],
    run: (plane, parameters) => ({ DBClusters: { DBCluster: select(plane, parameters, CLUSTERS).map((cluster) => clusterXml(plane, cluster)) } }),
  },
  CreateDBInstance: { takes: ['DBInstanceIdentifier', 'DBClusterIdentifier', 'DBInstanceClass', 'Engine', 'Tags'], run: createInstance },
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
  await settle(plane);
  return action.run(plane, readParameters(form, action.takes));
}

function createCluster(plane: Plane, parameters: Parameters): Xml {
  const id = parameters.identifier('DBClusterIdentifier');
  checkEngine(plane, parameters);
  if (parameters.text('ManageMasterUserPassword') !== 'true') {
    throw new RdsFault('InvalidParameterCombination', 'The local engine keeps a secret only for ManageMasterUserPassword; set it to true.');
  }
  const [least, most] = [Number(parameters.text(`${CAPACITY}.MinCapacity`) ?? 0.5), Number(parameters.text(`${CAPACITY}.MaxCapacity`) ?? 4)];
  if (!(least >= 0 && most >= 1 && least <= most && most <= 256))
    throw new RdsFault('InvalidParameterValue', `Invalid serverless v2 capacity: ${least} to ${most}.`);
  if (plane.state.clusters.some((cluster) => cluster.id === id))
    throw new RdsFault('DBClusterAlreadyExistsFault', `DB Cluster ${id} already exists.`);
  const cluster = addCluster(plane, {
    id,
    database: parameters.text('DatabaseName') ?? 'postgres',
    user: parameters.required('MasterUsername'),
    httpEndpointEnabled: parameters.text('EnableHttpEndpoint') === 'true',
    minCapacity: least,
    maxCapacity: most,
    tags: parameters.tags(),
  });
  return { DBCluster: clusterXml(plane, cluster) };
}

function createInstance(plane: Plane, parameters: Parameters): Xml {
  const id = parameters.identifier('DBInstanceIdentifier');
  checkEngine(plane, parameters);
  const cluster = findCluster(plane, parameters.identifier('DBClusterIdentifier'));
  if (plane.state.clusters.some(({ instances }) => instances.some((instance) => instance.id === id))) {
    throw new RdsFault('DBInstanceAlreadyExistsFault', `DB instance ${id} already exists.`);
  }
  const instance = addInstance(plane, cluster, { id, instanceClass: parameters.required('DBInstanceClass'), tags: parameters.tags() });
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
