import type { Client } from 'pg';

/** What an application sees of a database, by name: tables with all that belongs to them and their rows, and the rights of roles. */
export type World = Readonly<Record<string, string>>;

/** From PostgreSQL's own words, and nothing of the product's. */
export async function look(client: Client): Promise<World> {
  const { rows } = await client.query<{ name: string; shape: string }>(SHAPES);
  const found: Record<string, string> = {};
  for (const { name, shape } of rows) {
    const { rows: digests } = await client.query<{ digest: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' order by t::text collate "C")), '') as digest from ${name} as t`,
    );
    found[name] = `${shape}\n${digests[0]?.digest}`;
  }
  const { rows: others } = await client.query<{ name: string; shape: string }>(OTHERS);
  for (const { name, shape } of others) found[name] = shape;
  const { rows: quarantine } = await client.query<{ there: boolean }>("select to_regclass('stepgate.quarantine') is not null as there");
  if (quarantine[0]?.there !== true) return found;
  const { rows: bad } = await client.query<{ row: string }>(
    'select q.plan || q.transfer || q.key || q.reason || q.original::text as row from stepgate.quarantine q order by 1',
  );
  return bad.length === 0 ? found : { ...found, quarantine: bad.map(({ row }) => row).join('\n') };
}

export function differences(when: string, found: World, expected: World): readonly string[] {
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])];
  return names
    .filter((name) => found[name] !== expected[name])
    .map((name) => `${when}: ${name} is\n${found[name] ?? 'not there'}\n  and should be\n${expected[name] ?? 'not there'}`);
}

const SHAPES = `select c.oid::regclass::text as name, concat_ws(E'\\n',
(select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl::text), ', ' order by a.attname)
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
(select string_agg(pg_get_constraintdef(k.oid), ', ' order by k.conname) from pg_constraint k where k.conrelid = c.oid),
(select string_agg(pg_get_indexdef(i.indexrelid) || ' ' || i.indisvalid, ', ' order by i.indexrelid::regclass::text) from pg_index i where i.indrelid = c.oid),
(select string_agg(concat_ws(' ', p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid)), ', ' order by p.polname) from pg_policy p where p.polrelid = c.oid),
(select string_agg(pg_get_triggerdef(t.oid), ', ' order by t.tgname) from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal),
(select string_agg(one::text, ', ' order by one::text) from unnest(coalesce(c.relacl, acldefault('r', c.relowner))) one),
obj_description(c.oid, 'pg_class'), c.relrowsecurity) as shape
from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') order by 1`;

const OTHERS = `select 'role ' || rolname as name, rolcanlogin::text as shape from pg_roles where rolname like 'faults%'
union all select 'schema ' || nspname, (select string_agg(one::text, ', ' order by one::text) from unnest(nspacl) one) from pg_namespace where nspname = 'public'
union all select 'function ' || p.oid::regprocedure, coalesce(p.proacl::text, '') from pg_proc p where p.pronamespace = 'public'::regnamespace
union all select 'sequence ' || c.oid::regclass, coalesce(c.relacl::text, '') from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'S'
order by 1`;

/** Triggers of live sync stand until cleanup: of those the world is what is compared. */
export const LEFT_OVER = `select 'a backend at work: ' || left(query, 60) as what from pg_stat_activity where application_name like 'stepgate/%' and state <> 'idle'
union all select 'an invalid index: ' || indexrelid::regclass from pg_index where not indisvalid
union all select 'a lock that is held: ' || run_id from stepgate.lock where run_id is not null
union all select 'a fence: ' || run_id from stepgate.fence
union all select 'a phase that is begun: ' || phase from stepgate.phase where applied_at is null or undo_begun_at is not null`;
