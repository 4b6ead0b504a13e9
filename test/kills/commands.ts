import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Commands {
  /** Starts one and does not wait for it. */
  stepgate(args: readonly string[], folder: string): ChildProcess;
  /** Its exit code, and the last line of what it said on stderr. */
  endOf(args: readonly string[], folder: string): Promise<{ readonly code: number; readonly said: string }>;
}

/** The command line tool as people start it; `options` are those of every command on a data folder. */
export function commandsOn(options: (folder: string) => readonly string[]): Commands {
  const stepgate = (args: readonly string[], folder: string): ChildProcess =>
    spawn(process.execPath, [join(ROOT, 'bin', 'stepgate.mjs'), ...args, ...options(folder)], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  return {
    stepgate,
    async endOf(args, folder) {
      const child = stepgate(args, folder);
      let said = '';
      child.stderr?.on('data', (text: Buffer) => {
        said = `${said}${text}`.slice(-2_000);
      });
      const [code] = await once(child, 'close');
      return { code: Number(code ?? -1), said: said.trim().split('\n').at(-1) ?? '' };
    },
  };
}

export async function writePlanFolder(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

export async function until(holds: () => Promise<boolean>, mostMs = 60_000): Promise<boolean> {
  for (const end = performance.now() + mostMs; performance.now() < end; await delay(20)) {
    if (await holds()) return true;
  }
  return false;
}

/** The same fractions every time: the golden ratio's multiples fill the run evenly. */
export function seededFraction(seed: number): number {
  return ((seed + 1) * 0.618_033_988_75) % 1;
}
