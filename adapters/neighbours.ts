import * as z from 'zod';
import type { Neighbours } from '../core/run/restore-wish.ts';
import type { Query } from './sql-session.ts';

const Found = z.object({ databases: z.string(), slots: z.string(), proxies: z.number().int() });
const Names = z.array(z.string());

/** What else lives on the cluster: a restored one has it as it was, too. RDS's proxy logs in as rdsproxyadmin (Aurora user guide, RDS Proxy). */
export async function neighbours(query: Query): Promise<Neighbours> {
  const [row] = await query(
    Found,
    `select (select coalesce(json_agg(datname order by datname), '[]')::text from pg_database
  where not datistemplate and datname not in (current_database(), 'postgres', 'rdsadmin')) as databases,
(select coalesce(json_agg(slot_name order by slot_name), '[]')::text from pg_replication_slots where slot_type = 'logical') as slots,
(select count(*)::int from pg_stat_activity where usename = 'rdsproxyadmin') as proxies`,
  );
  return {
    databases: Names.parse(JSON.parse(row?.databases ?? '[]')),
    slots: Names.parse(JSON.parse(row?.slots ?? '[]')),
    hasProxy: (row?.proxies ?? 0) > 0,
  };
}
