import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import type { PlanSource } from '../core/plan/compile-plan.ts';

/** Files that a plan is compiled from; the rest of its folder (README, demo data) is for people. */
const COMPILED = /\.(sql|ya?ml)$/;

/**
 * Reads a plan's folder; the folder's name is the plan's id.
 *
 * @throws {Error} ENOENT where there is no such folder.
 */
export async function readPlanFolder(folder: string): Promise<PlanSource> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && COMPILED.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const files = await Promise.all(paths.map(async (path) => [relative(folder, path).split(sep).join('/'), await readFile(path, 'utf8')] as const));
  return { id: basename(resolve(folder)), files: new Map(files.filter(([path]) => !path.startsWith('demo/'))) };
}

/** Every folder of `root` that holds a plan.yaml, sorted by name. */
export async function planFolders(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
  const holds = await Promise.all(folders.map(async (folder) => (await readdir(folder)).includes('plan.yaml')));
  return folders.filter((_, index) => holds[index]).sort();
}
