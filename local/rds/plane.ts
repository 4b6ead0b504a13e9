import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { type FolderLock, lockFolder } from '../postgres/folder-lock.ts';
import type { DatabaseServer, ServerSource } from './database-server.ts';
import { loadState, type State, saveState } from './state.ts';

/** How long each thing takes by the clock, in milliseconds. */
export interface RdsDelays {
  readonly snapshotMs: number;
  readonly clusterMs: number;
  readonly instanceMs: number;
  /** A restored cluster, until it is available. */
  readonly restoreMs: number;
  /** Another name of a cluster or an instance, or its end. */
  readonly changeMs: number;
}

export interface PlaneOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly region: string;
  readonly accountId: string;
  readonly delays: RdsDelays;
  readonly snapshotQuota: number;
  readonly clusterQuota: number;
  /** Hears what no answer of AWS says; see EngineOptions. */
  readonly tell: (sentence: string) => void;
}

/** The control plane of one folder. */
export interface Plane {
  readonly options: PlaneOptions;
  readonly lock: FolderLock;
  readonly state: State;
  readonly source: ServerSource;
  /** Running servers by their clusters' resource ids, which outlive a change of name. */
  readonly servers: Map<string, DatabaseServer>;
  /** What is being made: by a cluster's resource id, a snapshot's ARN. */
  readonly work: Map<string, Promise<void>>;
  onRenamed: () => void;
}

/** How long an answer waits for work that is due by the clock: a virtual clock may be minutes ahead of the disk. */
const DUE_WORK_MS = 10_000;

/** @throws when another engine uses the folder. */
export async function openPlane(options: PlaneOptions, source: ServerSource): Promise<Plane> {
  const lock = await lockFolder(join(options.folder, 'rds'));
  try {
    const state = loadState(stateFile(options));
    refuseOtherServer(options, { state, source });
    return { options, lock, state, source, servers: new Map(), work: new Map(), onRenamed: () => undefined };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Runs, reports and clock of one database say nothing about another. */
function refuseOtherServer({ folder }: PlaneOptions, { state, source }: { readonly state: State; readonly source: ServerSource }): void {
  const name = (server: string | undefined) => (server === undefined ? 'a local database' : `the database ${server}`);
  const other = state.clusters.find(({ server }) => server !== source.cluster.server);
  if (other !== undefined)
    throw new Error(
      `${folder} holds the runs of ${name(other.server)}, not of ${name(source.cluster.server)}; choose another folder, or give that database's URL`,
    );
}

export async function closePlane({ servers, work, lock }: Plane): Promise<void> {
  await stopAll(servers);
  await Promise.allSettled(work.values());
  // Those that were on their way.
  await stopAll(servers);
  lock.release();
}

async function stopAll(servers: Plane['servers']): Promise<void> {
  const running = [...servers.values()];
  servers.clear();
  await Promise.allSettled(running.map((server) => server.stop()));
}

export function save({ options, state }: Plane): void {
  saveState(stateFile(options), state);
}

/** Does what `make` does in the background; a second call while it lasts joins it. */
export function inBackground(plane: Plane, what: string, make: () => Promise<void>): Promise<void> {
  const running = plane.work.get(what) ?? make().finally(() => plane.work.delete(what));
  plane.work.set(what, running);
  return running;
}

/** Waits, a while at most, for what should be finished by the clock. */
export async function settle(plane: Plane): Promise<void> {
  const { clusters, snapshots } = plane.state;
  const due = [
    ...clusters
      .filter((cluster) => [cluster, ...cluster.instances].every((item) => isDue(plane, item)))
      .map(({ resourceId }) => plane.work.get(resourceId)),
    ...snapshots.filter((snapshot) => isDue(plane, snapshot)).map(({ id }) => plane.work.get(arnOf(plane, 'cluster-snapshot', id))),
  ].filter((running) => running !== undefined);
  if (due.length > 0) await Promise.race([Promise.allSettled(due), delay(DUE_WORK_MS, undefined, { ref: false })]);
}

export function arnOf({ options }: Plane, kind: 'cluster' | 'db' | 'cluster-snapshot', id: string): string {
  return `arn:aws:rds:${options.region}:${options.accountId}:${kind}:${id}`;
}

/** The clock's time, `ms` from now. */
export function timeIn({ options }: Plane, ms: number): string {
  return new Date(options.clock.now().getTime() + ms).toISOString();
}

export function isDue({ options }: Plane, { availableAt }: { readonly availableAt: string }): boolean {
  return options.clock.now().getTime() >= Date.parse(availableAt);
}

function stateFile({ folder }: PlaneOptions): string {
  return join(folder, 'rds.json');
}
