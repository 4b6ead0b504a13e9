import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { isFullDisk } from '../local/usable-folder.ts';
import { NoRunError } from './no-run-error.ts';
import type { LoadedPlan } from './plans.ts';

/** Tables that are neither PostgreSQL's nor ours. */
const USER_TABLES = `select count(*)::integer as tables from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'stepgate', 'stepgate_archive')`;

/**
 * Fills an empty database with the plan's demo data, in one transaction; says whether it did.
 *
 * @throws {NoRunError} when the database is empty and the plan brings no demo data.
 */
export async function seedIfEmpty(psqlUrl: string, { folder, plan }: LoadedPlan): Promise<boolean> {
  return withClient(psqlUrl, async (client) => {
    const [found] = (await client.query<{ tables: number }>(USER_TABLES)).rows;
    if (found === undefined || found.tables > 0) return false;
    const files = await readDemo(folder);
    if (files === null) {
      throw new NoRunError(`the local database is empty and plan ${plan.id} has no demo/source.sql; run "stepgate local up" and fill it with psql`);
    }
    await fill(client, files).catch((error: unknown) => {
      if (!isFullDisk(error)) throw error;
      const message = `no space left in the data folder for the demo data of plan ${plan.id}; free some, or name another folder with --data. Nothing of it is kept`;
      throw new NoRunError(message, { cause: error });
    });
    return true;
  });
}

async function fill(client: Client, files: readonly string[]): Promise<void> {
  await client.query('begin');
  for (const sql of files) await client.query(sql);
  await client.query('commit');
  await client.query('analyze');
}

/** As the migrator, over a connection of its own. */
export async function withClient<T>(psqlUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: psqlUrl });
  // A server that ends fails the query, which says so.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The schema, then the rows where there are some. */
async function readDemo(folder: string): Promise<readonly string[] | null> {
  const read = (name: string) => readFile(join(folder, 'demo', name), 'utf8').catch(() => null);
  const [schema, rows] = await Promise.all([read('source.sql'), read('generate.sql')]);
  return schema === null ? null : [schema, ...(rows === null ? [] : [rows])];
}
