import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fullDisk, isFullDisk } from '../usable-folder.ts';
import { clusterStatus } from './clusters.ts';
import type { DatabaseServer } from './database-server.ts';
import { RdsFault } from './fault.ts';
import { arnOf, inBackground, isDue, type Plane, save, timeIn } from './plane.ts';
import type { Cluster, Snapshot, Tag } from './state.ts';

export function findSnapshot({ state }: Plane, id: string): Snapshot {
  const snapshot = state.snapshots.find((candidate) => candidate.id === id);
  if (!snapshot) throw new RdsFault('DBClusterSnapshotNotFoundFault', `DBClusterSnapshot ${id} not found.`);
  return snapshot;
}

/** `available` needs both: the copy on disk, and the time that AWS would take. */
export function snapshotStatus(plane: Plane, snapshot: Snapshot): { readonly status: 'creating' | 'available' | 'failed'; readonly percent: number } {
  if (snapshot.copy === 'failed') return { status: 'failed', percent: 0 };
  if (snapshot.copy === 'done' && isDue(plane, snapshot)) return { status: 'available', percent: 100 };
  const [from, now, to] = [Date.parse(snapshot.createdAt), plane.options.clock.now().getTime(), Date.parse(snapshot.availableAt)];
  return { status: 'creating', percent: Math.min(99, Math.floor((100 * (now - from)) / Math.max(to - from, 1))) };
}

/** Begins to copy the cluster into `<folder>/snapshots/<id>`. */
export function addSnapshot(plane: Plane, cluster: Cluster, { id, tags }: { id: string; tags: Tag[] }): Snapshot {
  const server = plane.servers.get(cluster.resourceId);
  if (clusterStatus(plane, cluster) !== 'available' || !server) {
    throw new RdsFault('InvalidDBClusterStateFault', `DB cluster ${cluster.id} has no available instance to take a snapshot of.`);
  }
  const { snapshots: taker } = server;
  if (taker === null) throw new RdsFault('AccessDenied', 'Nothing takes snapshots of this server: the engine was started without a command for it.');
  const snapshot: Snapshot = {
    id,
    clusterId: cluster.id,
    clusterResourceId: cluster.resourceId,
    clusterCreatedAt: cluster.createdAt,
    user: cluster.user,
    cluster: { database: cluster.database, password: cluster.password, secretName: cluster.secretName, managesSecret: cluster.managesSecret },
    createdAt: timeIn(plane, 0),
    availableAt: timeIn(plane, plane.options.delays.snapshotMs),
    copy: 'running',
    tags: [...tags, ...taker.tags],
  };
  plane.state.snapshots.push(snapshot);
  save(plane);
  void inBackground(plane, arnOf(plane, 'cluster-snapshot', id), () => copyCluster(plane, snapshot, taker));
  return snapshot;
}

export async function deleteSnapshot(plane: Plane, snapshot: Snapshot): Promise<void> {
  plane.state.snapshots.splice(plane.state.snapshots.indexOf(snapshot), 1);
  save(plane);
  await rm(snapshotFolder(plane, snapshot.id), { recursive: true, force: true });
}

/** A copy that a killed engine did not finish is worth nothing. */
export async function failUnfinishedSnapshots(plane: Plane): Promise<void> {
  for (const snapshot of plane.state.snapshots.filter(({ copy }) => copy === 'running')) {
    snapshot.copy = 'failed';
    await rm(snapshotFolder(plane, snapshot.id), { recursive: true, force: true });
    await rm(draftFolder(plane, snapshot.id), { recursive: true, force: true });
  }
  save(plane);
}

async function copyCluster(plane: Plane, snapshot: Snapshot, taker: NonNullable<DatabaseServer['snapshots']>): Promise<void> {
  const draft = draftFolder(plane, snapshot.id);
  try {
    await mkdir(draft, { recursive: true });
    await taker.copy(snapshot.id, draft);
    await rename(draft, snapshotFolder(plane, snapshot.id));
    snapshot.copy = 'done';
  } catch (error) {
    // As in AWS the status is all that a caller learns; the person at the engine learns why.
    const { folder, tell } = plane.options;
    const why = isFullDisk(error) ? fullDisk(folder) : error instanceof Error ? error.message : error;
    tell(`snapshot ${snapshot.id} failed: ${why}`);
    snapshot.copy = 'failed';
    await rm(draft, { recursive: true, force: true });
  }
  try {
    save(plane);
  } catch (error) {
    // The copy is as the status says; a next engine will call it failed, and take it away.
    plane.options.tell(error instanceof Error ? error.message : String(error));
  }
}

export function snapshotFolder({ options }: Plane, id: string): string {
  return join(options.folder, 'snapshots', id);
}

function draftFolder(plane: Plane, id: string): string {
  return `${snapshotFolder(plane, id)}.draft`;
}
