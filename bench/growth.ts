import { COPY_ROWS, inWords } from './copy.ts';
import { beginCopy, openCopyRun } from './copy-run.ts';
import { figure, type Result, ratios, type Size } from './figure.ts';
import type { Stage } from './stage.ts';
import { ONE_INSERT } from './wide-rows.ts';

/** Noise of a run is a few hundredths of a ratio of ratios. */
const NO_WORSE = { kind: 'at most', value: 1.05 } as const;

const STEADY = { kind: 'at most', value: 1.2 } as const;

/** What a table's size does to a copy: ten times the rows, and the last batches beside the first. */
export async function measureGrowth(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const most = rows ?? COPY_ROWS;
  const fewest = Math.max(10, Math.round(most / 10));
  const few = await measureSize(stage, { rounds, rows: fewest });
  const many = await measureSize(stage, { rounds, rows: most });
  const batches = ratios(many.batches, few.batches);
  const oneInsert = ratios(many.oneInsert, few.oneInsert);
  const late = await measureBatches(stage, { rounds, rows: most });
  const goal = <T>(value: T) => (rows === null ? { goal: value } : {});
  return {
    name: 'growth',
    about: `The same copy as copy-bigint with ${inWords(fewest)} and with ${inWords(most)} rows, beside one \`INSERT … SELECT\` of as many; and, by what \
the ledger counts while the batches of 100 ms beside live sync go on, the time per row of the last tenth of the table beside that of the second.`,
    figures: [
      figure({ name: 'growth of batches to growth of one INSERT … SELECT', unit: 'ratio', ...goal(NO_WORSE) }, ratios(batches, oneInsert)),
      figure({ name: 'ten times the rows, batches', unit: 'ratio' }, batches),
      figure({ name: 'ten times the rows, one INSERT … SELECT', unit: 'ratio' }, oneInsert),
      figure({ name: 'a batch at 100 % of the table to one at 10 %', unit: 'ratio', ...goal(STEADY) }, late),
    ],
    skipped: [],
  };
}

async function measureSize(stage: Stage, { rounds, rows }: { readonly rounds: number; readonly rows: number }) {
  const run = await openCopyRun(stage, { plan: 'copy-bigint', rows });
  const times = { batches: [] as number[], oneInsert: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.batches.push((await run.byBatches()).wallMs);
    times.oneInsert.push(await run.byStatement(ONE_INSERT));
  }
  return times;
}

interface Moment {
  readonly rows: number;
  readonly ms: number;
}

/** Time per row of the last tenth, divided by that of the second tenth: the first one finds an empty table and small batches. */
async function measureBatches(stage: Stage, { rounds, rows }: { readonly rounds: number; readonly rows: number }): Promise<readonly number[]> {
  const found: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const run = await beginCopy(stage, { plan: 'copy-beside', rows });
    const moments = await momentsOf(stage, () => run.untilDone('RunBackfill', { phase: 'copy' }));
    const perRow = (from: number, to: number) => {
      const [begin, end] = [momentAt(moments, from * rows), momentAt(moments, to * rows)];
      return (end.ms - begin.ms) / Math.max(end.rows - begin.rows, 1);
    };
    const [late, early] = [perRow(0.9, 1), perRow(0.1, 0.2)];
    // So few rows that a tenth of them is less than a batch: there is one time per row.
    found.push(late > 0 && early > 0 ? late / early : 1);
  }
  return found;
}

function momentAt(moments: readonly Moment[], rows: number): Moment {
  return moments.find((moment) => moment.rows >= rows) ?? moments.at(-1) ?? { rows: 0, ms: 0 };
}

/** What the ledger says of the copy, after each batch that a look falls behind. */
async function momentsOf(stage: Stage, work: () => Promise<void>): Promise<readonly Moment[]> {
  const moments: Moment[] = [{ rows: 0, ms: 0 }];
  let isOver = false;
  const done = work().finally(() => {
    isOver = true;
  });
  const look = async () => {
    const [found] = await stage.sql<{ rows: number; ms: number }>('select rows::float8 as rows, working_ms::float8 as ms from stepgate.transfer');
    if (found !== undefined && found.rows > (moments.at(-1)?.rows ?? 0)) moments.push(found);
  };
  while (!isOver) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await done;
  await look();
  return moments;
}
