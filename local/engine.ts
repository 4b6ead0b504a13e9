import { existsSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import type { RestorePolicy } from '../core/run/restore-work.ts';
import { PLAIN_PLACE, type RunPlace } from '../core/run/run-place.ts';
import { assemblyFolderFor, obtainAssembly } from './assembly.ts';
import { type DataApiLimits, startDataApi } from './data-api/server.ts';
import { lockFolder } from './postgres/folder-lock.ts';
import type { ExternalServer } from './rds/external-server.ts';
import { startRds } from './rds/server.ts';
import { replaceFile } from './replace-file.ts';
import { announceEngine, type Endpoints, type Stack, type UsedServer, withdrawEngine } from './running-engine.ts';
import { ACCOUNT_ID, REGION, type ServiceOptions, type Surroundings, stackOf, startServices } from './services.ts';
import { makeFolder } from './usable-folder.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

export interface EngineOptions extends ServiceOptions {
  /** Where everything is kept: databases, objects, executions, logs; `.stepgate` of the working folder, say. */
  readonly folder: string;
  /** @default 'local' */
  readonly clusterId?: string;
  /** @default 'crm', or the one that the server's URL names */
  readonly database?: string;
  /**
   * The server of the cluster.
   *
   * @default - one of our own, made on first use
   */
  readonly server?: ExternalServer;
  /**
   * Whether a run's snapshot is restored, and swapped in.
   *
   * @default 'swap', or 'none' on a server that somebody else runs
   */
  readonly restore?: RestorePolicy;
  /** How commands in a report reach this engine. @default - as they are */
  readonly place?: RunPlace;
  readonly limits?: Partial<DataApiLimits>;
  /** Where synthesized stacks are kept. @default - a cache of the project's, or `<folder>/assembly` where that cannot be written */
  readonly assemblyFolder?: string;
  /**
   * Hears what the person at the engine should know and no answer of AWS says: why a snapshot failed, that the disk is full. One sentence.
   *
   * @default - a warning of the process
   */
  readonly tell?: (sentence: string) => void;
}

export interface Engine {
  readonly endpoints: Endpoints;
  readonly stack: Stack;
  /** As the migrator; without the password of a server that somebody else runs. */
  readonly psqlUrl: string;
  readonly clock: VirtualClock;
  /** Aborts what runs, stops every server, lets the folder go. */
  stop(): Promise<void>;
}

/**
 * Starts everything that the workflow needs of AWS, on this machine, with the stack that `cdk synth` would deploy.
 *
 * @throws when another engine uses the folder, or it holds another database's runs; the message names both.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const folder = resolve(options.folder);
  makeFolder(folder);
  const lock = await lockFolder(join(folder, 'engine'));
  const letGo = () => {
    withdrawEngine(folder);
    lock.release();
  };
  // The last resort of a process that ends without stop().
  process.once('exit', letGo);
  const closers: Closer[] = [() => process.off('exit', letGo), letGo];
  try {
    return await compose({ ...options, folder }, closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/** Each part's way to stop goes to `closers`, which are called in reverse. */
async function compose(options: EngineOptions, closers: Closer[]): Promise<Engine> {
  const { folder, server, clusterId = 'local', database = server?.address.database ?? 'crm' } = options;
  const keep = keeper(closers);
  const tell = once(options.tell ?? ((sentence) => process.emitWarning(sentence)));
  const clock = openClock(folder, tell);
  closers.push(clock.stop);
  // What a real server's other users do takes real time: a wait that is skipped would try again before anything can have changed.
  if (server !== undefined) clock.hold();
  const [rds, assembly] = await Promise.allSettled([
    startRds({
      ...{ folder: join(folder, 'rds'), clock, region: REGION, accountId: ACCOUNT_ID, tell },
      ...(server && { servers: server.source, delays: { snapshotMs: 0 } }),
    }).then(keep),
    obtainAssembly(options.assemblyFolder ?? assemblyFolderFor(folder)),
  ]);
  if (rds.status === 'rejected') throw rds.reason;
  if (assembly.status === 'rejected') throw assembly.reason;
  const { clusters, url, crash } = rds.value;
  const cluster = await clusters.ensure({ id: clusterId, database, managesSecret: false });
  const stack = stackOf(cluster, database);
  const rdsData = keep(await startDataApi({ clusters, hold: clock.hold, ...(options.limits && { limits: options.limits }) })).url;
  const endpoints = await startServices(options, {
    clock,
    keep,
    stack,
    assembly: assembly.value,
    snapshot: server?.snapshot?.kind === 'none' ? 'none' : 'required',
    restore: options.restore ?? (server === undefined ? 'swap' : 'none'),
    place: options.place ?? { ...PLAIN_PLACE, kind: server === undefined ? 'embedded' : 'external' },
    databaseEndpoints: { rds: url, rdsData },
    crashServer: () => crash(clusterId),
    clientEnvironment: (all) => engineEnvironment({ endpoints: all, stack }),
  });
  // A server that was started again has another port, and behind a restore another one has the cluster's name.
  const psqlUrl = () => clusters.byArn(stack.clusterArn)?.migratorUrl ?? '';
  const announce = () => announceEngine(folder, { endpoints, stack, psqlUrl: psqlUrl(), server: server ? usedServer(server) : null });
  announce();
  clusters.onRenamed(announce);
  return {
    endpoints,
    stack,
    get psqlUrl() {
      return psqlUrl();
    },
    clock,
    stop: () => closeAll(closers),
  };
}

function usedServer({ address: { name, user }, snapshot }: ExternalServer): UsedServer {
  return { name, user, snapshot };
}

type Closer = () => unknown;

function keeper(closers: Closer[]): Surroundings['keep'] {
  return (part) => {
    closers.push(() => part.close());
    return part;
  };
}

async function closeAll(closers: Closer[]): Promise<void> {
  const results = [];
  for (const close of closers.splice(0).reverse()) results.push(...(await Promise.allSettled([(async () => close())()])));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

const clockFile = (folder: string) => join(folder, 'clock.json');

function savedClock(folder: string): { aheadMs: number } {
  const file = clockFile(folder);
  return existsSync(file) ? z.object({ aheadMs: z.number() }).parse(JSON.parse(readFileSync(file, 'utf8'))) : { aheadMs: 0 };
}

/** Puts the clock of a folder whose engine does not run forward; returns the time that its next engine begins with. */
export function forwardClock(folder: string, byMs: number): Date {
  const aheadMs = savedClock(folder).aheadMs + byMs;
  replaceFile(clockFile(folder), JSON.stringify({ aheadMs }));
  return new Date(Date.now() + aheadMs);
}

/** Time goes on from where the folder's last engine had come: a run's 48 virtual hours have passed for the next one, too. */
function openClock(folder: string, tell: (sentence: string) => void): VirtualClock {
  const file = clockFile(folder);
  const saved = savedClock(folder);
  const onJump = (aheadMs: number) => {
    try {
      replaceFile(file, JSON.stringify({ aheadMs }));
    } catch (error) {
      // Only the next engine would miss it.
      tell(error instanceof Error ? error.message : String(error));
    }
  };
  return virtualClock({ ...saved, onJump });
}

/** A clock that cannot be saved would say so at every jump. */
function once(tell: (sentence: string) => void): (sentence: string) => void {
  const told = new Set<string>();
  return (sentence) => {
    if (!told.has(sentence)) tell(sentence);
    told.add(sentence);
  };
}

/** AWS_ENDPOINT_URL_*, AWS_REGION and credentials that nobody checks, for SDK clients in this process or another. */
export function engineEnvironment({ endpoints, stack }: Pick<Engine, 'endpoints' | 'stack'>): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_RDS_DATA: endpoints.rdsData,
    AWS_ENDPOINT_URL_RDS: endpoints.rds,
    AWS_ENDPOINT_URL_SFN: endpoints.sfn,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_SNS: endpoints.sns,
    AWS_ENDPOINT_URL_SCHEDULER: endpoints.scheduler,
    AWS_REGION: stack.region,
    AWS_DEFAULT_REGION: stack.region,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: '',
    // A profile or a file of the user's own would win over these settings, and reach a real account.
    AWS_PROFILE: '',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
