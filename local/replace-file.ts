import { renameSync, writeFileSync } from 'node:fs';

/** Writes a whole file at once: whoever reads it, or is killed meanwhile, finds the old text or the new one. */
export function replaceFile(path: string, text: string, mode = 0o644): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}
