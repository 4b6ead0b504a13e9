import { escapeIdentifier } from 'pg';
import { withClient } from './seed-database.ts';

/** Tables with content, by name; the order of rows does not matter. */
export type Digests = ReadonlyMap<string, string>;

const TABLES = `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'stepgate', 'stepgate_archive') order by 1, 2`;

/** Counts and hashes every row of every table, with a query of its own, so that nothing of a run's own proof is trusted. */
export async function tableDigests(psqlUrl: string): Promise<Digests> {
  return withClient(psqlUrl, async (client) => {
    const { rows: tables } = await client.query<{ schema: string; name: string }>(TABLES);
    const digests = new Map<string, string>();
    for (const { schema, name } of tables) {
      const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
      const { rows } = await client.query<{ digest: string }>(
        `select count(*) || ' rows, ' || md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) as digest from ${table} t`,
      );
      digests.set(`${schema}.${name}`, rows[0]?.digest ?? '');
    }
    return digests;
  });
}

/** Tables that are not the same: gone, new, or with other rows. */
export function changedTables(before: Digests, after: Digests): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}
