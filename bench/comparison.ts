import { COPY_ROWS, inWords } from './copy.ts';
import { openCopyRun } from './copy-run.ts';
import { type Figure, figure, type Result, ratios, type Size } from './figure.ts';
import type { Stage } from './stage.ts';

const KEYS = [
  { key: 'bigint', goal: { kind: 'at most', value: 0.5 } },
  { key: 'uuid', goal: { kind: 'at most', value: 1 } },
] as const;

/** The comparison of every row and column, beside the copy that it checks. */
export async function measureComparison(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const figures: Figure[] = [];
  for (const { key, goal } of KEYS) {
    const run = await openCopyRun(stage, { plan: `copy-${key}`, rows: rows ?? COPY_ROWS });
    const copy: number[] = [];
    const comparison: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      copy.push((await run.byBatches()).wallMs);
      comparison.push(await run.compare());
    }
    figures.push(
      figure({ name: `${key} key, comparison to copy`, unit: 'ratio', ...(rows === null ? { goal } : {}) }, ratios(comparison, copy)),
      figure({ name: `${key} key, comparison`, unit: 'ms' }, comparison),
      figure({ name: `${key} key, copy`, unit: 'ms' }, copy),
    );
  }
  return {
    name: 'comparison',
    about: `Compares ${inWords(rows ?? COPY_ROWS)} with ${inWords(rows ?? COPY_ROWS)} rows, all 10 columns by value, both ways, by VerifyTarget in its bundle, right \
after RunBackfill has copied them; by wall time, what else VerifyTarget looks at included.`,
    figures,
    skipped: [],
  };
}
