import * as z from 'zod';
import type { Undone } from '../core/transfer/made.ts';
import type { Query } from './sql-session.ts';

/** What of the application's own refers to tables, or columns, that an undo takes away. */
export type OutsideReference =
  | { readonly kind: 'foreign key'; readonly from: string; readonly to: string; readonly constraint: string }
  | { readonly kind: 'dependent'; readonly from: string; readonly to: string };

const ForeignKey = z.object({
  from: z.string(),
  to: z.string(),
  constraint: z.string(),
  filled: z.string(),
  going: z.boolean(),
  readable: z.boolean(),
});
const Dependent = z.object({ from: z.string(), to: z.string() });
const Found = z.object({ found: z.boolean() });

const THINGS = `with named as (select json_array_elements_text(:names::json) as name), made as (
  select table_oid, columns, phase from stepgate.made where plan = :plan::text
), inside as (
  select table_oid as oid from made where columns = '{}'
  union select to_regclass(value)::oid from json_array_elements_text(:targets::json) where to_regclass(value) is not null
), dropped as (
  select table_oid as oid, columns from made where phase in (select json_array_elements_text(:phases::json))
), going as (
  select oid from dropped where columns = '{}'
  union select to_regclass(value)::oid from json_array_elements_text(:emptied::json) where to_regclass(value) is not null
)`;

/** A column that the plan made goes with its undo, and a constraint that it names is its own business. */
const FOREIGN_KEYS = `${THINGS}
select k.conrelid::regclass::text as from, k.confrelid::regclass::text as to, quote_ident(k.conname) as constraint, has_table_privilege(k.conrelid, 'select') as readable,
exists (select from made d where d.table_oid = k.confrelid and d.columns = '{}') as going,
(select string_agg(quote_ident(a.attname) || ' is not null', ' and ') from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)) as filled
from pg_constraint k where k.contype = 'f' and k.conparentid = 0 and k.confrelid in (select oid from going) and k.conrelid not in (select oid from inside)
and k.conname not in (select name from named) and not exists (select from made m where m.table_oid = k.conrelid and m.columns && k.conkey)
order by 1, 3`;

/** Views, functions, policies, columns of a table's row type, heirs: what would keep a DROP from its work, or go by CASCADE. */
const DEPENDENTS = `${THINGS}
select distinct pg_describe_object(d.classid, d.objid, d.objsubid) as from, c.oid::regclass::text as to
from pg_class c join pg_depend d on d.deptype in ('n', 'a')
and (d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid or d.refclassid = 'pg_type'::regclass and d.refobjid = c.reltype and d.objid <> c.oid)
left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
left join pg_proc f on d.classid = 'pg_proc'::regclass and f.oid = d.objid
left join pg_policy p on d.classid = 'pg_policy'::regclass and p.oid = d.objid
left join pg_class r on r.oid = coalesce(w.ev_class, p.polrelid, case when d.classid = 'pg_class'::regclass then d.objid end)
where (c.oid in (select oid from going) or exists (select from dropped m where m.oid = c.oid and d.refclassid = 'pg_class'::regclass and d.refobjsubid = any (m.columns)))
and (f.oid is not null and d.deptype = 'n' or r.relkind in ('r', 'p', 'v', 'm'))
and r.oid is distinct from c.oid and (r.oid is null or r.oid not in (select oid from inside))
and coalesce(r.relname, '') not in (select name from named) and coalesce(stepgate.exact_name(r.oid), '') not in (select name from named)
and coalesce(f.proname, p.polname, '') not in (select name from named)
and r.relispartition is not true
order by 1, 2`;

/**
 * What outside the plan refers to tables and columns that the undo of some phases takes away.
 *
 * A foreign key to a table that was there before the plan, and is only emptied, counts when rows stand behind it.
 */
export async function outsideReferences(query: Query, { plan, ...lists }: Undone): Promise<readonly OutsideReference[]> {
  const parameters = { plan, ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, JSON.stringify(list)])) };
  const found: OutsideReference[] = [];
  for (const { from, to, constraint, filled, going, readable } of await query(ForeignKey, FOREIGN_KEYS, parameters)) {
    const isInTheWay = going || !readable || (await hasRowsWith(query, from, filled));
    if (isInTheWay) found.push({ kind: 'foreign key', from, to, constraint });
  }
  const dependents = await query(Dependent, DEPENDENTS, parameters);
  return [...found, ...dependents.map((one) => ({ kind: 'dependent', ...one }) as const)];
}

async function hasRowsWith(query: Query, table: string, filled: string): Promise<boolean> {
  const [row] = await query(Found, `select exists (select from ${table} where ${filled}) as found`);
  return row?.found ?? false;
}

/** What is in the way, and what to do about it. */
export function describeReference(reference: OutsideReference): { readonly found: string; readonly advice: string } {
  const { from, to } = reference;
  if (reference.kind === 'dependent') {
    return { found: `${from}, which is not the plan's, depends on ${to}`, advice: 'drop or change it first' };
  }
  return {
    found: `${from}, which is not the plan's, refers to ${to} by ${reference.constraint}, so its rows would go with the undo or hold it back half-way`,
    advice: 'drop the constraint first',
  };
}
