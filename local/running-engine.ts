import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { isAlive, processIdentity } from './postgres/process-identity.ts';
import { SnapshotChoice } from './rds/snapshot-choice.ts';
import { replaceFile } from './replace-file.ts';
import { folderError, refuseUnreadable } from './usable-folder.ts';

const FILE = 'engine.json';

/** Where each service answers. */
export const Endpoints = z.object({
  rdsData: z.string(),
  rds: z.string(),
  sfn: z.string(),
  s3: z.string(),
  sns: z.string(),
  scheduler: z.string(),
});
export type Endpoints = z.infer<typeof Endpoints>;

/** What the local stack's resources are called. */
export const Stack = z.object({
  region: z.string(),
  accountId: z.string(),
  stateMachineArn: z.string(),
  clusterId: z.string(),
  clusterArn: z.string(),
  secretArn: z.string(),
  database: z.string(),
  planBucket: z.string(),
  reportBucket: z.string(),
  topicArn: z.string(),
});

export type Stack = z.infer<typeof Stack>;

/** A server that somebody else runs, as an engine uses it. */
export const UsedServer = z.object({ name: z.string(), user: z.string(), snapshot: SnapshotChoice.nullable() });
export type UsedServer = z.infer<typeof UsedServer>;

/** What `<folder>/engine.json` tells other processes; it holds our own server's password, so only its owner reads it. */
export const RunningEngine = z.object({
  process: z.object({ pid: z.number(), started: z.string() }),
  endpoints: Endpoints,
  stack: Stack,
  psqlUrl: z.string(),
  /** Null: one of the engine's own. */
  server: UsedServer.nullable(),
});
export type RunningEngine = z.infer<typeof RunningEngine>;

/** Tells other processes that this one runs the folder's engine. */
export function announceEngine(folder: string, engine: Omit<RunningEngine, 'process'>): void {
  const identity = processIdentity(process.pid);
  if (identity === undefined) throw new Error('the system does not say when this process started; /proc or ps is needed');
  replaceFile(join(folder, FILE), JSON.stringify({ process: identity, ...engine }, null, 2), 0o600);
}

export function withdrawEngine(folder: string): void {
  rmSync(join(folder, FILE), { force: true });
}

function readOwn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw folderError(file, error);
  }
}

/** How long a live engine may take to answer before it counts as gone. */
const PING_MS = 5000;

/**
 * The engine that holds the folder, in this process or another; undefined when none runs.
 *
 * @throws {FolderError} for a file, a folder that we may not read, or an engine of another user's.
 */
export async function attachEngine(folder: string): Promise<RunningEngine | undefined> {
  refuseUnreadable(resolve(folder));
  const file = join(resolve(folder), FILE);
  if (!existsSync(file)) return undefined;
  const running = RunningEngine.parse(JSON.parse(readOwn(file)));
  if (!isAlive(running.process)) return undefined;
  const answer = await fetch(running.endpoints.sfn, {
    method: 'POST',
    headers: { 'x-amz-target': 'AWSStepFunctions.DescribeStateMachine' },
    body: JSON.stringify({ stateMachineArn: running.stack.stateMachineArn }),
    signal: AbortSignal.timeout(PING_MS),
  }).catch(() => undefined);
  return answer?.ok ? running : undefined;
}
