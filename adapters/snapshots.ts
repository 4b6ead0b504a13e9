import {
  CreateDBClusterSnapshotCommand,
  type DBClusterSnapshot,
  DBClusterSnapshotAlreadyExistsFault,
  DBClusterSnapshotNotFoundFault,
  type DBInstance,
  DBInstanceNotFoundFault,
  DescribeDBClusterSnapshotsCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  InvalidDBClusterStateFault,
  type RDSClient,
  SnapshotQuotaExceededFault,
} from '@aws-sdk/client-rds';
import { ConfigurationError, DatabaseUnreachableError } from '../core/errors.ts';
import type { Environment, SnapshotPolicy } from '../core/run/environment.ts';
import { translateAwsError } from './aws-errors.ts';

export interface SnapshotStatus {
  readonly id: string;
  /** RDS's word: creating, available, failed … */
  readonly status: string;
  readonly percent: number;
  /** Its tag stepgate:restore-command: what restores it where RDS does not. */
  readonly restoreCommand: string | null;
}

export interface ClusterFacts {
  readonly status: string;
  readonly engineVersion: string;
  readonly isDataApiOn: boolean;
  readonly writerStatus: string;
  readonly writerClass: string;
}

/** Snapshots of the one cluster, and what RDS says of it. */
export interface Snapshots {
  /** What the stack's operator said: whether a run takes one at all. */
  readonly policy: SnapshotPolicy;
  /**
   * Asks for a snapshot of this name; one that is there already is the same. Gives what would restore it where RDS does not, if it says so now.
   *
   * @throws {DatabaseUnreachableError} while the cluster is not available.
   * @throws {ConfigurationError} when the account's quota of manual snapshots is used up.
   */
  request(id: string, tags: Readonly<Record<string, string>>): Promise<string | null>;
  /** Null when there is none. */
  status(id: string): Promise<SnapshotStatus | null>;
  cluster(): Promise<ClusterFacts>;
}

export function rdsSnapshots({ STEPGATE_CLUSTER_ID: clusterId, STEPGATE_SNAPSHOT: policy }: Environment, client: RDSClient): Snapshots {
  return {
    policy,
    request: async (id, tags) => {
      try {
        const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
        const { DBClusterSnapshot } = await client.send(
          new CreateDBClusterSnapshotCommand({ DBClusterIdentifier: clusterId, DBClusterSnapshotIdentifier: id, Tags }),
        );
        return restoreCommandOf(DBClusterSnapshot);
      } catch (error) {
        if (error instanceof DBClusterSnapshotAlreadyExistsFault) {
          return null;
        }
        throw translateRdsError(error, `creating snapshot ${id}`);
      }
    },
    status: async (id) => {
      try {
        const { DBClusterSnapshots } = await client.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: id }));
        const found = DBClusterSnapshots?.[0];
        return found === undefined
          ? null
          : { id, status: found.Status ?? 'unknown', percent: found.PercentProgress ?? 0, restoreCommand: restoreCommandOf(found) };
      } catch (error) {
        if (error instanceof DBClusterSnapshotNotFoundFault) {
          return null;
        }
        throw translateRdsError(error, `describing snapshot ${id}`);
      }
    },
    cluster: async () => {
      try {
        const { DBClusters } = await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: clusterId }));
        const cluster = DBClusters?.[0];
        const writer = cluster?.DBClusterMembers?.find((member) => member.IsClusterWriter);
        const instance = await instanceOf(writer?.DBInstanceIdentifier, client);
        return {
          status: cluster?.Status ?? 'unknown',
          engineVersion: cluster?.EngineVersion ?? 'unknown',
          isDataApiOn: cluster?.HttpEndpointEnabled ?? false,
          writerStatus: instance?.DBInstanceStatus ?? 'none',
          writerClass: instance?.DBInstanceClass ?? 'none',
        };
      } catch (error) {
        throw translateRdsError(error, `describing cluster ${clusterId}`);
      }
    },
  };
}

/** Without a name RDS would describe every instance of the account. */
async function instanceOf(id: string | undefined, client: RDSClient): Promise<DBInstance | undefined> {
  if (id === undefined) {
    return undefined;
  }
  try {
    const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
    return DBInstances?.[0];
  } catch (error) {
    if (error instanceof DBInstanceNotFoundFault) {
      return undefined;
    }
    throw error;
  }
}

function restoreCommandOf(snapshot: DBClusterSnapshot | undefined): string | null {
  return snapshot?.TagList?.find(({ Key }) => Key === 'stepgate:restore-command')?.Value ?? null;
}

function translateRdsError(error: unknown, during: string): Error {
  if (error instanceof InvalidDBClusterStateFault) {
    return new DatabaseUnreachableError(`${during}: ${error.message}`, { cause: error });
  }
  if (error instanceof SnapshotQuotaExceededFault) {
    return new ConfigurationError(`${during}: ${error.message}; delete snapshots that nobody needs, or ask AWS for a larger quota`, { cause: error });
  }
  if (error instanceof Error && error.name === 'DBClusterNotFoundFault') {
    return new ConfigurationError(`${during}: ${error.message}; does the stack name the right cluster?`, { cause: error });
  }
  return translateAwsError(error, during);
}
