import { inWords } from './copy.ts';
import { figure, type Result, ratios, type Size, timeMs } from './figure.ts';
import type { Stage } from './stage.ts';
import { beginRun } from './state-run.ts';
import { sourceSql } from './wide-rows.ts';

const ROWS = 200_000;

/** What a phase that changes every row takes longer because the rows are kept as they were. */
export async function measureRowImages(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const plain: number[] = [];
  const guarded: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const timePlain = async () => plain.push(await timePhase(stage, 'change', rows ?? ROWS));
    if (round % 2 === 0) await timePlain();
    guarded.push(await timePhase(stage, 'change-protected', rows ?? ROWS));
    if (round % 2 === 1) await timePlain();
  }
  return {
    name: 'row-images',
    about: `A phase that updates one column of ${inWords(rows ?? ROWS)} rows of 10 columns, by RunPhase in its bundle, with \`protect\` and without.`,
    figures: [
      figure(
        { name: 'with row images to without', unit: 'ratio', ...(rows === null ? { goal: { kind: 'at most', value: 1.3 } as const } : {}) },
        ratios(guarded, plain),
      ),
      figure({ name: 'without row images', unit: 'ms' }, plain),
      figure({ name: 'with row images', unit: 'ms' }, guarded),
    ],
    skipped: [],
  };
}

async function timePhase(stage: Stage, plan: string, rows: number): Promise<number> {
  await stage.empty();
  await stage.sql(sourceSql('bigint', rows));
  await stage.sql('vacuum (freeze, analyze) source');
  const run = await beginRun(stage, plan);
  await stage.sql('checkpoint');
  return timeMs(() => run.untilDone('RunPhase', { phase: 'change' }));
}
