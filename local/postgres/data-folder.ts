import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isFullDisk, refuseTooSmall } from '../usable-folder.ts';
import { type Binaries, othersCanReach, type ServerUser } from './binaries.ts';
import { copyFolder } from './copy-folder.ts';

export const SUPERUSER = 'rdsadmin';
const PASSWORD_FILE = 'stepgate-superuser';

/** Nothing but a password over loopback TCP. */
const HOST_RULES = 'host all all 127.0.0.1/32 scram-sha-256\n';

const INITDB = ['--username', SUPERUSER, '--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'];
/** Authentication comes with our own pg_hba.conf and a password per folder; nobody can connect before. */
const INITDB_LOCKED = ['--auth', 'reject', '--no-sync', '--no-instructions'];

/** Makes a data folder unless there is one; a folder appears complete or not at all. */
export async function ensureDataFolder(folder: string, binaries: Binaries, user: ServerUser): Promise<void> {
  for (const entry of await readdir(dirname(folder))) {
    if (entry.startsWith(`${basename(folder)}.draft-`)) await rm(join(dirname(folder), entry), { recursive: true });
  }
  await closeToOthers(folder);
  if (await exists(join(folder, 'PG_VERSION'))) return;
  refuseTooSmall(dirname(folder));
  const draft = `${folder}.draft-${randomUUID()}`;
  try {
    await fill(draft, binaries, user);
    await closeToOthers(draft);
    const password = randomBytes(24).toString('hex');
    await run(binaries.postgres, ['--single', '-D', await pathSeenBy(user, draft), '-c', 'log_min_messages=fatal', 'postgres'], {
      folder: draft,
      user,
      input: `alter role ${SUPERUSER} password '${password}';\n`,
    });
    await writeFile(join(draft, 'pg_hba.conf'), HOST_RULES);
    await writeFile(join(draft, PASSWORD_FILE), password, { mode: 0o600 });
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (await exists(folder)) throw new Error(`${folder} exists and holds no database; choose another folder, or empty it`, { cause: error });
    throw error;
  }
}

/** PostgreSQL starts on no folder with another mode, and somebody may have given it one. A folder of another user's is found out later. */
async function closeToOthers(folder: string): Promise<void> {
  await chmod(folder, 0o700).catch(() => undefined);
}

export async function readSuperuserPassword(folder: string): Promise<string> {
  return readFile(join(folder, PASSWORD_FILE), 'utf8');
}

/**
 * How the server's user can name a folder that it works in.
 *
 * Below root's 0700 home no path leads there for nobody, but its working directory does.
 */
export async function pathSeenBy(user: ServerUser, folder: string): Promise<string> {
  if (user === undefined || (await othersCanReach(dirname(folder)))) return folder;
  if (process.platform === 'linux') return '/proc/self/cwd';
  throw new Error(`${folder} cannot be reached without root's rights, which postgres refuses; use a folder outside root's home`);
}

/** initdb takes 0.5 to 1.3 s and a copy of its result 0.1 s, so that the first folder leaves a template for the next ones. */
async function fill(folder: string, binaries: Binaries, user: ServerUser): Promise<void> {
  const template = join(binaries.cacheFolder, `initdb-${binaries.version}-${process.getuid?.() ?? 0}`);
  if (!(await exists(template))) {
    const draft = `${template}.${randomUUID()}`;
    try {
      await mkdir(binaries.cacheFolder, { recursive: true });
      await initdb(draft, binaries, user);
      await rename(draft, template);
    } catch {
      await rm(draft, { recursive: true, force: true }).catch(() => undefined);
      // Read-only, full, or another process was first: only the last leaves a template.
      if (!(await exists(template))) return initdb(folder, binaries, user);
    }
  }
  try {
    await copyFolder(template, folder, { owner: user });
  } catch (error) {
    if (isFullDisk(error)) throw error;
    // A template that cannot be read is no reason to do without a database.
    await rm(folder, { recursive: true, force: true });
    await initdb(folder, binaries, user);
  }
}

async function initdb(folder: string, binaries: Binaries, user: ServerUser): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user) await chown(folder, user.uid, user.gid);
  await run(binaries.initdb, ['-D', await pathSeenBy(user, folder), ...INITDB, ...INITDB_LOCKED], { folder, user });
}

async function run(
  program: string,
  args: readonly string[],
  { folder, user, input }: { folder: string; user: ServerUser; input?: string },
): Promise<void> {
  const child = spawn(program, args, { cwd: folder, ...user, env: { PATH: process.env.PATH, LC_ALL: 'C' }, stdio: 'pipe' });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stdin.on('error', () => undefined).end(input);
  const code = await ended(child).catch((error: unknown) => {
    throw new Error(`${program} cannot be started (${error instanceof Error ? error.message : error}); npm ci puts the programs back as they were`, {
      cause: error,
    });
  });
  if (code !== 0) throw new Error(`${basename(program)} failed in ${folder}: ${output.join('').trim().split('\n').slice(-5).join('; ')}`);
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
