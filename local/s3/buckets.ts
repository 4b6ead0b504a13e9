import { createHash, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { folderError } from '../usable-folder.ts';

export interface StoredObject {
  readonly key: string;
  readonly etag: string;
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
}

/** Buckets as folders, objects as files of their key; whole objects appear at once. */
export interface Buckets {
  has(bucket: string): boolean;
  /** False when `onlyIfMissing` and there is one. */
  put(bucket: string, key: string, bytes: Buffer, onlyIfMissing: boolean): boolean;
  get(bucket: string, key: string): StoredObject | undefined;
  delete(bucket: string, key: string): void;
  /** In the order of the keys' UTF-8 bytes. */
  keys(bucket: string): string[];
}

/** A key that is no relative path cannot be a file here; S3 itself takes it. */
export function isStorableKey(key: string): boolean {
  return (
    Buffer.byteLength(key) <= 1024 &&
    !/[\0\\]/.test(key) &&
    key.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && part.length <= 200)
  );
}

export function openBuckets(folder: string, names: readonly string[]): Buckets {
  const drafts = join(folder, '.drafts');
  rmSync(drafts, { recursive: true, force: true });
  for (const name of ['.drafts', ...names]) mkdirSync(join(folder, name), { recursive: true });
  const file = (bucket: string, key: string) => join(folder, bucket, key);
  return {
    has: (bucket) => names.includes(bucket),
    put(bucket, key, bytes, onlyIfMissing) {
      const draft = join(drafts, randomUUID());
      writeDraft(draft, bytes);
      mkdirSync(dirname(file(bucket, key)), { recursive: true });
      if (!onlyIfMissing) renameSync(draft, file(bucket, key));
      return !onlyIfMissing || linkIfMissing(draft, file(bucket, key));
    },
    get(bucket, key) {
      const path = file(bucket, key);
      if (!existsSync(path) || !statSync(path).isFile()) return undefined;
      const bytes = readFileSync(path);
      return { key, bytes, etag: etagOf(bytes), modifiedAt: statSync(path).mtime };
    },
    delete: (bucket, key) => rmSync(file(bucket, key), { force: true }),
    keys: (bucket) =>
      readdirSync(join(folder, bucket), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(join(folder, bucket), join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  };
}

/** @throws {FolderError} where the disk is full; nothing is left then. */
function writeDraft(draft: string, bytes: Buffer): void {
  try {
    writeFileSync(draft, bytes);
  } catch (error) {
    rmSync(draft, { force: true });
    throw folderError(dirname(draft), error);
  }
}

/** As S3 makes it for an object put in one part. */
export function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

/** A link is atomic and never replaces: of two writers at once, one wins. */
function linkIfMissing(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}
