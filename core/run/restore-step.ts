import type { RestoredInstance, RestoreWork } from './restore-work.ts';

/** A cluster as RDS describes it now. */
export interface SeenCluster {
  readonly id: string;
  readonly arn: string;
  readonly resourceId: string;
  /** RDS's word: available, creating, renaming … */
  readonly status: string;
  readonly isEndpointOn: boolean;
  readonly maintenanceWindow: string | null;
  /** The run that its tags name. */
  readonly run: string | null;
  readonly instances: readonly { readonly id: string; readonly status: string }[];
}

/** What the journal says was done. */
export interface RestoreProgress {
  /** Of the cluster whose rows were held against the digests of before, with the result. */
  readonly verified: { readonly resourceId: string; readonly isEqual: boolean } | null;
  /** The restored database has answered under the old name. */
  readonly isConfirmed: boolean;
  /** A change of names was begun. */
  readonly isSwapping: boolean;
  /** What went wrong for good; what is half swapped goes back. */
  readonly failure: string | null;
  /** Since the last step was begun. */
  readonly quietMs: number;
}

/** The next thing to do; each is one call, or none. */
export type RestoreStep =
  | { readonly kind: 'restore-cluster' }
  | { readonly kind: 'set-maintenance'; readonly cluster: string }
  | { readonly kind: 'create-instance'; readonly instance: RestoredInstance }
  | { readonly kind: 'switch-endpoint'; readonly cluster: string; readonly arn: string; readonly isOn: boolean }
  | { readonly kind: 'rename-cluster' | 'rename-instance'; readonly from: string; readonly to: string }
  | { readonly kind: 'verify' | 'confirm'; readonly arn: string; readonly resourceId: string }
  | { readonly kind: 'wait'; readonly until: string }
  | { readonly kind: 'prepared' | 'restored' }
  | { readonly kind: 'failed'; readonly because: string };

/** A restore of terabytes takes hours; nothing else between two steps takes four. */
const MOST_QUIET_MS = 4 * 3_600_000;

/** While a name changes, RDS may know a cluster under neither. */
const NAMELESS_MS = 15 * 60_000;

const BROKEN = /^(failed|deleting|deleted|incompatible-.*|inaccessible-encryption-credentials.*|cloning-failed|stopped|stopping)$/;

interface Scene {
  readonly work: RestoreWork;
  readonly progress: RestoreProgress;
  /** The one that served when the restore began. */
  readonly old: SeenCluster | undefined;
  readonly fresh: SeenCluster | undefined;
}

/**
 * Says what a restore does next, and what is wrong for good, from what RDS shows now and the journal alone; a step that was done shows, and is not said again.
 *
 * `seen` are the clusters under the names `cluster`, `restored` and `kept`. At no time have two the old name, and only between two
 * steps has none: if it cannot be given to the new one, the old one gets it back.
 */
export function restoreStep(
  work: RestoreWork & { readonly run: string },
  seen: readonly SeenCluster[],
  progress: RestoreProgress,
): { readonly step: RestoreStep; readonly failure: string | null } {
  const old = seen.find(({ resourceId }) => resourceId === work.resourceId);
  const others = seen.filter(({ resourceId }) => resourceId !== work.resourceId);
  const foreign = others.find(({ run }) => run !== work.run);
  const scene: Scene = { work, progress, old, fresh: others.find(({ run }) => run === work.run) };
  const failure =
    progress.failure ?? (foreign === undefined ? troubleWith(scene) : `cluster ${foreign.id} has a name that this restore needs, and is not its own`);
  return { step: failure === null ? goOn(scene) : goBack(scene, failure), failure };
}

function goOn(scene: Scene): RestoreStep {
  const { work, old, fresh } = scene;
  if (fresh?.id === work.cluster) return settleNames(scene, fresh);
  if (old === undefined) return { kind: 'wait', until: `cluster ${work.cluster} has its new name` };
  if (fresh !== undefined) return completion(scene, fresh) ?? swap(scene, { old, fresh });
  return scene.progress.isSwapping ? { kind: 'wait', until: `cluster ${work.restored} has its new name` } : { kind: 'restore-cluster' };
}

/** What cannot be mended by going on. */
function troubleWith({ work, progress, fresh, old }: Scene): string | null {
  const { isSwapping, quietMs } = progress;
  if (quietMs > MOST_QUIET_MS) return `nothing has come of the last step for ${Math.round(quietMs / 3_600_000)} hours`;
  const mayBeNameless = isSwapping && quietMs < NAMELESS_MS;
  if (old === undefined && fresh?.id !== work.cluster && !mayBeNameless) return `cluster ${work.cluster} is gone`;
  if (fresh === undefined) return isSwapping && !mayBeNameless ? `cluster ${work.restored} is gone` : null;
  if (BROKEN.test(fresh.status)) return `cluster ${fresh.id} is ${fresh.status}`;
  const broken = fresh.instances.find(({ status }) => BROKEN.test(status));
  return broken === undefined ? null : `instance ${broken.id} is ${broken.status}`;
}

/** What the new cluster lacks before it may be swapped in; null for nothing. */
function completion({ work, progress }: Scene, fresh: SeenCluster): RestoreStep | null {
  if (fresh.status !== 'available') return { kind: 'wait', until: `cluster ${fresh.id} is available, now ${fresh.status}` };
  if (work.settings.maintenanceWindow !== null && fresh.maintenanceWindow !== work.settings.maintenanceWindow)
    return { kind: 'set-maintenance', cluster: fresh.id };
  const missing = work.instances.find(({ restored }) => !fresh.instances.some(({ id }) => id === restored));
  if (missing !== undefined) return { kind: 'create-instance', instance: missing };
  const unready = fresh.instances.find(({ status }) => status !== 'available');
  if (unready !== undefined) return { kind: 'wait', until: `instance ${unready.id} is available, now ${unready.status}` };
  if (progress.verified?.resourceId === fresh.resourceId) {
    // What differs is for a person to look at.
    return work.mode === 'prepare' || !progress.verified.isEqual ? { kind: 'prepared' } : null;
  }
  return fresh.isEndpointOn
    ? { kind: 'verify', arn: fresh.arn, resourceId: fresh.resourceId }
    : { kind: 'switch-endpoint', cluster: fresh.id, arn: fresh.arn, isOn: true };
}

/** An endpoint that is on while a name changes answers under neither name until it was off (Data API, troubleshooting). */
function swap({ work }: Scene, { old, fresh }: { readonly old: SeenCluster; readonly fresh: SeenCluster }): RestoreStep {
  if (old.status !== 'available') return { kind: 'wait', until: `cluster ${old.id} is available, now ${old.status}` };
  if (fresh.isEndpointOn) return { kind: 'switch-endpoint', cluster: fresh.id, arn: fresh.arn, isOn: false };
  if (old.isEndpointOn && old.id === work.cluster) return { kind: 'switch-endpoint', cluster: old.id, arn: old.arn, isOn: false };
  return old.id === work.cluster
    ? { kind: 'rename-cluster', from: work.cluster, to: work.kept }
    : { kind: 'rename-cluster', from: work.restored, to: work.cluster };
}

/** The new cluster has the name; its instances get theirs, which restarts both sides' instances and ends who still writes into the old. */
function settleNames({ work, progress, old }: Scene, fresh: SeenCluster): RestoreStep {
  if (fresh.status !== 'available') return { kind: 'wait', until: `cluster ${fresh.id} is available, now ${fresh.status}` };
  const ofOld = renaming(
    old,
    work.instances.map(({ name, kept }) => ({ from: name, to: kept })),
  );
  if (ofOld !== null) return ofOld;
  const ofFresh = renaming(
    fresh,
    work.instances.map(({ name, restored }) => ({ from: restored, to: name })),
  );
  if (ofFresh !== null) return ofFresh;
  if (!fresh.isEndpointOn) return { kind: 'switch-endpoint', cluster: fresh.id, arn: fresh.arn, isOn: true };
  return progress.isConfirmed ? { kind: 'restored' } : { kind: 'confirm', arn: fresh.arn, resourceId: fresh.resourceId };
}

function renaming(cluster: SeenCluster | undefined, names: readonly { readonly from: string; readonly to: string }[]): RestoreStep | null {
  for (const { id, status } of cluster?.instances ?? []) {
    const next = names.find(({ from }) => from === id);
    if (next !== undefined && status === 'available') return { kind: 'rename-instance', ...next };
  }
  const unready = cluster?.instances.find(({ status }) => status !== 'available');
  return unready === undefined ? null : { kind: 'wait', until: `instance ${unready.id} is available, now ${unready.status}` };
}

/** The old cluster serves again, under its name, before it is said that the restore failed. */
function goBack({ work, old, fresh, progress }: Scene, because: string): RestoreStep {
  const failed = { kind: 'failed', because } as const;
  // The new one serves, whatever else it lacks; a name that is taken is not given away again.
  if (fresh?.id === work.cluster) {
    return fresh.status === 'available' && !fresh.isEndpointOn ? { kind: 'switch-endpoint', cluster: fresh.id, arn: fresh.arn, isOn: true } : failed;
  }
  if (old === undefined) return failed;
  if ([old.status, fresh?.status].includes('renaming') && progress.quietMs < MOST_QUIET_MS)
    return { kind: 'wait', until: `cluster ${old.id} has its name again` };
  if (old.status !== 'available') return failed;
  if (old.id === work.kept) return { kind: 'rename-cluster', from: work.kept, to: work.cluster };
  const names = renaming(
    old,
    work.instances.map(({ name, kept }) => ({ from: kept, to: name })),
  );
  if (names !== null) return names;
  return old.isEndpointOn ? failed : { kind: 'switch-endpoint', cluster: old.id, arn: old.arn, isOn: true };
}
