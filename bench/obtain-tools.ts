import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { type ComparedTool, NPM_TOOLS, SQITCH } from './compared-tools.ts';

/** A folder and a lockfile of its own: whoever installs Stepgate installs none of them. */
const COMPARED = join(import.meta.dirname, 'compared');

export const COMPARED_MODULES = join(COMPARED, 'node_modules');

/** The tools that can run here, and a line for each that cannot. */
export interface ObtainedTools {
  readonly tools: readonly ComparedTool[];
  readonly missing: readonly string[];
}

const run = promisify(execFile);

/** Installs the pinned tools where they are not there yet; with `offline`, takes what is there. */
export async function obtainTools({ offline }: { readonly offline: boolean }): Promise<ObtainedTools> {
  const refusal = arePinnedThere() ? null : offline ? 'it is not installed in bench/compared' : await install();
  const hasSqitch = await run('sqitch', ['--version']).then(
    () => true,
    () => false,
  );
  return {
    tools: [...(refusal === null ? NPM_TOOLS : []), ...(hasSqitch ? [SQITCH] : [])],
    missing: [
      ...(refusal === null ? [] : NPM_TOOLS.map(({ name }) => `${name}: ${refusal}`)),
      ...(hasSqitch ? [] : ['sqitch: there is none on this machine; on Debian, "apt-get install sqitch libdbd-pg-perl" brings it']),
    ],
  };
}

const Manifest = z.object({ version: z.string(), dependencies: z.record(z.string(), z.string()).default({}) });

function arePinnedThere(): boolean {
  const pinned = Object.entries(manifest(COMPARED).dependencies);
  return pinned.every(([name, version]) => {
    const folder = join(COMPARED_MODULES, name);
    return existsSync(join(folder, 'package.json')) && manifest(folder).version === version;
  });
}

function manifest(folder: string): z.infer<typeof Manifest> {
  return Manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
}

/** What npm says against it, in one line; null when it worked. No package's script is run. */
async function install(): Promise<string | null> {
  process.stderr.write('installing what is compared into bench/compared …\n');
  return run('npm', ['ci', '--ignore-scripts'], { cwd: COMPARED }).then(
    () => null,
    (error: unknown) => {
      const said = /npm error (?!code)(.+)/.exec(error instanceof Error ? error.message : String(error))?.[1];
      return `npm cannot install it here${said === undefined ? '' : ` (${said})`}`;
    },
  );
}
