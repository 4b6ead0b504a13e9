import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RdsFault } from './fault.ts';
import { arnOf, inBackground, isDue, type Plane, save, timeIn } from './plane.ts';
import type { LocalCluster } from './server.ts';
import type { Cluster, Instance, Tag } from './state.ts';

/** Letters and digits, as in the endings of real secret names. */
const SECRET_ENDING_BYTES = 9;

export function dataFolder({ options }: Plane, clusterId: string): string {
  return join(options.folder, 'clusters', clusterId, 'data');
}

export function clusterStatus(plane: Plane, cluster: Cluster): 'creating' | 'available' | 'failed' {
  if (!isDue(plane, cluster)) return 'creating';
  return cluster.instances.length === 0 || plane.servers.has(cluster.id) || isStarting(plane, cluster) ? 'available' : 'failed';
}

export function instanceStatus(plane: Plane, cluster: Cluster, instance: Instance): 'creating' | 'available' | 'failed' {
  if (!isDue(plane, instance) || isStarting(plane, cluster)) return 'creating';
  return plane.servers.has(cluster.id) ? 'available' : 'failed';
}

/** Of the writer; 0 until it is available. */
export function writerPort(plane: Plane, cluster: Cluster): number {
  const [writer] = cluster.instances;
  return writer && instanceStatus(plane, cluster, writer) === 'available' ? (plane.servers.get(cluster.id)?.port ?? 0) : 0;
}

export function secretArn({ options }: Plane, { secretName }: Cluster): string {
  return `arn:aws:secretsmanager:${options.region}:${options.accountId}:secret:rds!cluster-${secretName}`;
}

export function findCluster({ state }: Plane, id: string): Cluster {
  const cluster = state.clusters.find((candidate) => candidate.id === id);
  if (!cluster) throw new RdsFault('DBClusterNotFoundFault', `DBCluster ${id} not found.`);
  return cluster;
}

type ClusterChoices = Pick<Cluster, 'id' | 'database' | 'user'> & Partial<Cluster>;

export function addCluster(plane: Plane, choices: ClusterChoices): Cluster {
  const cluster: Cluster = {
    resourceId: `cluster-${randomBytes(13).toString('hex').toUpperCase()}`,
    password: randomBytes(24).toString('hex'),
    secretName: `${randomUUID()}-${randomBytes(SECRET_ENDING_BYTES).toString('base64').replace(/\W/g, '').slice(0, 6).padEnd(6, 'A')}`,
    httpEndpointEnabled: true,
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
export function addInstance(plane: Plane, cluster: Cluster, choices: { id: string; instanceClass: string; tags: Tag[] }): Instance {
  const instance = { ...choices, createdAt: timeIn(plane, 0), availableAt: timeIn(plane, plane.options.delays.instanceMs) };
  cluster.instances.push(instance);
  save(plane);
  // A failure shows as the instance's status.
  startCluster(plane, cluster).catch(() => undefined);
  return instance;
}

/** Starts the cluster's server unless it runs, and completes its roles and its database. */
export function startCluster(plane: Plane, cluster: Cluster): Promise<void> {
  return inBackground(plane, arnOf(plane, 'cluster', cluster.id), async () => {
    const server = plane.servers.get(cluster.id) ?? (await plane.source.start(dataFolder(plane, cluster.id)));
    try {
      await server.complete(cluster);
      plane.servers.set(cluster.id, server);
    } catch (error) {
      plane.servers.delete(cluster.id);
      await server.stop();
      throw error;
    }
  });
}

/** A backend that has not noticed yet holds the dead server's shared memory, and with it the new one's start: 10 s of tries. */
const START_TRIES = 100;
const START_PAUSE_MS = 100;

/** @throws {RdsFault} when there is no such cluster. */
export async function crashCluster(plane: Plane, id: string): Promise<void> {
  const cluster = findCluster(plane, id);
  const server = plane.servers.get(id);
  plane.servers.delete(id);
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

/** Made without a delay: what calls it waits for a cluster that can be used. */
export async function ensureCluster(plane: Plane, { id, database }: { readonly id: string; readonly database: string }): Promise<LocalCluster> {
  const now = timeIn(plane, 0);
  const known = plane.state.clusters.find((cluster) => cluster.id === id);
  const cluster = known ?? addCluster(plane, { id, database, availableAt: now, ...plane.source.cluster });
  if (cluster.instances.length === 0)
    cluster.instances.push({ id: `${id}-writer`, instanceClass: 'db.serverless', createdAt: now, availableAt: now, tags: [] });
  const isComplete = plane.servers.has(id) && cluster.database === database && !isStarting(plane, cluster);
  Object.assign(cluster, plane.source.cluster, { database });
  save(plane);
  if (!isComplete) await startCluster(plane, cluster);
  return describeLocally(plane, cluster);
}

export function describeLocally(plane: Plane, cluster: Cluster): LocalCluster {
  const [ownSecret, port] = [secretArn(plane, cluster), writerPort(plane, cluster)];
  const { id, user, password } = cluster;
  const server = plane.servers.get(id);
  return {
    id,
    arn: arnOf(plane, 'cluster', id),
    status: clusterStatus(plane, cluster),
    httpEndpointEnabled: cluster.httpEndpointEnabled,
    port,
    secretArn: ownSecret,
    credentials: (arn) => (arn === ownSecret ? { user, password } : undefined),
    connection: (database) => server?.connection(cluster, database),
    migratorUrl: server?.psqlUrl(cluster) ?? '',
  };
}

function isStarting(plane: Plane, { id }: Cluster): boolean {
  return plane.work.has(arnOf(plane, 'cluster', id));
}
