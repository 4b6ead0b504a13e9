import { randomUUID } from 'node:crypto';
import type { ClientConfig } from 'pg';
import type { Clock } from '../clock.ts';
import { type FaceRequest, type FaceResponse, serveFace } from '../http-face.ts';
import { FolderError } from '../usable-folder.ts';
import { runAction } from './actions.ts';
import { applyChanges } from './changes.ts';
import { crashCluster, describeLocally, ensureCluster, startCluster } from './clusters.ts';
import type { ServerSource } from './database-server.ts';
import { RdsFault } from './fault.ts';
import { ownServers } from './own-server.ts';
import { arnOf, closePlane, openPlane, type Plane, type RdsDelays } from './plane.ts';
import { answerXml, errorXml } from './query-protocol.ts';
import { resumeRestores } from './restores.ts';
import { failUnfinishedSnapshots } from './snapshots.ts';

export interface LocalCluster {
  readonly id: string;
  readonly arn: string;
  readonly status: string;
  readonly httpEndpointEnabled: boolean;
  /** 0 while there is no available writer. */
  readonly port: number;
  /** Of the secret that RDS would manage. */
  readonly secretArn: string;
  /** What Secrets Manager would tell. */
  credentials(secretArn: string): { user: string; password: string } | undefined;
  /** To a database, as a secret's user or the master user; undefined while no server runs. */
  connection(database: string, user?: { readonly user: string; readonly password: string }): ClientConfig | undefined;
  /** Empty while no server runs. Without the password where somebody else keeps it. */
  readonly migratorUrl: string;
}

/** What the Data API's face and the engine ask of the control plane. */
export interface LocalClusters {
  /** Creates the cluster, its writer and its database when missing; starts them when stopped. Idempotent. */
  ensure(cluster: {
    readonly id: string;
    readonly database: string;
    /** Of a cluster that is made: whether RDS manages the secret, or it is the migrator's own. @default true */
    readonly managesSecret?: boolean;
  }): Promise<LocalCluster>;
  byArn(arn: string): LocalCluster | undefined;
  /** Calls back whenever a server has begun to answer under a cluster's name: at a change of name, and behind a restart. */
  onRenamed(tell: () => void): void;
}

export interface RdsFace {
  readonly url: string;
  readonly clusters: LocalClusters;
  /** Ends a cluster's server as a machine that fails, and starts it again. */
  crash(clusterId: string): Promise<void>;
  /** Stops the servers; the data stays. */
  close(): Promise<void>;
}

/** A small cluster's snapshot takes a minute or more, a restore five at least; instances take minutes in AWS, which nobody needs to see here. */
const DELAYS: RdsDelays = { snapshotMs: 90_000, clusterMs: 60_000, instanceMs: 90_000, restoreMs: 300_000, changeMs: 60_000 };

/** Manual cluster snapshots per region (Amazon Aurora User Guide, quotas). */
const SNAPSHOT_QUOTA = 100;

/** Clusters per region (the same). */
const CLUSTER_QUOTA = 40;

/**
 * Serves the RDS control plane of a folder, and starts the servers of the clusters that it holds: our own, or the one of `servers`.
 *
 * A snapshot that a killed engine left behind unfinished becomes `failed`.
 *
 * @throws when another engine uses the folder, or it holds another database's runs.
 */
export async function startRds(options: {
  readonly folder: string;
  readonly clock: Clock;
  readonly region: string;
  readonly accountId: string;
  readonly delays?: Partial<RdsDelays>;
  readonly snapshotQuota?: number;
  readonly clusterQuota?: number;
  readonly servers?: ServerSource;
  /** @default - a warning of the process */
  readonly tell?: (sentence: string) => void;
}): Promise<RdsFace> {
  const { tell = (sentence: string) => process.emitWarning(sentence) } = options;
  const { servers = await ownServers(tell), ...given } = options;
  const plane = await openPlane(
    { snapshotQuota: SNAPSHOT_QUOTA, clusterQuota: CLUSTER_QUOTA, ...given, tell, delays: { ...DELAYS, ...options.delays } },
    servers,
  );
  try {
    await failUnfinishedSnapshots(plane);
    applyChanges(plane);
    await resumeRestores(plane);
    await Promise.all(plane.state.clusters.filter(({ instances }) => instances.length > 0).map((cluster) => startCluster(plane, cluster)));
    const face = await serveFace((request) => answer(plane, request));
    return {
      url: face.url,
      clusters: {
        ensure(cluster) {
          applyChanges(plane);
          return ensureCluster(plane, cluster);
        },
        byArn(arn) {
          applyChanges(plane);
          const cluster = plane.state.clusters.find(({ id }) => arnOf(plane, 'cluster', id) === arn);
          return cluster && describeLocally(plane, cluster);
        },
        onRenamed(tell) {
          plane.onRenamed = tell;
        },
      },
      crash: (clusterId) => crashCluster(plane, clusterId),
      async close() {
        await face.close();
        await closePlane(plane);
      },
    };
  } catch (error) {
    await closePlane(plane);
    throw error;
  }
}

async function answer(plane: Plane, request: FaceRequest): Promise<FaceResponse> {
  const requestId = randomUUID();
  const headers = { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
  const form = new URLSearchParams(request.body.toString());
  try {
    return { status: 200, headers, body: answerXml(form.get('Action') ?? '', requestId, await runAction(plane, form)) };
  } catch (error) {
    if (error instanceof FolderError)
      return { status: 500, headers, body: errorXml({ code: 'InternalFailure', message: error.message, status: 500 }, requestId) };
    if (!(error instanceof RdsFault)) throw error;
    return { status: error.status, headers, body: errorXml(error, requestId) };
  }
}
