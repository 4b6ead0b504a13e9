import { Client } from 'pg';
import * as z from 'zod';
import { timeMs } from './figure.ts';
import type { Stage } from './stage.ts';
import { beginRun, type StateRun } from './state-run.ts';
import { COPIES, type CopyKind, type CopyName, sourceSql } from './wide-rows.ts';

/** A run of a copy plan that has made its target, and can fill it again and again. */
export interface CopyRun {
  /** Moves all rows by the function RunBackfill, as the state machine calls it. */
  byBatches(): Promise<BatchTime>;
  /** Moves all rows by one statement of another client. */
  byStatement(sql: string): Promise<number>;
  /** Moves all rows by statements at once, each on a connection of its own. */
  byStatements(texts: readonly string[]): Promise<number>;
  /** Compares every row by the function VerifyTarget, after either of the two. */
  compare(): Promise<number>;
}

export interface BatchTime {
  readonly wallMs: number;
  /** What the ledger has counted: finding each range's end, and moving it; of ranges that are copied at once, the sum. */
  readonly databaseMs: number;
  readonly batches: number;
}

/** Makes `rows` source rows, takes the lock and makes the target; what is called is warm after it. */
export async function openCopyRun(stage: Stage, { plan, rows }: { readonly plan: CopyName; readonly rows: number }): Promise<CopyRun> {
  const run = await beginCopy(stage, { plan, rows });
  const copyOnce = () => run.untilDone('RunBackfill', { phase: 'copy' });
  await copyOnce();
  return {
    byBatches: async () => {
      await emptyTarget(stage);
      const wallMs = await timeMs(copyOnce);
      await refuseLostRows(stage, rows);
      return { wallMs, ...(await countedTime(stage)) };
    },
    byStatement: async (sql) => {
      await emptyTarget(stage);
      const wallMs = await timeMs(() => stage.sql(sql));
      await refuseLostRows(stage, rows);
      return wallMs;
    },
    byStatements: async (texts) => {
      const clients = await Promise.all(
        texts.map(async () => {
          const client = new Client({ connectionString: stage.engine.psqlUrl });
          await client.connect();
          return client;
        }),
      );
      try {
        await emptyTarget(stage);
        return await timeMs(() => Promise.all(clients.map((client, index) => client.query(texts[index] ?? ''))));
      } finally {
        await Promise.all(clients.map((client) => client.end()));
      }
    },
    compare: () => timeMs(() => compareRows(run)),
  };
}

/** Everything that comes before the first batch, the triggers of live sync among it. */
export async function beginCopy(stage: Stage, { plan, rows }: { readonly plan: CopyName; readonly rows: number }): Promise<StateRun> {
  const { key, sync = 'none' }: CopyKind = COPIES[plan];
  await stage.empty();
  await stage.sql(sourceSql(key, rows));
  await stage.sql('vacuum (freeze, analyze) source');
  const run = await beginRun(stage, plan);
  await run.state('RunPhase', { phase: 'schema' });
  if (sync !== 'none') await run.untilDone('StartSync', { phase: 'copy', side: 'source' });
  return run;
}

async function countedTime(stage: Stage): Promise<Omit<BatchTime, 'wallMs'>> {
  const [found] = await stage.sql<{ ms: number; batches: number }>(
    'select sum(working_ms)::float8 as ms, sum(batches)::integer as batches from stepgate.transfer',
  );
  return { databaseMs: found?.ms ?? Number.NaN, batches: found?.batches ?? 0 };
}

/** As the definition does: what was compared so far comes back with the next visit. */
async function compareRows(run: StateRun): Promise<void> {
  const Answer = z.looseObject({ done: z.boolean().optional() });
  let progress: z.infer<typeof Answer> | null = null;
  while (progress?.done !== true) progress = Answer.parse(await run.state('VerifyTarget', { progress }));
}

/** As before the first batch; what other work has left to write is written now, and not during the measurement. */
async function emptyTarget(stage: Stage): Promise<void> {
  await stage.sql("truncate target; delete from stepgate.transfer; update stepgate.phase set applied_at = null where phase = 'copy'");
  await stage.sql('checkpoint');
}

async function refuseLostRows(stage: Stage, rows: number): Promise<void> {
  const [found] = await stage.sql<{ rows: number }>('select count(*)::integer as rows from target');
  if (found?.rows !== rows) throw new Error(`${found?.rows} of ${rows} rows were copied`);
}
