import type { Client } from 'pg';

/**
 * Everything that a dump of the schemas would show, one line for each object, sorted: object identifiers, sizes and the numbers of
 * dropped columns do not count.
 */
export async function catalogOf(client: Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ line: string }>(CATALOG);
  return rows.map((row) => row.line);
}

const CATALOG = `
with ours as (
  select oid, nspname, nspowner, nspacl from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
),
relation as (
  select c.*, n.nspname || '.' || c.relname as name from pg_class c join ours n on n.oid = c.relnamespace
)
select concat_ws(' ', 'schema', nspname, nspowner::regrole, coalesce(nspacl, acldefault('n', nspowner))) as line from ours
union all
select concat_ws(' ', 'relation', name, relkind, relowner::regrole, relpersistence, relrowsecurity, relforcerowsecurity, reloptions,
  coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r'::"char" end, relowner)))
from relation
union all
select concat_ws(' ', 'column', r.name, row_number() over (partition by r.oid order by a.attnum), a.attname,
  format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attacl, pg_get_expr(d.adbin, d.adrelid))
from relation r
join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
union all
select concat_ws(' ', 'constraint', r.name, k.conname, k.convalidated, pg_get_constraintdef(k.oid))
from pg_constraint k join relation r on r.oid = k.conrelid
union all
select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisunique) from pg_index i join relation r on r.oid = i.indexrelid
union all
select concat_ws(' ', 'policy', r.name, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
from pg_policy p join relation r on r.oid = p.polrelid
union all
select concat_ws(' ', 'trigger', r.name, t.tgenabled, pg_get_triggerdef(t.oid))
from pg_trigger t join relation r on r.oid = t.tgrelid where not t.tgisinternal
union all
select concat_ws(' ', 'function', p.proowner::regrole, coalesce(p.proacl, acldefault('f', p.proowner)), pg_get_functiondef(p.oid))
from pg_proc p join ours n on n.oid = p.pronamespace
union all
select concat_ws(' ', 'type', n.nspname, t.typname, t.typtype) from pg_type t join ours n on n.oid = t.typnamespace
union all
select concat_ws(' ', 'comment', d.classoid::regclass, d.description) from pg_description d join relation r on r.oid = d.objoid
order by 1`;
