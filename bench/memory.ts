import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COPY_ROWS, inWords } from './copy.ts';
import { figure, type Result, ratios, type Size } from './figure.ts';

const run = promisify(execFile);

const STEADY = { kind: 'at most', value: 1.1 } as const;

/** The most memory that the process of engine and functions ever had, PostgreSQL apart, for a copy with its comparison. */
export async function measureMemory({ rounds, rows }: Size): Promise<Result> {
  const most = rows ?? COPY_ROWS;
  const fewest = Math.max(10, Math.round(most / 10));
  const few: number[] = [];
  const many: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    few.push(await peakKb(fewest));
    many.push(await peakKb(most));
  }
  return {
    name: 'memory',
    about: `The most memory that a new process of the local engine ever had, its functions within it and PostgreSQL apart, while it copied and compared \
${inWords(fewest)} and ${inWords(most)} rows. Rows never leave the database, so that their number is not to be seen.`,
    figures: [
      figure({ name: `${inWords(most)} rows to ${inWords(fewest)}`, unit: 'ratio', ...(rows === null ? { goal: STEADY } : {}) }, ratios(many, few)),
      figure({ name: `${inWords(fewest)} rows`, unit: 'KB' }, few),
      figure({ name: `${inWords(most)} rows`, unit: 'KB' }, many),
    ],
    skipped: [],
  };
}

async function peakKb(rows: number): Promise<number> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'memory-process.ts'), String(rows)]);
  return Number(stdout);
}
