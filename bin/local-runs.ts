import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { JournalEntry } from '../core/run/journal.ts';
import { FolderError, folderError, refuseUnreadable } from '../local/usable-folder.ts';

/** A run as the report bucket of a data folder holds it; no engine has to run for it. */
export interface LocalRun {
  readonly id: string;
  readonly folder: string;
  readonly journal: readonly JournalEntry[];
}

/** Where the report of a run lies, or will. */
export function runFolder(dataFolder: string, { bucket, run }: { readonly bucket: string; readonly run: string }): string {
  return join(dataFolder, 'buckets', bucket, 'runs', run);
}

/**
 * The runs of a plan, or of all, newest first.
 *
 * @throws {FolderError} when the folder, or something of it, cannot be read.
 */
export function readRuns(dataFolder: string, plan?: string): readonly LocalRun[] {
  refuseUnreadable(dataFolder);
  const buckets = join(dataFolder, 'buckets');
  const folders = names(buckets).flatMap((bucket) => names(join(buckets, bucket, 'runs')).map((run) => runFolder(dataFolder, { bucket, run })));
  const runs = folders.map((folder) => ({ id: basename(folder), folder, journal: readJournal(folder) }));
  const wanted = runs.filter(({ journal }) => plan === undefined || planOf(journal) === plan);
  return wanted.sort((a, b) => begunAt(b).localeCompare(begunAt(a)));
}

/** A page of the report; null when the run never came to write it. */
export function readPage({ folder }: LocalRun, name: 'report.md' | 'report.json'): string | null {
  const file = join(folder, name);
  return ifThere(file, () => readFileSync(file, 'utf8')) ?? null;
}

function readJournal(folder: string): readonly JournalEntry[] {
  const journal = join(folder, 'journal');
  return names(journal)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readEntry(join(journal, name)))
    .sort((a, b) => a.at.localeCompare(b.at));
}

function readEntry(file: string): JournalEntry {
  try {
    return JournalEntry.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw folderError(file, error);
    throw new FolderError(`${file} is no journal entry that this version reads: it is cut, or of another version; move its run's folder away`, {
      cause: error,
    });
  }
}

function planOf(journal: readonly JournalEntry[]): string | null {
  return journal.find((entry) => entry.kind === 'run')?.plan ?? null;
}

function begunAt({ journal }: LocalRun): string {
  return journal[0]?.at ?? '';
}

function names(folder: string): readonly string[] {
  return ifThere(folder, () => readdirSync(folder).sort()) ?? [];
}

/** Nothing where there is nothing, or a file where a folder is looked for; what may not be read is an error. */
function ifThere<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw folderError(path, error);
  }
}
