import * as z from 'zod';
import type { RunId } from '../ids.ts';

/** Whether a stack restores a run's snapshot into a new cluster, and whether it may swap that one in; `prepare` leaves the swap to a person. */
export const RESTORE_POLICIES = ['swap', 'prepare', 'none'] as const;
export type RestorePolicy = (typeof RESTORE_POLICIES)[number];

const Tags = z.record(z.string(), z.string());

/** What RDS would set to its defaults, unless it is given again (RestoreDBClusterFromSnapshot). Null: not set, or RDS's own. */
export const ClusterSettings = z.object({
  engineVersion: z.string(),
  parameterGroup: z.string().nullable(),
  subnetGroup: z.string().nullable(),
  securityGroups: z.array(z.string()),
  port: z.number().int().nullable(),
  kmsKeyId: z.string().nullable(),
  storageType: z.string().nullable(),
  networkType: z.string().nullable(),
  lifecycleSupport: z.string().nullable(),
  backupDays: z.number().int().nullable(),
  backupWindow: z.string().nullable(),
  /** No restore takes it: it is set when the cluster is there. */
  maintenanceWindow: z.string().nullable(),
  isProtected: z.boolean(),
  copiesTags: z.boolean(),
  hasIamLogin: z.boolean(),
  logs: z.array(z.string()),
  /** Aurora capacity units; null where no instance is serverless. */
  capacity: z.object({ least: z.number(), most: z.number(), pauseAfterSeconds: z.number().int().nullable() }).nullable(),
  tags: Tags,
});
export type ClusterSettings = z.infer<typeof ClusterSettings>;

export const InstanceSettings = z.object({
  class: z.string(),
  parameterGroup: z.string().nullable(),
  zone: z.string().nullable(),
  promotionTier: z.number().int().nullable(),
  isPublic: z.boolean(),
  upgradesItself: z.boolean(),
  maintenanceWindow: z.string().nullable(),
  /** Performance Insights; null where it is off. */
  insights: z.object({ keyId: z.string().nullable(), days: z.number().int().nullable() }).nullable(),
  copiesTags: z.boolean(),
  certificate: z.string().nullable(),
  tags: Tags,
});
export type InstanceSettings = z.infer<typeof InstanceSettings>;

/** An instance of the old cluster, the one in its place, and what it is called when that one has its name. */
export const RestoredInstance = z.object({ name: z.string(), restored: z.string(), kept: z.string(), settings: InstanceSettings });
export type RestoredInstance = z.infer<typeof RestoredInstance>;

/** What a restore is to do, as it is written down before its first act; every later visit goes by it. */
export const RestoreWork = z.object({
  mode: z.enum(['prepare', 'swap']),
  /** Why it is not swapped in; empty for a swap. */
  because: z.array(z.string()),
  snapshot: z.string(),
  /** The run whose digests the restored database is held against. */
  base: z.string(),
  /** The name by which applications know the cluster. */
  cluster: z.string(),
  clusterArn: z.string(),
  /** Of the cluster that had this name when the restore began: no change of name touches it. */
  resourceId: z.string(),
  /** The new cluster's name until it is swapped in. */
  restored: z.string(),
  /** The old cluster's name from then on. */
  kept: z.string(),
  settings: ClusterSettings,
  /** The writer first. */
  instances: z.array(RestoredInstance),
  /** What only a person can give the new cluster: roles, custom endpoints and the like. */
  notRestored: z.array(z.string()),
});
export type RestoreWork = z.infer<typeof RestoreWork>;

/** The longest name that RDS takes (CreateDBCluster). */
const MOST_CHARACTERS = 63;

/** Names that a second visit, and nobody else, comes to: `hash` is at least 8 hexadecimal digits of the execution ARN's hash. */
export function restoreNames(
  cluster: string,
  hash: string,
): { readonly restored: string; readonly kept: string; instance(name: string, n: number): Pick<RestoredInstance, 'restored' | 'kept'> } {
  const tail = hash.slice(0, 8);
  const restored = `stepgate-restored-${tail}`;
  // A name that is too long for its ending gets one that the permissions hold, too.
  const kept = (name: string, fallback: string) =>
    name.length + '-before-'.length + tail.length <= MOST_CHARACTERS ? `${name}-before-${tail}` : fallback;
  return {
    restored,
    kept: kept(cluster, `stepgate-before-${tail}`),
    instance: (name, n) => ({ restored: `${restored}-${n}`, kept: kept(name, `stepgate-before-${tail}-${n}`) }),
  };
}

/** Tags by which a visit knows its own cluster. */
export function restoreTags({ run, plan }: { readonly run: RunId; readonly plan: string }): Readonly<Record<string, string>> {
  return { 'stepgate:run': run, 'stepgate:plan': plan, 'stepgate:role': 'restored' };
}
