import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { serverUser } from '../postgres/binaries.ts';
import { copyFolder } from '../postgres/copy-folder.ts';
import { fullDisk, isFullDisk } from '../usable-folder.ts';
import { addCluster, dataFolder } from './clusters.ts';
import { RdsFault } from './fault.ts';
import { inBackground, type Plane, save, timeIn } from './plane.ts';
import { snapshotFolder, snapshotStatus } from './snapshots.ts';
import type { Cluster, Snapshot } from './state.ts';

type Chosen = Pick<Cluster, 'id' | 'tags' | 'settings'> & Partial<Cluster>;

/** A new cluster without an instance, whose data folder is a copy of the snapshot's; password and user are those of the snapshot. */
export function restoreCluster(plane: Plane, snapshot: Snapshot, chosen: Chosen): Cluster {
  const { status } = snapshotStatus(plane, snapshot);
  if (status !== 'available' || snapshot.cluster === undefined)
    throw new RdsFault('InvalidDBClusterSnapshotStateFault', `DB Cluster Snapshot ${snapshot.id} is ${status}, and cannot be restored.`);
  const { managesSecret, secretName, ...kept } = snapshot.cluster;
  const cluster = addCluster(plane, {
    ...kept,
    // What RDS managed goes with the old cluster; what a migrator has is still that one's (facts of RDS: aws/aws-cdk#21730).
    ...(managesSecret ? {} : { secretName }),
    user: snapshot.user,
    managesSecret: false,
    httpEndpointEnabled: false,
    availableAt: timeIn(plane, plane.options.delays.restoreMs),
    restored: { from: snapshot.id, copy: 'running' },
    ...chosen,
  });
  void copyInBackground(plane, cluster);
  return cluster;
}

/** What a killed engine was copying is copied anew. */
export async function resumeRestores(plane: Plane): Promise<void> {
  await Promise.all(plane.state.clusters.filter(({ restored }) => restored?.copy === 'running').map((cluster) => copyInBackground(plane, cluster)));
}

function copyInBackground(plane: Plane, cluster: Cluster): Promise<void> {
  return inBackground(plane, cluster.resourceId, async () => {
    const { restored } = cluster;
    if (restored === undefined) return;
    const folder = dataFolder(plane, cluster);
    try {
      await rm(dirname(folder), { recursive: true, force: true });
      await copyFolder(`${snapshotFolder(plane, restored.from)}/data`, folder, { owner: serverUser() });
      restored.copy = 'done';
    } catch (error) {
      const { tell } = plane.options;
      const why = isFullDisk(error) ? fullDisk(plane.options.folder) : error instanceof Error ? error.message : error;
      tell(`the restore of snapshot ${restored.from} failed: ${why}`);
      restored.copy = 'failed';
    }
    save(plane);
  });
}
