import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { lockFolder } from '../local/postgres/folder-lock.ts';
import { NoRunError } from './no-run-error.ts';

/** Where data is kept unless --data says otherwise, below the working folder. */
export const DATA_FOLDER = '.stepgate';

/** What an engine keeps in its folder; only these are ever removed. */
const KEPT_BY_ENGINE = ['rds', 'buckets', 'executions', 'schedules', 'logs', 'clock.json', 'notifications.jsonl', 'engine.json'];

/**
 * Removes what an engine keeps, and ends the database servers that a killed engine left.
 *
 * @throws {NoRunError} while an engine uses the folder.
 */
export async function emptyDataFolder(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const lock = await lockFolder(join(folder, 'engine')).catch((error: unknown) => {
    throw new NoRunError(`${folder} cannot be emptied: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  try {
    const clusters = join(folder, 'rds', 'clusters');
    for (const cluster of existsSync(clusters) ? readdirSync(clusters) : []) {
      // Taking the lock ends the server of an engine that was killed.
      const server = await lockFolder(join(clusters, cluster, 'data'));
      server.release();
    }
    for (const name of KEPT_BY_ENGINE) rmSync(join(folder, name), { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

/** A command of ours as a user would type it for this data folder. */
export function commandFor(folder: string, command: string): string {
  const shown = shownPath(folder);
  return shown === DATA_FOLDER || !command.startsWith('npx stepgate') ? command : `${command} --data ${shown}`;
}

/** Relative to the working folder where it lies within. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || fromHere === '' ? path : fromHere;
}
