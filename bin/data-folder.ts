import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { lockFolder } from '../local/postgres/folder-lock.ts';
import { folderError, refuseUnreadable } from '../local/usable-folder.ts';
import { NoRunError } from './no-run-error.ts';

/** The folder of plans, unless --plans says otherwise. */
export const PLANS_FOLDER = 'migrations';

/** Where data is kept unless --data says otherwise, below the working folder. */
export const DATA_FOLDER = '.stepgate';

/** The same for `demo`, which begins from nothing. */
export const DEMO_FOLDER = `${DATA_FOLDER}/demo`;

/** What an engine keeps in its folder; only these are ever removed. */
const KEPT_BY_ENGINE = ['rds', 'buckets', 'executions', 'schedules', 'logs', 'clock.json', 'notifications.jsonl', 'events.jsonl', 'engine.json'];

/** Synthesized from sources, for the next engine, too; and locks, with the drafts that a killed process leaves. */
const NO_DATA = /^(assembly|(engine|rds)\.lock.*|(clock|engine)\.json\.new|\.gitignore|\.DS_Store|lost\+found)$/;

/** Other things in a data folder than its own. */
export interface Neighbours {
  /** Data folders of their own: the demo's in `.stepgate`, one for each `--database-url`. */
  readonly dataFolders: readonly string[];
}

/**
 * Removes what an engine keeps, and ends the database servers that a killed engine left.
 *
 * @throws {NoRunError} while an engine uses the folder, and where something lies in it that no engine made; nothing is removed then.
 */
export async function emptyDataFolder(folder: string): Promise<Neighbours> {
  const neighbours = neighboursIn(folder);
  if (!existsSync(folder)) return neighbours;
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
    for (const name of KEPT_BY_ENGINE) remove(join(folder, name));
    return neighbours;
  } finally {
    lock.release();
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw folderError(path, error);
  }
}

/** Names that an error lists of many. */
const MOST_NAMED = 5;

function neighboursIn(folder: string): Neighbours {
  refuseUnreadable(folder);
  if (!existsSync(folder)) return { dataFolders: [] };
  const others = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !isOwn(name));
  const isDataFolder = (name: string) => {
    const names = readdirSync(join(folder, name));
    return names.some((one) => KEPT_BY_ENGINE.includes(one)) && names.every(isOwn);
  };
  const dataFolders = others.filter((entry) => entry.isDirectory() && isDataFolder(entry.name)).map(({ name }) => name);
  const foreign = others.map(({ name }) => name).filter((name) => !dataFolders.includes(name));
  if (foreign.length > 0) {
    const named = [...foreign.slice(0, MOST_NAMED), ...(foreign.length > MOST_NAMED ? [`${foreign.length - MOST_NAMED} more`] : [])].join(', ');
    throw new NoRunError(
      `${folder} holds what no engine made: ${named}; nothing was removed. Name a folder of its own with --data, or move them away`,
    );
  }
  return { dataFolders: dataFolders.sort() };
}

function isOwn(name: string): boolean {
  return KEPT_BY_ENGINE.includes(name) || NO_DATA.test(name);
}

/** Relative to the working folder where it lies within. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || fromHere === '' ? path : fromHere;
}
