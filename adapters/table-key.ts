import * as z from 'zod';
import type { QualifiedName } from '../core/plan/compiled-plan.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { TableKey } from '../core/transfer/key-faults.ts';
import type { Query } from './sql-session.ts';

const Column = z.object({ name: z.string(), not_null: z.boolean(), collation: z.string().nullable(), is_unique: z.boolean() });

/** What makes columns a key, and how they sort; columns that are not there are left out. */
export async function tableKey(query: Query, table: QualifiedName, columns: readonly string[]): Promise<TableKey> {
  const rows = await query(
    Column,
    `with key as (select a.attrelid, a.attnum, a.attname, a.attnotnull, a.attcollation, k.number
from jsonb_array_elements_text(:columns::jsonb) with ordinality as k (name, number)
join pg_attribute a on a.attrelid = to_regclass(:name::text) and a.attname = k.name and a.attnum > 0 and not a.attisdropped)
select key.attname::text as name, key.attnotnull as not_null,
(select format('%I.%I', collnamespace::regnamespace, collname) from pg_collation where oid = key.attcollation) as collation,
exists (select from pg_index i where i.indrelid = key.attrelid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
  and (select array_agg(u.number order by u.number) from unnest(i.indkey::smallint[]) with ordinality as u (number, place) where u.place <= i.indnkeyatts)
    = (select array_agg(k.attnum order by k.attnum) from key k)) as is_unique
from key order by key.number`,
    { name: quoteName(table), columns: JSON.stringify(columns) },
  );
  const found = rows.map(({ name, not_null: isNotNull, collation }) => ({ name, isNotNull, collation }));
  return { columns: found, isUnique: rows.length === columns.length && rows.every((row) => row.is_unique) };
}
