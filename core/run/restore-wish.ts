import { counted } from './in-words.ts';
import type { RestorePolicy } from './restore-work.ts';

/** What else a swap would touch, as the cluster's database tells it. */
export interface Neighbours {
  /** Other databases of the cluster, which go back with this one. */
  readonly databases: readonly string[];
  /** Logical replication slots: who reads them is cut off. */
  readonly slots: readonly string[];
  /** An RDS proxy holds sessions. */
  readonly hasProxy: boolean;
}

/** Everything that a swap depends on, beside the snapshot. */
export interface SwapFacts {
  /** A rollback at level 3: somebody has accepted that writes since the snapshot are lost. */
  readonly isAsked: boolean;
  /** The fence has stood since before the snapshot. */
  readonly isFencedSince: boolean;
  readonly ties: readonly string[];
  readonly managedSecretArn: string | null;
  /** The one by which the functions log in. */
  readonly secretArn: string;
  /** The cluster's instances. */
  readonly instances: readonly string[];
  /** Those that the stack may change, as IAM matches them. */
  readonly changeable: readonly string[];
  /** Null: the database could not be asked. */
  readonly neighbours: Neighbours | null;
}

/** Why a stack that may swap does not: in words; empty where nothing stands against it. */
export function swapObstacles({
  ties,
  managedSecretArn,
  secretArn,
  instances,
  changeable,
  neighbours,
}: Omit<SwapFacts, 'isAsked' | 'isFencedSince'>): readonly string[] {
  return [
    ...ties.map((tie) => `${tie} is not restored`),
    ...(managedSecretArn === null
      ? []
      : [
          managedSecretArn === secretArn
            ? 'the secret is managed by RDS for the old cluster, and goes when that one goes'
            : "RDS manages the master user's secret of the old cluster, and makes none for a restored one",
        ]),
    ...(instances.length < 2 ? [] : [`${counted(instances.length - 1, 'reader')} beside the writer`]),
    ...instances.filter((name) => !changeable.some((pattern) => isLike(name, pattern))).map((name) => `this stack may not rename instance ${name}`),
    ...(neighbours === null
      ? ['the database cannot be asked what else lives on this cluster']
      : [
          ...neighbours.databases.map((name) => `database ${name} lives on this cluster, too`),
          ...neighbours.slots.map((name) => `logical replication slot ${name}`),
          ...(neighbours.hasProxy ? ['an RDS proxy is connected'] : []),
        ]),
  ];
}

/** A pattern of IAM's with an asterisk at its end, or a name. */
function isLike(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Empty: it is swapped in. */
export function whyOnlyPrepared(policy: Exclude<RestorePolicy, 'none'>, facts: SwapFacts): readonly string[] {
  if (policy === 'prepare') return ['this stack leaves the swap to a person (restore: prepare)'];
  const lost = facts.isAsked || facts.isFencedSince ? [] : ['writes since the snapshot would be lost, and nobody has said that they may be'];
  return [...lost, ...swapObstacles(facts)];
}

/** Errors behind which the way back is barred for good; a lock that did not come, or a cluster that is away, is tried again. */
const BARRED: readonly string[] = ['StatementFailedError', 'UndoFailedError', 'CheckFailedError', 'DifferencesFoundError'];

/** Why nothing is restored; null for a restore. */
export function whyNotRestored(run: {
  readonly policy: RestorePolicy;
  readonly mode: string;
  readonly isAsked: boolean;
  /** The last error of the way back; null where none failed. */
  readonly error: string | null;
  readonly hasSnapshot: boolean;
}): string | null {
  if (run.mode === 'cleanup') return "cleanup's snapshot holds the migrated database, not the one of before";
  if (!run.isAsked && (run.error === null || !BARRED.includes(run.error))) return 'the way back can be tried again';
  if (run.policy === 'none') return 'this stack restores nothing by itself (restore: none)';
  return run.hasSnapshot ? null : 'there is no snapshot from before the first change';
}
