import { type CopyRun, openCopyRun } from './copy-run.ts';
import { type Figure, figure, type Result, ratios, type Size } from './figure.ts';
import type { Stage } from './stage.ts';
import { type CopyName, type Key, NOT_IN_LOOP, ONE_INSERT } from './wide-rows.ts';

export const COPY_ROWS = 1_000_000;

/** The number of contacts that the old scripts were written for. */
const LOOP_ROWS = 45_230;

/** Below 1, batches take longer than the one statement; the rest is what stopping, going on and letting go cost. */
const GOAL = { kind: 'at least', value: 0.92 } as const;

/** Batches beside the one statement that they replace, and cannot be stopped. */
export async function measureCopy(stage: Stage, key: Key, { rounds, rows }: Size): Promise<Result> {
  const found = await measure(stage, { plan: `copy-${key}`, rounds, rows: rows ?? COPY_ROWS });
  const goal = rows === null && key === 'bigint' ? { goal: GOAL } : {};
  return {
    name: `copy-${key}`,
    about: `Copies ${inWords(rows ?? COPY_ROWS)} rows of 10 columns with a ${key} key into an empty table with a primary key: by RunBackfill in its bundle \
through the Data API face, beside one \`INSERT … SELECT\` of a PostgreSQL client. A ratio is the one statement's time divided by the batches': 1 is \
as fast, above is faster. Database time of the batches is what the ledger counts (finding a range's end, and moving it); of the one statement it is \
its wall time.`,
    figures: [
      figure({ name: 'ratio of database time', unit: 'ratio', ...goal }, ratios(found.oneInsert, found.databaseMs)),
      figure({ name: 'ratio of wall time', unit: 'ratio' }, ratios(found.oneInsert, found.wallMs)),
      ...times(found),
      figure({ name: 'one INSERT … SELECT', unit: 'ms' }, found.oneInsert),
    ],
    skipped: [],
  };
}

/** Batches beside the loop of the scripts that they replace. */
export async function measureLoop(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const found = await measure(stage, { plan: 'copy-uuid', rounds, rows: rows ?? LOOP_ROWS, withLoop: true });
  return {
    name: 'loop',
    about: `Copies ${inWords(rows ?? LOOP_ROWS)} rows of the same kind with a uuid key, beside the loop \`INSERT … SELECT … WHERE id NOT IN (SELECT id FROM \
target) LIMIT 1000\` in one transaction. A ratio is the other's time divided by the batches'.`,
    figures: [
      figure({ name: 'loop to batches, wall time', unit: 'ratio' }, ratios(found.loop, found.wallMs)),
      figure({ name: 'loop to batches, database time', unit: 'ratio' }, ratios(found.loop, found.databaseMs)),
      figure({ name: 'one INSERT … SELECT to batches, wall time', unit: 'ratio' }, ratios(found.oneInsert, found.wallMs)),
      ...times(found),
      figure({ name: 'NOT IN … LIMIT 1000 loop', unit: 'ms' }, found.loop),
      figure({ name: 'one INSERT … SELECT', unit: 'ms' }, found.oneInsert),
    ],
    skipped: [],
  };
}

interface Times {
  readonly wallMs: number[];
  readonly databaseMs: number[];
  readonly oneInsert: number[];
  readonly loop: number[];
}

async function measure(
  stage: Stage,
  { rounds, withLoop = false, ...what }: { readonly plan: CopyName; readonly rounds: number; readonly rows: number; readonly withLoop?: boolean },
): Promise<Times> {
  const run = await openCopyRun(stage, what);
  const times: Times = { wallMs: [], databaseMs: [], oneInsert: [], loop: [] };
  for (let round = 0; round < rounds; round += 1) await measureRound(run, times, { batchesFirst: round % 2 === 0, withLoop });
  return times;
}

/** Takes turns at who is first, since the first may pay for what the last round left. */
async function measureRound(run: CopyRun, times: Times, { batchesFirst, withLoop }: { batchesFirst: boolean; withLoop: boolean }): Promise<void> {
  const byBatches = async () => {
    const { wallMs, databaseMs } = await run.byBatches();
    times.wallMs.push(wallMs);
    times.databaseMs.push(databaseMs);
  };
  if (batchesFirst) await byBatches();
  times.oneInsert.push(await run.byStatement(ONE_INSERT));
  if (withLoop) times.loop.push(await run.byStatement(NOT_IN_LOOP));
  if (!batchesFirst) await byBatches();
}

function times({ wallMs, databaseMs }: Times): readonly Figure[] {
  return [figure({ name: 'batches, wall time', unit: 'ms' }, wallMs), figure({ name: 'batches, database time', unit: 'ms' }, databaseMs)];
}

export function inWords(rows: number): string {
  return rows.toLocaleString('en-US');
}
