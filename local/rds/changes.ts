import { rm } from 'node:fs/promises';
import { clusterFolder, clusterStatus, findCluster, instanceStatus, restartCluster, stopServer } from './clusters.ts';
import { INSTANCES, type Member } from './describe.ts';
import { RdsFault } from './fault.ts';
import { arnOf, type Plane, save, timeIn } from './plane.ts';
import type { Cluster, Instance } from './state.ts';

/** Names and ends that are due by the clock. */
export function applyChanges(plane: Plane): void {
  const { clusters } = plane.state;
  const due = <Item extends Cluster | Instance>(items: readonly Item[]) =>
    items.flatMap((item) => (item.change !== undefined && plane.options.clock.now().getTime() >= Date.parse(item.change.at) ? [item] : []));
  const changed = [...due(clusters), ...due(clusters.flatMap(({ instances }) => instances))];
  for (const item of changed) {
    const to = item.change?.to ?? null;
    delete item.change;
    if (to === null) remove(plane, item);
    else rename(item, to);
  }
  if (changed.length === 0) return;
  save(plane);
  plane.onRenamed();
}

function rename(item: Cluster | Instance, to: string): void {
  if ('instances' in item) {
    item.folder ??= item.id;
    item.httpEndpointOf ??= item.id;
  }
  item.id = to;
}

function remove({ state }: Plane, item: Cluster | Instance): void {
  if ('instances' in item) state.clusters.splice(state.clusters.indexOf(item), 1);
  else for (const { instances } of state.clusters) if (instances.includes(item)) instances.splice(instances.indexOf(item), 1);
}

export function renameCluster(plane: Plane, cluster: Cluster, to: string): void {
  if (plane.state.clusters.some(({ id }) => id === to)) throw new RdsFault('DBClusterAlreadyExistsFault', `DB Cluster ${to} already exists.`);
  begin(plane, cluster, to);
}

/** The instance restarts, and whoever is connected to it is not any more. */
export function renameInstance(plane: Plane, { cluster, instance }: Member, to: string): void {
  if (INSTANCES.all(plane).some((member) => member.instance.id === to))
    throw new RdsFault('DBInstanceAlreadyExistsFault', `DB instance ${to} already exists.`);
  begin(plane, instance, to);
  restartCluster(plane, cluster).then(plane.onRenamed, () => undefined);
}

/** @throws {RdsFault} while it has instances, or is protected. */
export async function deleteCluster(plane: Plane, id: string): Promise<Cluster> {
  const cluster = findCluster(plane, id);
  if (cluster.instances.length > 0)
    throw new RdsFault('InvalidDBClusterStateFault', 'Cluster cannot be deleted, it still contains DB instances in non-deleting state.');
  if (cluster.settings.DeletionProtection === 'true')
    throw new RdsFault('InvalidParameterCombination', 'Cannot delete protected Cluster, please disable deletion protection and try again.');
  await stopServer(plane, cluster);
  await rm(clusterFolder(plane, cluster), { recursive: true, force: true });
  begin(plane, cluster, null);
  return cluster;
}

export function deleteInstance(plane: Plane, { instance }: Member): void {
  begin(plane, instance, null);
}

export function refuseUnavailable(plane: Plane, cluster: Cluster): void {
  const status = clusterStatus(plane, cluster);
  if (status !== 'available') throw new RdsFault('InvalidDBClusterStateFault', `DB Cluster ${cluster.id} is ${status}, not available.`);
}

export function refuseUnavailableInstance(plane: Plane, { cluster, instance }: Member): void {
  const status = instanceStatus(plane, cluster, instance);
  if (status !== 'available') throw new RdsFault('InvalidDBInstanceStateFault', `DB instance ${instance.id} is ${status}, not available.`);
}

/** @throws {RdsFault} when no cluster has this ARN, or it has no instance. */
export function switchEndpoint(plane: Plane, arn: string, isOn: boolean): void {
  const cluster = plane.state.clusters.find(({ id }) => arnOf(plane, 'cluster', id) === arn);
  if (cluster === undefined) throw new RdsFault('ResourceNotFoundFault', `The specified resource ARN ${arn} was not found.`);
  if (clusterStatus(plane, cluster) !== 'available')
    throw new RdsFault('InvalidResourceStateFault', `The cluster ${cluster.id} is ${clusterStatus(plane, cluster)}.`);
  // What was on under another name stays so, and answers nobody, until it was off.
  if (isOn && !cluster.httpEndpointEnabled) cluster.httpEndpointOf = cluster.id;
  cluster.httpEndpointEnabled = isOn;
  save(plane);
}

function begin(plane: Plane, item: Cluster | Instance, to: string | null): void {
  item.change = { to, at: timeIn(plane, plane.options.delays.changeMs) };
  save(plane);
}
