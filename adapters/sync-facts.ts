import * as z from 'zod';
import type { QualifiedName } from '../core/plan/compiled-plan.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { SyncTable } from '../core/transfer/sync-obstacles.ts';
import type { Query } from './sql-session.ts';

const Name = z.object({ schema: z.string(), name: z.string() });
const Row = z.object({ kind: z.string(), unlogged: z.boolean(), facts: z.string() });
const Facts = z.object({
  children: z.array(z.string()),
  columns: z.array(z.object({ name: z.string(), isNotNull: z.boolean(), hasDefault: z.boolean() })),
  uniques: z.array(z.array(z.string())),
  leading: z.array(z.string()),
  cascades: z.array(Name),
});
const Trigger = z.object({ name: z.string(), language: z.string(), function: z.string(), source: z.string(), arguments: z.string() });

/** Null where the table is not there. */
export async function syncTable(query: Query, table: QualifiedName): Promise<SyncTable | null> {
  const name = quoteName(table);
  const [row] = await query(Row, TABLE, { name });
  if (row === undefined) return null;
  const triggers = await query(Trigger, TRIGGERS, { name });
  return {
    table,
    kind: row.kind,
    isUnlogged: row.unlogged,
    ...Facts.parse(JSON.parse(row.facts)),
    triggers: triggers.map((one) => ({ ...one, arguments: one.arguments.split('\0').slice(0, -1) })),
  };
}

const TABLE = `select c.relkind::text as kind, c.relpersistence = 'u' as unlogged, json_build_object(
'children', (select coalesce(json_agg(i.inhrelid::regclass::text), '[]') from pg_inherits i where i.inhparent = c.oid and c.relkind <> 'p'),
'columns', (select json_agg(json_build_object('name', a.attname, 'isNotNull', a.attnotnull, 'hasDefault', a.atthasdef or a.attidentity <> '') order by a.attnum)
  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
'uniques', (select coalesce(json_agg((select json_agg(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))), '[]')
  from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null),
'leading', (select coalesce(json_agg(a.attname), '[]') from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
  where i.indrelid = c.oid and i.indisvalid and i.indpred is null),
'cascades', (select coalesce(json_agg(json_build_object('schema', n.nspname, 'name', r.relname)), '[]')
  from pg_constraint f join pg_class r on r.oid = f.conrelid join pg_namespace n on n.oid = r.relnamespace
  where f.contype = 'f' and f.confrelid = c.oid and f.confdeltype = 'c' and f.conparentid = 0)
)::text as facts from pg_class c where c.oid = to_regclass(:name::text)`;

/** Of others than this run: BEFORE and FOR EACH ROW, of INSERT or UPDATE, switched on; a text that is too long for an answer is left out, and so says nothing. */
const TRIGGERS = `select t.tgname::text as name, l.lanname::text as language, p.proname::text as function,
case when octet_length(p.prosrc) > 50000 then 'return unread();' else p.prosrc end as source, encode(t.tgargs, 'escape') as arguments
from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_language l on l.oid = p.prolang
where t.tgrelid = to_regclass(:name::text) and p.pronamespace is distinct from (select oid from pg_namespace where nspname = 'stepgate') and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 3 = 3 and t.tgtype & 20 <> 0 order by t.tgname`;
