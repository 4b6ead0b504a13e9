import { accessSync, constants, mkdirSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** A folder cannot be used; the message says which, why, and what to do. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
}

/**
 * Makes a folder, and those above it.
 *
 * mkdir's own `recursive` never returns where the system has no room for children, as below /proc (Node 24).
 *
 * @throws {FolderError}
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!isFolder(folder)) throw folderError(folder, error);
  }
}

/** @throws {FolderError} for a file, or a folder that we may not read; a folder that is not there is none to refuse. */
export function refuseUnreadable(folder: string): void {
  if (!isFolder(folder)) return;
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (error) {
    throw folderError(folder, error);
  }
}

function isFolder(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    if (codeOf(error) === 'ENOTDIR') return isFolder(dirname(path));
    throw folderError(path, error);
  }
  throw new FolderError(`${path} is a file and no folder; choose another folder`);
}

/** What the system refuses, in words; anything else stays as it is. */
export function folderError(path: string, error: unknown): unknown {
  if (error instanceof FolderError) return error;
  if (isFullDisk(error)) return new FolderError(fullDisk(path), { cause: error });
  const words = REFUSALS[codeOf(error)];
  return words === undefined ? error : new FolderError(`${path} ${words}`, { cause: error });
}

const NO_RIGHT = 'is not open to this user; ask its owner for the right to read and write there, or choose another folder';

const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  EROFS: 'lies on a disk that can only be read; choose another folder',
  ENOENT: 'cannot be made: the system keeps no folders there; choose another folder',
  EEXIST: 'is there and is no folder; choose another folder',
  ENAMETOOLONG: 'is longer than the system takes; choose another folder',
  ELOOP: 'is a link that leads to itself; choose another folder',
};

/** Whether a call of ours, or of PostgreSQL (SQLSTATE 53100), failed for want of space; programs say it in words only. */
export function isFullDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ['ENOSPC', 'EDQUOT', '53100'].includes(codeOf(error)) || /No space left on device|Disk quota exceeded/.test(error.message);
}

/** PostgreSQL writes its log in files of this size, and ends when there is no room for the next. */
const LOG_FILE_BYTES = 16 * 1024 * 1024;

export function isAlmostFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < LOG_FILE_BYTES;
}

/** With its log, a run's own tables, and the snapshot that the run takes: 125 MB for twenty rows. */
const NEW_DATABASE_MB = 150;

/** @throws {FolderError} where a new database would fill the disk before its first run ends. */
export function refuseTooSmall(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const freeMb = Math.floor((bavail * bsize) / 1024 / 1024);
  if (freeMb < NEW_DATABASE_MB)
    throw new FolderError(
      `too little space in ${folder}: ${freeMb} MB are free, and a new database with its snapshot takes ${NEW_DATABASE_MB} MB; free some, or choose another folder`,
    );
}

export function fullDisk(path: string): string {
  return `no space left for ${path}; free 200 MB and twice the size of the data, or choose another folder`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
