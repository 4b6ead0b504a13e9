import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { assemblyFolderFor, obtainAssembly } from '../local/assembly.ts';
import { packAssembly } from '../local/packed-assembly.ts';
import { DATA_FOLDER } from './data-folder.ts';

/**
 * Builds what package.json exports into `<root>/dist`: emitted JavaScript with types, a bundle per function, and the stack's definition.
 *
 * @throws when the sources do not compile; tsc has said where.
 */
export async function buildPackage(root: string): Promise<void> {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  packAssembly(await obtainAssembly(assemblyFolderFor(join(root, DATA_FOLDER))), join(root, 'dist'));
}

if (import.meta.main) await buildPackage(join(import.meta.dirname, '..'));
