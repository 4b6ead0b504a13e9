import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { folderError } from './usable-folder.ts';

/**
 * Writes a whole file at once: whoever reads it, or is killed meanwhile, finds the old text or the new one.
 *
 * @throws {FolderError} where the disk is full or the folder refuses it; nothing is left then.
 */
export function replaceFile(path: string, text: string, mode = 0o644): void {
  const draft = `${path}.new`;
  try {
    writeFileSync(draft, text, { mode });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw folderError(path, error);
  }
}
