import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RdsFault } from './fault.ts';
import { arnOf, inBackground, isDue, type Plane, save, timeIn } from './plane.ts';
import type { LocalCluster } from './server.ts';
import type { Cluster, Instance } from './state.ts';

/** Letters and digits, as in the endings of real secret names. */
const SECRET_ENDING_BYTES = 9;

/** A cluster's own; its data lie in `data` of it. */
export function clusterFolder({ options }: Plane, { id, folder }: Pick<Cluster, 'id' | 'folder'>): string {
  return join(options.folder, 'clusters', folder ?? id);
}

export function dataFolder(plane: Plane, cluster: Cluster): string {
  return join(clusterFolder(plane, cluster), 'data');
}

type Status = 'creating' | 'available' | 'failed' | 'renaming' | 'deleting';

export function clusterStatus(plane: Plane, cluster: Cluster): Status {
  if (cluster.change !== undefined) return changing(cluster.change);
  if (cluster.restored?.copy === 'failed') return 'failed';
  if (!isDue(plane, cluster) || cluster.restored?.copy === 'running') return 'creating';
  return cluster.instances.length === 0 || plane.servers.has(cluster.resourceId) || isStarting(plane, cluster) ? 'available' : 'failed';
}

export function instanceStatus(plane: Plane, cluster: Cluster, instance: Instance): Status {
  if (instance.change !== undefined) return changing(instance.change);
  if (!isDue(plane, instance) || isStarting(plane, cluster)) return 'creating';
  return plane.servers.has(cluster.resourceId) ? 'available' : 'failed';
}

function changing({ to }: NonNullable<Cluster['change']>): 'renaming' | 'deleting' {
  return to === null ? 'deleting' : 'renaming';
}

/** Of the writer; 0 until it is available. */
export function writerPort(plane: Plane, cluster: Cluster): number {
  const [writer] = cluster.instances;
  return writer && instanceStatus(plane, cluster, writer) === 'available' ? (plane.servers.get(cluster.resourceId)?.port ?? 0) : 0;
}

/** One that RDS does not manage is a migrator's own. */
export function secretArn({ options }: Plane, { secretName, managesSecret }: Pick<Cluster, 'secretName' | 'managesSecret'>): string {
  return `arn:aws:secretsmanager:${options.region}:${options.accountId}:secret:${managesSecret ? 'rds!cluster-' : 'migrator/'}${secretName}`;
}

export function findCluster({ state }: Plane, id: string): Cluster {
  const cluster = state.clusters.find((candidate) => candidate.id === id);
  if (!cluster) throw new RdsFault('DBClusterNotFoundFault', `DBCluster ${id} not found.`);
  return cluster;
}

type ClusterChoices = Pick<Cluster, 'id' | 'database' | 'user'> & Partial<Cluster>;

export function addCluster(plane: Plane, choices: ClusterChoices): Cluster {
  const resourceId = `cluster-${randomBytes(13).toString('hex').toUpperCase()}`;
  const isFolderTaken = plane.state.clusters.some(({ id, folder }) => (folder ?? id) === choices.id);
  const cluster: Cluster = {
    resourceId,
    ...(isFolderTaken ? { folder: resourceId } : {}),
    password: randomBytes(24).toString('hex'),
    secretName: `${randomUUID()}-${randomBytes(SECRET_ENDING_BYTES).toString('base64').replace(/\W/g, '').slice(0, 6).padEnd(6, 'A')}`,
    managesSecret: true,
    httpEndpointEnabled: true,
    settings: {},
    minCapacity: 0.5,
    maxCapacity: 4,
    createdAt: timeIn(plane, 0),
    availableAt: timeIn(plane, plane.options.delays.clusterMs),
    tags: [],
    instances: [],
    ...choices,
  };
  plane.state.clusters.push(cluster);
  save(plane);
  return cluster;
}

/** The first instance is the writer, and starts the server. */
export function addInstance(plane: Plane, cluster: Cluster, choices: Pick<Instance, 'id' | 'instanceClass' | 'tags' | 'settings'>): Instance {
  const instance = { ...choices, createdAt: timeIn(plane, 0), availableAt: timeIn(plane, plane.options.delays.instanceMs) };
  cluster.instances.push(instance);
  save(plane);
  // A failure shows as the instance's status.
  startCluster(plane, cluster).catch(() => undefined);
  return instance;
}

/** Starts the cluster's server unless it runs, and completes its roles and its database. */
export function startCluster(plane: Plane, cluster: Cluster): Promise<void> {
  return inBackground(plane, cluster.resourceId, () => openServer(plane, cluster));
}

/** Ends every session, as the restart does that comes with an instance's new name. */
export function restartCluster(plane: Plane, cluster: Cluster): Promise<void> {
  return inBackground(plane, cluster.resourceId, async () => {
    await stopServer(plane, cluster);
    await openServer(plane, cluster);
  });
}

/** A backend that has not noticed yet holds the dead server's shared memory, and with it the new one's start: 10 s of tries. */
const START_TRIES = 100;
const START_PAUSE_MS = 100;

/** @throws {RdsFault} when there is no such cluster. */
export async function crashCluster(plane: Plane, id: string): Promise<void> {
  const cluster = findCluster(plane, id);
  const server = plane.servers.get(cluster.resourceId);
  plane.servers.delete(cluster.resourceId);
  await server?.crash?.();
  for (let tries = START_TRIES; ; tries -= 1) {
    try {
      return await startCluster(plane, cluster);
    } catch (error) {
      if (tries === 1) throw error;
      await delay(START_PAUSE_MS);
    }
  }
}

export async function stopServer({ servers }: Plane, { resourceId }: Cluster): Promise<void> {
  const server = servers.get(resourceId);
  servers.delete(resourceId);
  await server?.stop();
}

async function openServer(plane: Plane, cluster: Cluster): Promise<void> {
  const server = plane.servers.get(cluster.resourceId) ?? (await plane.source.start(dataFolder(plane, cluster)));
  try {
    await server.complete(cluster);
    plane.servers.set(cluster.resourceId, server);
  } catch (error) {
    plane.servers.delete(cluster.resourceId);
    await server.stop();
    throw error;
  }
}

/** Made without a delay: what calls it waits for a cluster that can be used. */
export async function ensureCluster(
  plane: Plane,
  { id, database, managesSecret = true }: { readonly id: string; readonly database: string; readonly managesSecret?: boolean },
): Promise<LocalCluster> {
  const now = timeIn(plane, 0);
  const known = plane.state.clusters.find((cluster) => cluster.id === id);
  const cluster = known ?? addCluster(plane, { id, database, managesSecret, availableAt: now, ...plane.source.cluster });
  if (cluster.instances.length === 0)
    cluster.instances.push({ id: `${id}-writer`, instanceClass: 'db.serverless', createdAt: now, availableAt: now, tags: [], settings: {} });
  const isComplete = plane.servers.has(cluster.resourceId) && cluster.database === database && !isStarting(plane, cluster);
  Object.assign(cluster, plane.source.cluster, { database });
  save(plane);
  if (!isComplete) await startCluster(plane, cluster);
  return describeLocally(plane, cluster);
}

export function describeLocally(plane: Plane, cluster: Cluster): LocalCluster {
  const { id, httpEndpointEnabled, httpEndpointOf = id } = cluster;
  const server = plane.servers.get(cluster.resourceId);
  return {
    id,
    arn: arnOf(plane, 'cluster', id),
    status: clusterStatus(plane, cluster),
    httpEndpointEnabled: httpEndpointEnabled && httpEndpointOf === id,
    port: writerPort(plane, cluster),
    secretArn: secretArn(plane, cluster),
    credentials: (arn) => secretOf(plane, arn),
    connection: (database, user = cluster) => server?.connection(user, database),
    migratorUrl: server?.psqlUrl(cluster) ?? '',
  };
}

/** The Data API takes any cluster's secret for any cluster; whether the server does is another question. */
function secretOf(plane: Plane, arn: string): { user: string; password: string } | undefined {
  const owner = plane.state.clusters.find((cluster) => secretArn(plane, cluster) === arn);
  return owner && { user: owner.user, password: owner.password };
}

function isStarting(plane: Plane, { resourceId }: Cluster): boolean {
  return plane.work.has(resourceId);
}
