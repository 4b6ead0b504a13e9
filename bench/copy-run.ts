import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { timeMs } from './figure.ts';
import type { Stage } from './stage.ts';
import { type Key, sourceSql } from './wide-rows.ts';

/** A run of a copy plan that has made its target, and can fill it again and again. */
export interface CopyRun {
  /** Moves all rows by the function RunBackfill, as the state machine calls it. */
  byBatches(): Promise<BatchTime>;
  /** Moves all rows by one statement of another client. */
  byStatement(sql: string): Promise<number>;
}

export interface BatchTime {
  readonly wallMs: number;
  /** What the ledger has counted: finding each range's end, and moving it. */
  readonly databaseMs: number;
  readonly batches: number;
}

/** Makes `rows` source rows, takes the lock and makes the target; what is called is warm after it. */
export async function openCopyRun(stage: Stage, { key, rows }: { readonly key: Key; readonly rows: number }): Promise<CopyRun> {
  await stage.empty();
  await stage.sql(sourceSql(key, rows));
  await stage.sql('vacuum (freeze, analyze) source');
  const run = await beginRun(stage, `copy-${key}`);
  const copyOnce = () => copyRows(run);
  await copyOnce();
  return {
    byBatches: async () => {
      await emptyTarget(stage);
      const wallMs = await timeMs(copyOnce);
      await refuseLostRows(stage, rows);
      const [found] = await stage.sql<{ ms: number; batches: number }>('select working_ms::float8 as ms, batches from stepgate.transfer');
      return { wallMs, databaseMs: found?.ms ?? Number.NaN, batches: found?.batches ?? 0 };
    },
    byStatement: async (sql) => {
      await emptyTarget(stage);
      const wallMs = await timeMs(() => stage.sql(sql));
      await refuseLostRows(stage, rows);
      return wallMs;
    },
  };
}

type State = (name: string, more: object) => Promise<unknown>;

async function beginRun(stage: Stage, plan: string): Promise<State> {
  const id = `bench-${randomUUID()}`;
  const now = new Date().toISOString();
  const executionArn = `${stage.engine.stack.stateMachineArn.replace(':stateMachine:', ':execution:')}:${id}`;
  const { digest } = stage.plan(plan);
  const run = { id, executionArn, startedAt: now, plan, digest, mode: 'execute' };
  const state =
    (token: number | null): State =>
    async (name, more) => {
      const invocation = await stage.invoke(name, JSON.stringify({ run: { ...run, token }, now, ...more }));
      if (!invocation.ok) throw new Error(`${name} failed with ${invocation.error}: ${invocation.cause}`);
      return JSON.parse(invocation.payload);
    };
  const { token } = z.object({ token: z.number() }).parse(await state(null)('AcquireLock', { holderSeen: null }));
  await state(token)('RunPhase', { phase: 'schema' });
  return state(token);
}

/** As the definition does: the state is entered again until it says that it is done. */
async function copyRows(state: State): Promise<void> {
  const Answer = z.object({ done: z.boolean() });
  let isDone = false;
  while (!isDone) isDone = Answer.parse(await state('RunBackfill', { phase: 'copy' })).done;
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
