import { isDeepStrictEqual } from 'node:util';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { HeadObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { Engine, EngineOptions } from '../local/engine.ts';
import { type ExternalServer, reachServer } from '../local/rds/external-server.ts';
import { attachEngine, type RunningEngine } from '../local/running-engine.ts';
import type { DatabaseChoice } from './database-choice.ts';
import { NoRunError } from './no-run-error.ts';
import type { LoadedPlan } from './plans.ts';
import { placeOf } from './run-place.ts';
import type { Shell } from './shell.ts';

/** A local engine, of this process or of another. */
export interface OpenEngine extends Pick<Engine, 'endpoints' | 'stack' | 'psqlUrl'> {
  /** False when another process runs it; it then outlives this one. */
  readonly isOurs: boolean;
  /** Only of one of ours. */
  readonly clock?: Engine['clock'];
  close(): Promise<void>;
}

/**
 * Attaches to the engine that holds the data folder, or starts one.
 *
 * @throws {NoRunError} when the folder's engine holds another version of a plan or works on another database, or the database does not answer.
 */
export async function openEngine(
  shell: Pick<Shell, 'folder' | 'plansFolder' | 'terminal' | 'signal' | 'database'>,
  plans: readonly LoadedPlan[],
  onStateExited?: EngineOptions['onStateExited'],
): Promise<OpenEngine> {
  const { folder, terminal, signal, database } = shell;
  const running = await attachEngine(folder);
  if (running !== undefined) {
    refuseOtherDatabase(running, { folder, database });
    await refuseOtherVersions(running, plans);
    return { ...running, isOurs: false, close: async () => {} };
  }
  // Before anything is made: a database that does not answer leaves nothing behind.
  const server = database && (await reach(database));
  terminal.show(`starting the local engine in ${folder}`);
  // Only now: a command that finds an engine running needs none of its code.
  const { startEngine } = await import('../local/engine.ts');
  const engine = await startEngine({
    folder,
    plans: new Map(plans.map(({ plan, json }) => [plan.id, json])),
    place: placeOf(shell),
    tell: (sentence) => terminal.say(`! ${sentence}`),
    ...(server && { server }),
    ...(onStateExited === undefined ? {} : { onStateExited }),
  }).catch((error: unknown) => {
    throw new NoRunError(`the local engine cannot start in ${folder}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  if (signal.aborted) {
    await engine.stop();
    signal.throwIfAborted();
  }
  return {
    endpoints: engine.endpoints,
    stack: engine.stack,
    // A restore moves it.
    get psqlUrl() {
      return engine.psqlUrl;
    },
    clock: engine.clock,
    isOurs: true,
    close: () => engine.stop(),
  };
}

async function reach({ address, snapshot }: DatabaseChoice): Promise<ExternalServer> {
  return reachServer(address, snapshot).catch((error: unknown) => {
    throw new NoRunError(error instanceof Error ? error.message : String(error), { cause: error });
  });
}

function refuseOtherDatabase(
  { server, process }: RunningEngine,
  { folder, database }: { readonly folder: string; readonly database: DatabaseChoice | undefined },
): void {
  const used = server === null ? 'its own database' : `${server.user}@${server.name}`;
  const asked = database === undefined ? 'its own database' : `${database.address.user}@${database.address.name}`;
  if (used !== asked)
    throw new NoRunError(`the engine in ${folder}, process ${process.pid}, works on ${used}, not on ${asked}; name another folder with --data`);
  if (database?.snapshot != null && !isDeepStrictEqual(database.snapshot, server?.snapshot))
    throw new NoRunError(`the engine in ${folder}, process ${process.pid}, was started with another word on snapshots; end it, or give the same`);
}

/** An engine deploys plans when it starts; a run of anything else would not be what was checked here. */
async function refuseOtherVersions(engine: Pick<Engine, 'endpoints' | 'stack'>, plans: readonly LoadedPlan[]): Promise<void> {
  const s3 = s3Of(engine);
  for (const { plan, digest } of plans) {
    try {
      await s3.send(new HeadObjectCommand({ Bucket: engine.stack.planBucket, Key: `plans/${digest}.json` }));
    } catch (error) {
      if (!(error instanceof S3ServiceException) || error.$metadata.httpStatusCode !== 404) throw error;
      throw new NoRunError(`the engine that runs holds another version of plan ${plan.id}; run "stepgate local down", then this again`, {
        cause: error,
      });
    }
  }
}

type Address = Pick<Engine, 'endpoints' | 'stack'>;

export function sfnOf({ endpoints, stack }: Address): SFNClient {
  return new SFNClient({ endpoint: endpoints.sfn, region: stack.region, credentials: NOBODY });
}

export function s3Of({ endpoints, stack }: Address): S3Client {
  return new S3Client({ endpoint: endpoints.s3, region: stack.region, credentials: NOBODY });
}

export function schedulerOf({ endpoints, stack }: Address): SchedulerClient {
  return new SchedulerClient({ endpoint: endpoints.scheduler, region: stack.region, credentials: NOBODY });
}

export function rdsDataOf({ endpoints, stack }: Address): RDSDataClient {
  return new RDSDataClient({ endpoint: endpoints.rdsData, region: stack.region, credentials: NOBODY, maxAttempts: 1 });
}

/** The local engine asks nobody who they are; the user's own credentials stay where they are. */
const NOBODY = { accessKeyId: 'local', secretAccessKey: 'local' };
