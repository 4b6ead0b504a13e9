import { COPY_ROWS, inWords } from './copy.ts';
import { type CopyRun, openCopyRun } from './copy-run.ts';
import { type Figure, figure, type Goal, type Result, ratios, type Size } from './figure.ts';
import type { Stage } from './stage.ts';
import { type CopyName, ONE_INSERT } from './wide-rows.ts';

interface Variant {
  readonly plan: CopyName;
  readonly name: string;
  readonly goal: Goal;
}

const VARIANTS: readonly Variant[] = [
  { plan: 'copy-two-ranges', name: 'two ranges at once', goal: { kind: 'at least', value: 1.2 } },
  { plan: 'copy-beside', name: 'beside live sync', goal: { kind: 'at least', value: 0.6 } },
  { plan: 'copy-beside-two-ranges', name: 'beside live sync, two ranges at once', goal: { kind: 'at least', value: 0.85 } },
];

/** The other ways to copy, each beside the one statement that it replaces, by wall time: ranges that run at once share none. */
/** What the machine gives at most: two clients that each insert half of the rows with one statement and do nothing else. */
async function twoClients(run: CopyRun, { rounds, rows }: { readonly rounds: number; readonly rows: number }): Promise<Figure> {
  const middle = Math.floor(rows / 2);
  const both: number[] = [];
  const one: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    both.push(await run.byStatements([`${ONE_INSERT} where s.id <= ${middle}`, `${ONE_INSERT} where s.id > ${middle}`]));
    one.push(await run.byStatements([ONE_INSERT]));
  }
  return figure({ name: 'two clients with half of an INSERT … SELECT each, to one with all of it', unit: 'ratio' }, ratios(one, both));
}

export async function measureLiveCopy(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const figures: Figure[] = [];
  for (const { plan, name, goal } of VARIANTS) {
    const run = await openCopyRun(stage, { plan, rows: rows ?? COPY_ROWS });
    const batches: number[] = [];
    const oneInsert: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const byBatches = async () => batches.push((await run.byBatches()).wallMs);
      if (round % 2 === 0) await byBatches();
      oneInsert.push(await run.byStatement(ONE_INSERT));
      if (round % 2 === 1) await byBatches();
    }
    if (plan === 'copy-two-ranges') figures.push(await twoClients(run, { rounds, rows: rows ?? COPY_ROWS }));
    figures.push(
      figure({ name: `${name}, ratio of wall time`, unit: 'ratio', ...(rows === null ? { goal } : {}) }, ratios(oneInsert, batches)),
      figure({ name: `${name}, batches`, unit: 'ms' }, batches),
      figure({ name: `${name}, one INSERT … SELECT`, unit: 'ms' }, oneInsert),
    );
  }
  return {
    name: 'copy-live',
    about: `Copies ${inWords(rows ?? COPY_ROWS)} rows of 10 columns with a bigint key, as copy-bigint does: in two key ranges at once; beside the \
triggers of live sync, where batches look at what is there first and aim at 100 ms; and both. A ratio is the one statement's time divided by the batches'. Nobody writes meanwhile.`,
    figures,
    skipped: [],
  };
}
