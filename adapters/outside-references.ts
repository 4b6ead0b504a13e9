import * as z from 'zod';
import { counted } from '../core/run/in-words.ts';
import type { Undone } from '../core/transfer/made.ts';
import type { Query } from './sql-session.ts';

/** What of the application's own refers to tables that an undo takes away. */
export type OutsideReference =
  | { readonly kind: 'rows'; readonly from: string; readonly to: string; readonly constraint: string; readonly rows: number }
  | { readonly kind: 'unreadable'; readonly from: string; readonly to: string }
  | { readonly kind: 'view'; readonly from: string; readonly to: string };

/** Rows are counted up to here: whether there are any is what matters. */
const MOST_COUNTED = 1000;

const ForeignKey = z.object({ from: z.string(), to: z.string(), constraint: z.string(), filled: z.string(), readable: z.boolean() });
const View = z.object({ from: z.string(), to: z.string() });
const Count = z.object({ rows: z.number().int() });

const THINGS = `with named as (select json_array_elements_text(:names::json) as name), made as (
  select table_oid, columns, phase from stepgate.made where plan = :plan::text
), inside as (
  select table_oid as oid from made where columns = '{}'
  union select to_regclass(value)::oid from json_array_elements_text(:targets::json) where to_regclass(value) is not null
), going as (
  select table_oid as oid from made where columns = '{}' and phase in (select json_array_elements_text(:phases::json))
  union select to_regclass(value)::oid from json_array_elements_text(:emptied::json) where to_regclass(value) is not null
)`;

/** A column that the plan made goes with its undo, and a constraint that it names is its own business. */
const FOREIGN_KEYS = `${THINGS}
select k.conrelid::regclass::text as from, k.confrelid::regclass::text as to, quote_ident(k.conname) as constraint, has_table_privilege(k.conrelid, 'select') as readable,
(select string_agg(quote_ident(a.attname) || ' is not null', ' and ') from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)) as filled
from pg_constraint k where k.contype = 'f' and k.conparentid = 0 and k.confrelid in (select oid from going) and k.conrelid not in (select oid from inside)
and k.conname not in (select name from named) and not exists (select from made m where m.table_oid = k.conrelid and m.columns && k.conkey)
order by 1, 3`;

const VIEWS = `${THINGS}
select distinct w.ev_class::regclass::text as from, d.refobjid::regclass::text as to from pg_depend d join pg_rewrite w on w.oid = d.objid
join pg_class v on v.oid = w.ev_class and v.relkind in ('v', 'm')
where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from going)
and w.ev_class <> d.refobjid and v.relname not in (select name from named) order by 1, 2`;

/**
 * Rows and views outside the plan that refer to tables of it.
 *
 * A foreign key without rows behind it holds nothing back, so it is not named.
 */
export async function outsideReferences(query: Query, { plan, ...lists }: Undone): Promise<readonly OutsideReference[]> {
  const parameters = { plan, ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, JSON.stringify(list)])) };
  const found: OutsideReference[] = [];
  for (const { from, to, constraint, filled, readable } of await query(ForeignKey, FOREIGN_KEYS, parameters)) {
    if (!readable) {
      found.push({ kind: 'unreadable', from, to });
      continue;
    }
    const [count] = await query(Count, `select count(*)::int as rows from (select from ${from} where ${filled} limit ${MOST_COUNTED}) counted`);
    if ((count?.rows ?? 0) > 0) found.push({ kind: 'rows', from, to, constraint, rows: count?.rows ?? 0 });
  }
  const views = await query(View, VIEWS, parameters);
  return [...found, ...views.map((view) => ({ kind: 'view', ...view }) as const)];
}

/** What is in the way, and what to do about it. */
export function describeReference(reference: OutsideReference): { readonly found: string; readonly advice: string } {
  const { from, to } = reference;
  if (reference.kind === 'view') {
    return { found: `view ${from}, which is not the plan's, reads ${to}`, advice: 'drop the view first' };
  }
  if (reference.kind === 'unreadable') {
    const found = `${from}, which is not the plan's and may not be read, can have rows that refer to ${to}`;
    return { found, advice: `grant select on ${from} to this role` };
  }
  const { constraint, rows } = reference;
  const many = rows === MOST_COUNTED ? `${MOST_COUNTED} rows or more` : counted(rows, 'row');
  return {
    found: `${from}, which is not the plan's, has ${many} that refer to ${to}, whose rows go with the undo`,
    advice: `move them, or drop constraint ${constraint} first`,
  };
}
