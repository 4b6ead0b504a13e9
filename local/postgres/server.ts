import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { fullDisk, isAlmostFull, isFullDisk } from '../usable-folder.ts';
import { type Binaries, findBinaries, type ServerUser, serverUser } from './binaries.ts';
import { ensureDataFolder, pathSeenBy, readSuperuserPassword, SUPERUSER } from './data-folder.ts';
import { endServer, type FolderLock, lockFolder } from './folder-lock.ts';
import { type ProcessIdentity, processIdentity } from './process-identity.ts';

export interface PostgresServer {
  readonly port: number;
  /** As superuser `rdsadmin`, on the database `postgres`. */
  readonly superuserUrl: string;
  readonly pid: number;
  /** Ends the server with a checkpoint. Safe to call twice. */
  stop(): Promise<void>;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  // What a server with 512 MB of shared buffers or more has by itself (PostgreSQL, wal_buffers): otherwise writers beside one another wait for these 4 MB.
  wal_buffers: '16MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  track_activity_query_size: '4096',
  // A low-level base backup needs it.
  wal_level: 'replica',
  // A killed server or engine loses nothing without fsync: written pages are the operating system's. Only a machine that crashes may lose a local database.
  fsync: 'off',
  full_page_writes: 'off',
  // Starts, stops and crashes, but no statements: their text may hold personal data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
};

/** Recovery after a kill replays up to max_wal_size, 1 GB, before the server is ready. */
const READY_MS = 120_000;

/** A port that was free a moment ago may be taken. */
const PORT_TRIES = 5;

interface Launch {
  readonly folder: string;
  readonly user: ServerUser;
  readonly binaries: Binaries;
  readonly settings: Readonly<Record<string, string>>;
  readonly onEnd: ((why: string) => void) | undefined;
}

/**
 * Starts the PostgreSQL server of a data folder on a loopback port that the system chooses, and makes the folder when there is none.
 *
 * The server ends when this process does, however it does. Its log is `<dataFolder>.log`.
 *
 * @throws when another engine uses the folder, or the server ends before it is ready; the message holds its last words.
 */
export async function startPostgres(options: {
  readonly dataFolder: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Gets one sentence when the server ends and nobody has stopped it. */
  readonly onEnd?: (why: string) => void;
}): Promise<PostgresServer> {
  const folder = resolve(options.dataFolder);
  const lock = await lockFolder(folder);
  try {
    const user = serverUser();
    const binaries = await findBinaries(user);
    await ensureDataFolder(folder, binaries, user);
    const launch = { folder, user, binaries, settings: { ...SETTINGS, ...options.settings }, onEnd: options.onEnd };
    for (let tries = PORT_TRIES; ; tries -= 1) {
      const server = await tryStart(launch, lock);
      if (typeof server !== 'string') return server;
      if (!server.includes('could not bind') || tries === 1) throw new Error(`postgres ended before it was ready in ${folder}: ${server}`);
    }
  } catch (error) {
    lock.release();
    throw isFullDisk(error) ? new Error(fullDisk(`the database ${folder}`), { cause: error }) : error;
  }
}

/** The running server, or what it said before it ended. */
async function tryStart(launch: Launch, lock: FolderLock): Promise<PostgresServer | string> {
  const { folder } = launch;
  const port = await freePort();
  const seenPath = await pathSeenBy(launch.user, folder);
  const child = spawnServer(launch, port, seenPath);
  const exited = new Promise<void>((done) => child.once('exit', () => done()).once('error', () => done()));
  const identity = child.pid === undefined ? undefined : processIdentity(child.pid);
  if (identity === undefined) return lastWords(folder);
  lock.holdServer(identity);
  if (!(await becomesReady(child, folder))) return lastWords(folder);
  const superuserUrl = `postgres://${SUPERUSER}:${await readSuperuserPassword(folder)}@127.0.0.1:${port}/postgres`;
  let isStopped = false;
  void exited.then(() => isStopped || launch.onEnd?.(whyEnded(folder)));
  const stop = async () => {
    isStopped = true;
    child.ref();
    await endServer(identity);
    await exited;
    lock.release();
  };
  try {
    await checkIdentity(superuserUrl, { seenPath, identity });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, superuserUrl, pid: identity.pid, stop };
}

function spawnServer({ folder, user, binaries, settings }: Launch, port: number, seenPath: string): ChildProcess {
  const args = ['-D', seenPath, ...Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const dying = canDieWithParent();
  const log = openSync(`${folder}.log`, 'w', 0o600);
  // Detached: Ctrl-C in a terminal is the engine's to handle; the server ends with it, not before.
  const child = spawn(dying ? 'setpriv' : binaries.postgres, dying ? ['--pdeathsig', 'INT', binaries.postgres, ...args] : args, {
    ...user,
    cwd: folder,
    detached: true,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  if (!dying && child.pid !== undefined) watchParent(child, child.pid);
  return child;
}

/** The user is changed before setpriv runs: a later change would clear the signal again (prctl(2), PR_SET_PDEATHSIG). */
function canDieWithParent(): boolean {
  return process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'INT', 'true']).status === 0;
}

/** A shell that reads a pipe from this process until the pipe ends, which it does however this process ends. */
function watchParent(child: ChildProcess, pid: number): void {
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$0"', String(pid)], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watchdog.on('error', () => undefined).unref();
  if (watchdog.stdin && 'unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  child.once('exit', () => watchdog.kill('SIGKILL'));
}

async function becomesReady(child: ChildProcess, folder: string): Promise<boolean> {
  for (const until = Date.now() + READY_MS; Date.now() < until; await delay(10)) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    const lines = readLines(join(folder, 'postmaster.pid'));
    if (lines[0] === String(child.pid) && lines[7]?.startsWith('ready')) return true;
  }
  child.kill('SIGQUIT');
  return false;
}

/** Another server that answers on our port would otherwise be written to. */
async function checkIdentity(superuserUrl: string, expected: { seenPath: string; identity: ProcessIdentity }): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    const query = `select current_setting('data_directory') as folder, split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid`;
    const [row] = (await client.query<{ folder: string; pid: string }>(query)).rows;
    if (row?.folder !== expected.seenPath || row.pid !== String(expected.identity.pid)) {
      throw new Error(`another server answers on port ${client.port}: folder ${row?.folder}, process ${row?.pid}; end it, or start again`);
    }
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address ? done(address.port) : fail(new Error('the system gave no port'))));
    });
  });
}

/** On a full disk the log is cut, too. */
function whyEnded(folder: string): string {
  const words = lastWords(folder);
  if (isFullDisk(new Error(words)) || isAlmostFull(folder))
    return `the database server has ended: ${fullDisk(folder)}. What was committed is there again at the next start`;
  return `the database server of ${folder} has ended: ${words}`;
}

function lastWords(folder: string): string {
  return readLines(`${folder}.log`).filter(Boolean).slice(-6).join('; ') || 'it said nothing';
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
