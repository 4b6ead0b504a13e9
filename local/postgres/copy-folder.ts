import { constants } from 'node:fs';
import { chown, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerUser } from './binaries.ts';

/** Files copied at a time: enough to keep a disk busy, few enough to leave the thread pool to others. */
const AT_A_TIME = 3;

/**
 * Copies a folder with modes, owned by `owner`.
 *
 * `skip` gets paths relative to the folder. A file that vanishes meanwhile is left out: a live data folder is copied so.
 */
export async function copyFolder(from: string, to: string, { owner, skip }: { owner: ServerUser; skip?: (path: string) => boolean }): Promise<void> {
  const files: { path: string; link: boolean }[] = [];
  const folders = [''];
  for (const folder of folders) {
    await copyOwnerAndMode(join(from, folder), join(to, folder), owner);
    for (const entry of await present(readdir(join(from, folder), { withFileTypes: true }))) {
      const path = join(folder, entry.name);
      if (skip?.(path)) continue;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() || entry.isSymbolicLink()) files.push({ path, link: entry.isSymbolicLink() });
    }
  }
  const next = files.values();
  const copies = await Promise.allSettled(
    Array.from({ length: AT_A_TIME }, async () => {
      for (const { path, link } of next) await copyOne(join(from, path), join(to, path), { owner, link });
    }),
  );
  // Not before all have come to their end: who clears up must not meet one that still writes.
  const failed = copies.find((copy) => copy.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function copyOwnerAndMode(from: string, to: string, owner: ServerUser): Promise<void> {
  const { mode } = await lstat(from);
  await mkdir(to, { recursive: true, mode: mode & 0o777 });
  if (owner) await chown(to, owner.uid, owner.gid);
}

async function copyOne(from: string, to: string, { owner, link }: { owner: ServerUser; link: boolean }): Promise<void> {
  try {
    if (link) return await symlink(await readlink(from), to);
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    if (owner) await chown(to, owner.uid, owner.gid);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function present<Entry>(entries: Promise<Entry[]>): Promise<Entry[]> {
  try {
    return await entries;
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
