import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { folderError, makeFolder } from '../usable-folder.ts';
import { isAlive, type ProcessIdentity, processIdentity } from './process-identity.ts';

const Identity = z.object({ pid: z.number().int(), started: z.string() });
const Holder = z.object({ engine: Identity, server: Identity.nullable() });
type Holder = z.infer<typeof Holder>;

export interface FolderLock {
  /** Remembers the server that works in the folder, so that whoever finds the lock of a dead engine can end it. */
  holdServer(server: ProcessIdentity): void;
  release(): void;
}

/** Fast shutdown writes a checkpoint first; a server that takes longer is ended without one and recovers at its next start. */
const SHUTDOWN_MS = 20_000;

/**
 * Makes this process the only one that uses `folder`; the lock is the file `<folder>.lock`.
 *
 * What a killed engine left behind is taken over, and its server ended first.
 *
 * @throws when an engine that still runs uses the folder; the message names it.
 * @throws {FolderError} when nothing can be written beside it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  makeFolder(dirname(folder));
  const file = `${folder}.lock`;
  const engine = processIdentity(process.pid);
  if (engine === undefined) throw new Error('the system does not say when this process started; /proc or ps is needed');
  while (!tryCreate(file, { engine, server: null })) {
    const holder = read(file);
    if (holder !== undefined && isAlive(holder.engine)) {
      throw new Error(`${folder} is in use by process ${holder.engine.pid}; end that process, or choose another folder`);
    }
    if (holder?.server) await endServer(holder.server);
    takeAway(file, holder);
  }
  return {
    holdServer: (server) => replace(file, { engine, server }),
    release: () => rmSync(file, { force: true }),
  };
}

/** Ends a server as `pg_ctl stop -m fast` does, and without a checkpoint when that takes too long. */
export async function endServer(server: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!isAlive(server)) return;
    try {
      process.kill(server.pid, signal);
    } catch (error) {
      if (isAlive(server))
        throw new Error(`server ${server.pid} of an engine that has ended still runs; end it with its owner's rights`, { cause: error });
    }
    for (const until = Date.now() + SHUTDOWN_MS; isAlive(server) && Date.now() < until; ) await delay(10);
  }
}

/** A link appears with its content or not at all, so that nobody reads half a lock. */
function tryCreate(file: string, holder: Holder): boolean {
  const draft = write(file, holder);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return false;
  } finally {
    rmSync(draft);
  }
}

function replace(file: string, holder: Holder): void {
  renameSync(write(file, holder), file);
}

function write(file: string, holder: Holder): string {
  const draft = `${file}.${randomUUID()}`;
  try {
    writeFileSync(draft, JSON.stringify(holder));
    return draft;
  } catch (error) {
    rmSync(draft, { force: true });
    throw folderError(dirname(file), error);
  }
}

function read(file: string): Holder | undefined {
  try {
    return Holder.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Two engines may find the same dead lock; the one that comes second must not take the first one's new lock away. */
function takeAway(file: string, dead: Holder | undefined): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const taken = read(aside);
  if (taken !== undefined && JSON.stringify(taken.engine) !== JSON.stringify(dead?.engine)) linkSync(aside, file);
  rmSync(aside);
}
