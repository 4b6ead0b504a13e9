import type { ClientConfig } from 'pg';
import type { Cluster, Tag } from './state.ts';

/** What runs a cluster's database. */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  /** As a secret's user; a server that somebody else runs has its own. */
  connection(user: Pick<Cluster, 'user' | 'password'>, database: string): ClientConfig;
  /** For psql, as the cluster's user; without a password that is somebody else's to keep. */
  psqlUrl(cluster: Cluster): string;
  /** Gives the server what the cluster is to have: its roles, its database. Idempotent. */
  complete(cluster: Cluster): Promise<void>;
  /** Null: nothing here can take one. */
  readonly snapshots: {
    /** Put on each snapshot, beside its taker's. */
    readonly tags: readonly Tag[];
    /** Makes the copy that a snapshot stands for; `folder` is its own, and empty. */
    copy(id: string, folder: string): Promise<void>;
  } | null;
  stop(): Promise<void>;
  /** Ends it as a machine that fails: nothing is written any more. Of a server of our own only. */
  readonly crash?: () => Promise<void>;
}

/** Where a control plane's servers come from. */
export interface ServerSource {
  /** As AWS writes it: `17.10`. */
  readonly engineVersion: string;
  /** What every cluster is made with. */
  readonly cluster: Partial<Cluster> & Pick<Cluster, 'user'>;
  /** Whether the folder's one cluster is somebody else's, so that none can be made, and no snapshot removed. */
  readonly isFixed: boolean;
  start(dataFolder: string): Promise<DatabaseServer>;
}
