import { Client } from 'pg';
import { inWords } from './copy.ts';
import { beginCopy } from './copy-run.ts';
import { figure, type Result, ratios, type Size, timeMs } from './figure.ts';
import type { Stage } from './stage.ts';

const TABLE_ROWS = 100_000;
const BULK_ROWS = 10_000;
const COMMITS = 2_000;

/** What the application's own writes take longer because their rows are carried to one target table. */
export async function measureSyncCost(stage: Stage, { rounds, rows }: Size): Promise<Result> {
  const table = rows ?? TABLE_ROWS;
  const [bulkRows, commits] = [Math.min(BULK_ROWS, table), Math.min(COMMITS, table)];
  const run = await beginCopy(stage, { plan: 'copy-beside', rows: table });
  await run.untilDone('RunBackfill', { phase: 'copy' });
  const client = new Client({ connectionString: stage.engine.psqlUrl });
  await client.connect();
  const times = { plain: [] as number[], synced: [] as number[], plainBulk: [] as number[], syncedBulk: [] as number[] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const isSynced of round % 2 === 0 ? [true, false] : [false, true]) {
        await switchTriggers(client, isSynced);
        await client.query('vacuum source, target');
        (isSynced ? times.synced : times.plain).push(await timeCommits(client, commits));
        (isSynced ? times.syncedBulk : times.plainBulk).push(await timeMs(() => client.query(bulkSql(round, bulkRows))));
      }
    }
  } finally {
    await client.end();
  }
  const goal = (value: number) => (rows === null ? { goal: { kind: 'at most', value } as const } : {});
  return {
    name: 'sync-cost',
    about: `Updates of a table of ${inWords(table)} rows of 10 columns by one connection, with the triggers of live sync forward to one target table, beside the \
same with these triggers switched off: ${inWords(commits)} updates of one row by key, a transaction each, and one of ${inWords(bulkRows)} rows. The local server \
syncs no commit to the disk, which would be in both times.`,
    figures: [
      figure({ name: 'single-row commits, with sync to without', unit: 'ratio', ...goal(1.15) }, ratios(times.synced, times.plain)),
      figure(
        { name: `update of ${inWords(bulkRows)} rows, with sync to without`, unit: 'ratio', ...goal(3) },
        ratios(times.syncedBulk, times.plainBulk),
      ),
      figure({ name: 'single-row commit', unit: 'µs' }, perCommit(times.plain, commits)),
      figure({ name: 'single-row commit with sync', unit: 'µs' }, perCommit(times.synced, commits)),
      figure({ name: `update of ${inWords(bulkRows)} rows`, unit: 'ms' }, times.plainBulk),
      figure({ name: `update of ${inWords(bulkRows)} rows with sync`, unit: 'ms' }, times.syncedBulk),
    ],
    skipped: [],
  };
}

async function switchTriggers(client: Client, isOn: boolean): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "select quote_ident(tgname) as name from pg_trigger where tgrelid = 'source'::regclass and not tgisinternal and tgname like 'stepgate%'",
  );
  for (const { name } of rows) await client.query(`alter table source ${isOn ? 'enable always' : 'disable'} trigger ${name}`);
}

async function timeCommits(client: Client, commits: number): Promise<number> {
  return timeMs(async () => {
    for (let id = 1; id <= commits; id += 1) {
      await client.query({ name: 'commit', text: 'update source set name = name || $2, quantity = quantity + 1 where id = $1', values: [id, '.'] });
    }
  });
}

function bulkSql(round: number, rows: number): string {
  return `update source set city = 'City of round ${round}', quantity = quantity + 1 where id <= ${rows}`;
}

function perCommit(samples: readonly number[], commits: number): readonly number[] {
  return samples.map((ms) => (ms * 1_000) / commits);
}
