import * as z from 'zod';
import { counted } from '../core/run/in-words.ts';
import type { Query } from './sql-session.ts';

/** What of the application's own refers to tables that an undo takes away. */
export type OutsideReference =
  | { readonly kind: 'rows'; readonly from: string; readonly to: string; readonly constraint: string; readonly rows: number }
  | { readonly kind: 'view'; readonly from: string; readonly to: string };

/** Rows are counted up to here: whether there are any is what matters. */
const MOST_COUNTED = 1000;

const ForeignKey = z.object({ from: z.string(), to: z.string(), constraint: z.string(), filled: z.string() });
const View = z.object({ from: z.string(), to: z.string() });
const Count = z.object({ rows: z.number().int() });

const INSIDE = 'select to_regclass(value)::oid from json_array_elements_text(:inside::json)';
const GOING = 'select to_regclass(value)::oid from json_array_elements_text(:going::json)';

/**
 * Rows and views outside the plan that refer to tables of it; names are quoted, with their schema.
 *
 * A foreign key without rows behind it holds nothing back, so it is not named.
 */
export async function outsideReferences(
  query: Query,
  tables: { readonly going: readonly string[]; readonly inside: readonly string[]; readonly views: readonly string[] },
): Promise<readonly OutsideReference[]> {
  if (tables.going.length === 0) return [];
  const parameters = { going: JSON.stringify(tables.going), inside: JSON.stringify([...tables.inside, ...tables.views]) };
  const keys = await query(
    ForeignKey,
    `select k.conrelid::regclass::text as from, k.confrelid::regclass::text as to, quote_ident(k.conname) as constraint,
(select string_agg(quote_ident(a.attname) || ' is not null', ' and ') from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)) as filled
from pg_constraint k where k.contype = 'f' and k.conparentid = 0 and k.confrelid in (${GOING}) and k.conrelid not in (${INSIDE} where to_regclass(value) is not null)
order by 1, 3`,
    parameters,
  );
  const found: OutsideReference[] = [];
  for (const { from, to, constraint, filled } of keys) {
    const [count] = await query(Count, `select count(*)::int as rows from (select from ${from} where ${filled} limit ${MOST_COUNTED}) counted`);
    if ((count?.rows ?? 0) > 0) found.push({ kind: 'rows', from, to, constraint, rows: count?.rows ?? 0 });
  }
  const views = await query(
    View,
    `select distinct w.ev_class::regclass::text as from, d.refobjid::regclass::text as to from pg_depend d join pg_rewrite w on w.oid = d.objid
where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid in (${GOING})
and w.ev_class <> d.refobjid and w.ev_class not in (${INSIDE} where to_regclass(value) is not null) order by 1, 2`,
    parameters,
  );
  return [...found, ...views.map(({ from, to }) => ({ kind: 'view', from, to }) as const)];
}

/** What is in the way, and what to do about it. */
export function describeReference(reference: OutsideReference): { readonly found: string; readonly advice: string } {
  const { from, to } = reference;
  if (reference.kind === 'view') {
    return { found: `view ${from}, which is not the plan's, reads ${to}`, advice: 'drop the view first' };
  }
  const { constraint, rows } = reference;
  const many = rows === MOST_COUNTED ? `${MOST_COUNTED} rows or more` : counted(rows, 'row');
  return {
    found: `${from}, which is not the plan's, has ${many} that refer to ${to}, whose rows go with the undo`,
    advice: `move them, or drop constraint ${constraint} first`,
  };
}
