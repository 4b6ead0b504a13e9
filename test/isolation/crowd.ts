import type { Client } from 'pg';
import { randomOf } from './cases.ts';
import { DIFFERENCES, type Difference, type Scene } from './scene.ts';

export interface CrowdOptions {
  /** Transactions of all clients together; each changes one to three rows. */
  readonly transactions: number;
  readonly rows: number;
  readonly seed: number;
  /** How often a backend is ended in the middle of its work. */
  readonly kills: number;
}

export interface CrowdResult {
  readonly transactions: number;
  readonly changedRows: number;
  /** Failed transactions by isolation level and SQLSTATE, but for those whose backend was ended. */
  readonly failed: Readonly<Record<string, number>>;
  /** Columns that do not hold what their only writer last committed. */
  readonly lost: readonly string[];
  readonly differences: readonly Difference[];
  /** Entries that no repair could take away. */
  readonly left: number;
  readonly repairs: number;
  readonly ended: number;
}

const CLIENTS = 8;
/** Rows of which each column has one writer, and which nobody deletes; the others come, go and change their keys. */
const OWNED_SHARE = 0.7;

/**
 * Eight clients write on both sides while batches copy and repairs drain the journal, and backends are ended in the middle.
 *
 * Half of the clients write on the old side, half on the new; half at READ COMMITTED, half at REPEATABLE READ.
 */
export async function playCrowd(scene: Scene, options: CrowdOptions): Promise<CrowdResult> {
  await scene.reset(`insert into people select i, 'Person ' || i, 'p' || i || '@x', i % 3, case i % 2 when 0 then 'B' else 'K' end, i % 5 <> 0
from generate_series(1, ${options.rows}) i`);
  const state = { written: new Map<string, string>(), failed: new Map<string, number>(), changedRows: 0, transactions: 0, nextId: options.rows * 10 };
  const crowd = { scene, options, state, isOver: false, repairs: 0, ended: 0, pids: new Set<number>() };
  const workers = [copy(crowd), repair(crowd), end(crowd)];
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => write(crowd, index)));
  crowd.isOver = true;
  await Promise.all(workers);
  await copy({ ...crowd, isOver: false });
  const left = await scene.repairAll();
  return {
    transactions: state.transactions,
    changedRows: state.changedRows,
    failed: Object.fromEntries(state.failed),
    lost: await lostWrites(crowd),
    differences: await scene.bench.sql<Difference>(DIFFERENCES),
    left,
    repairs: crowd.repairs,
    ended: crowd.ended,
  };
}

interface Crowd {
  readonly scene: Scene;
  readonly options: CrowdOptions;
  readonly state: {
    readonly written: Map<string, string>;
    readonly failed: Map<string, number>;
    changedRows: number;
    transactions: number;
    nextId: number;
  };
  isOver: boolean;
  repairs: number;
  ended: number;
  readonly pids: Set<number>;
}

/** A connection that is opened again when its backend was ended. */
function lasting(crowd: Crowd, role: 'application' | 'migrator') {
  let client: Client | null = null;
  let pid = 0;
  const connect = async (): Promise<Client> => {
    const made = await crowd.scene.bench.connect();
    made.on('error', () => undefined);
    if (role === 'application') await made.query('set role application');
    const { rows } = await made.query<{ pid: number }>('select pg_backend_pid() as pid');
    pid = rows[0]?.pid ?? 0;
    crowd.pids.add(pid);
    return made;
  };
  const drop = async (): Promise<void> => {
    crowd.pids.delete(pid);
    await client?.end().catch(() => undefined);
    client = null;
  };
  return {
    /** False when the backend was ended meanwhile: whether a commit got through is not known. */
    async work(task: (client: Client) => Promise<void>): Promise<boolean> {
      client ??= await connect();
      try {
        await task(client);
        return true;
      } catch (error) {
        const state = sqlState(error);
        if (state !== '57P01' && state !== 'lost') throw error;
        await drop();
        return false;
      }
    },
    drop,
  };
}

function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^[0-9A-Z]{5}$/.test(code) ? code : 'lost';
}

async function write(crowd: Crowd, index: number): Promise<void> {
  const { options, state } = crowd;
  const random = randomOf(options.seed * 100 + index);
  const side = index % 2 === 0 ? 'old' : 'new';
  const level = index % 4 < 2 ? 'read committed' : 'repeatable read';
  const connection = lasting(crowd, 'application');
  for (let n = 0; n < options.transactions / CLIENTS; n += 1) {
    const changes = changesOf(crowd, { random, index, side });
    let isLost = false;
    const isAnswered = await connection.work(async (client) => {
      try {
        await client.query(`begin isolation level ${level}`);
        for (const { sql } of changes) {
          const { rowCount } = await client.query(sql);
          state.changedRows += rowCount ?? 0;
        }
        await client.query('commit');
      } catch (error) {
        const code = sqlState(error);
        if (code === '57P01' || code === 'lost') throw error;
        isLost = true;
        const name = `${level} ${code} ${side}${code === '40001' ? '' : ` ${changes.map(({ sql }) => sql).join('; ')}: ${String(error)}`}`;
        state.failed.set(name, (state.failed.get(name) ?? 0) + 1);
        await client.query('rollback');
      }
    });
    state.transactions += 1;
    for (const { column, value } of changes) {
      if (column === undefined) continue;
      if (!isAnswered) state.written.delete(column);
      else if (!isLost) state.written.set(column, value);
    }
  }
  await connection.drop();
}

interface CrowdChange {
  readonly sql: string;
  /** `id column` of a column that only this client writes. */
  readonly column?: string;
  readonly value: string;
}

function changesOf(
  { options, state }: Crowd,
  { random, index, side }: { readonly random: () => number; readonly index: number; readonly side: 'old' | 'new' },
): readonly CrowdChange[] {
  const owned = Math.floor(options.rows * OWNED_SHARE);
  const pick = (from: number, upto: number): number => from + Math.floor(random() * (upto - from));
  if (random() < 0.7) {
    const place = index >> 1;
    const ids = [...new Set(Array.from({ length: 1 + pick(0, 3) }, () => pick(0, Math.floor(owned / 4)) * 4 + place + 1))].sort((a, b) => a - b);
    return ids.map((id) => {
      const value = `v${index}-${Math.floor(random() * 1e9)}`;
      if (side === 'old') return { sql: `update people set name = '${value}', status = ${pick(0, 3)} where id = ${id}`, column: `${id} name`, value };
      return { sql: `update ${random() < 0.5 ? 'customers' : 'actives'} set email = '${value}' where id = ${id}`, value };
    });
  }
  const id = pick(owned + 1, options.rows);
  state.nextId += 1;
  const [table, name] = side === 'old' ? ['people', 'name'] : ['customers', 'full_name'];
  const kinds = [
    side === 'old'
      ? `insert into people (id, name, email) values (${state.nextId}, 'New', 'n@x')`
      : `insert into customers (id, full_name, email, level) values (${state.nextId}, 'New', 'n@x', 'high')`,
    `delete from ${table} where id = ${id}`,
    `update ${table} set id = ${state.nextId} where id = ${id}`,
    `update ${table} set ${name} = 'x${state.nextId}' where id between ${id} and ${id + 1}`,
    side === 'old' ? `update people set is_active = not is_active where id = ${id}` : `update customers set email = null where id = ${id}`,
    side === 'old' && random() < 0.1
      ? `update towns set zip = '${state.nextId}' where code = 'B'`
      : `update ${table} set email = 'e${state.nextId}' where id = ${id}`,
  ];
  return [{ sql: kinds[pick(0, kinds.length)] ?? '', value: '' }];
}

async function copy(crowd: Crowd): Promise<void> {
  const connection = lasting(crowd, 'migrator');
  for (const transfer of ['customers', 'actives']) {
    for (let isDone = false; !isDone && !crowd.isOver; ) {
      const { sql, values } = crowd.scene.batch(transfer, Math.max(1, Math.floor(crowd.options.rows / 40)));
      await connection
        .work(async (client) => {
          const { rows } = await client.query<{ run_batch: string }>(sql, [...values]);
          isDone = JSON.parse(rows[0]?.run_batch ?? '{}').done === true;
        })
        .catch(passingOnly);
    }
  }
  await connection.drop();
}

/** What a run tries again: it gave way to the application. */
function passingOnly(error: unknown): void {
  if (!['55P03', '40P01', '40001'].includes(sqlState(error))) throw error;
}

async function repair(crowd: Crowd): Promise<void> {
  while (!crowd.isOver) {
    const repaired = await crowd.scene.repairOnce();
    crowd.repairs += repaired;
  }
}

async function end(crowd: Crowd): Promise<void> {
  const { options, state, scene } = crowd;
  const random = randomOf(options.seed + 7);
  for (let n = 1; n <= options.kills; n += 1) {
    while (!crowd.isOver && state.transactions < (options.transactions * n) / (options.kills + 1)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const pids = [...crowd.pids];
    const pid = pids[Math.floor(random() * pids.length)];
    if (crowd.isOver || pid === undefined) return;
    await scene.bench.sql(`select pg_terminate_backend(${pid})`);
    crowd.ended += 1;
  }
}

async function lostWrites({ scene, state }: Crowd): Promise<readonly string[]> {
  const rows = await scene.bench.sql<{ id: string; name: string }>('select id::text, name from people');
  const found = new Map(rows.map(({ id, name }) => [`${id} name`, name]));
  return [...state.written].flatMap(([column, value]) =>
    found.get(column) === value ? [] : [`${column}: ${found.get(column)} instead of ${value}`],
  );
}
