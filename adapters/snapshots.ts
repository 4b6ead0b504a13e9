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
  type RDSClient,
} from '@aws-sdk/client-rds';
import type { Environment, SnapshotPolicy } from '../core/run/environment.ts';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import { rdsClusters, swapFactsOf } from './clusters.ts';
import { translateRdsError } from './rds-errors.ts';

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
  /** What the operator said: whether one is restored, and swapped in. */
  readonly restorePolicy: RestorePolicy;
  /** What RDS and the stack's settings say against a swap. */
  swapFacts(): Promise<ReturnType<typeof swapFactsOf>>;
}

export function rdsSnapshots(environment: Environment, client: RDSClient): Snapshots {
  const { STEPGATE_CLUSTER_ID: clusterId, STEPGATE_SNAPSHOT: policy, STEPGATE_RESTORE: restorePolicy } = environment;
  return {
    policy,
    restorePolicy,
    swapFacts: async () => swapFactsOf(await rdsClusters(client).details(clusterId), environment),
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
