import * as z from 'zod';
import { CheckFailedError } from '../core/errors.ts';
import type { QualifiedName, Transfer } from '../core/plan/compiled-plan.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { SyncCatalog } from '../core/transfer/sync/sync-catalog.ts';
import { EQUAL_IS_SAME, IS_PLAIN_TEXT } from './equal-types.ts';
import type { Query } from './sql-session.ts';

const Column = z.object({ table: z.string(), column: z.string(), type: z.string(), binary: z.boolean() });
const Child = z.object({ table: z.string(), schema: z.string(), name: z.string(), partition: z.boolean() });
const Feeding = z.object({
  transfer: z.string(),
  table: z.string(),
  column: z.string(),
  sequence: z.string(),
  fits: z.boolean(),
  identity: z.boolean(),
  what: z.string(),
});

/**
 * Column types and partitions of the tables that transfers read and write.
 *
 * @throws {CheckFailedError} where a table has heirs that are no partitions: a statement on the one does not fire the other's triggers.
 */
export async function syncCatalog(query: Query, transfers: readonly Transfer[]): Promise<SyncCatalog> {
  const tables = transfers.flatMap(({ from, into, lookups }) => [from, into, ...lookups.map(({ table }) => table)]).map(quoteName);
  const names = JSON.stringify([...new Set(tables)]);
  const columns = await query(Column, COLUMNS, { names });
  const children = await query(Child, CHILDREN, { names });
  const heir = children.find(({ partition }) => !partition);
  if (heir !== undefined) {
    throw new CheckFailedError(
      `${heir.schema}.${heir.name} inherits from ${heir.table} and is no partition of it, so live sync would miss what is written through one of them; make it a partition or a table of its own, or use "sync: none"`,
    );
  }
  return {
    tables: new Map(
      [...new Set(tables)].map((table) => [
        table,
        {
          columns: new Map(columns.filter((one) => one.table === table).map(({ column, type, binary }) => [column, { type, isBinaryEqual: binary }])),
          partitions: children.filter((one) => one.table === table).map(({ schema, name }): QualifiedName => ({ schema, name })),
        },
      ]),
    ),
  };
}

/** Values that are equal are the same bytes: not for numbers with a scale, floats with two zeros, arrays of such, or texts under a nondeterministic collation. */
const COLUMNS = `select n.name as table, a.attname as column, format_type(a.atttypid, null) as type,
${EQUAL_IS_SAME}
  or (${IS_PLAIN_TEXT} and coalesce(c.collisdeterministic, true)) as binary
from json_array_elements_text(:names::json) as n (name)
join pg_attribute a on a.attrelid = to_regclass(n.name) and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid join pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
left join pg_collation c on c.oid = a.attcollation order by n.name, a.attnum`;

const CHILDREN = `with recursive heirs as (
select n.name as table, h.inhrelid from json_array_elements_text(:names::json) as n (name) join pg_inherits h on h.inhparent = to_regclass(n.name)
union all select heirs.table, h.inhrelid from heirs join pg_inherits h on h.inhparent = heirs.inhrelid
)
select heirs.table, s.nspname as schema, c.relname as name, c.relispartition as partition
from heirs join pg_class c on c.oid = heirs.inhrelid join pg_namespace s on s.oid = c.relnamespace order by 1, 2, 3`;

const Deferred = z.object({ name: z.string(), table: z.string() });

/**
 * A constraint that is looked at when the application commits would fail the application, since no trigger function is there any more to catch it.
 *
 * @throws {CheckFailedError} where a table that live sync writes has one, or is referred to by one.
 */
export async function refuseDeferred(query: Query, written: readonly QualifiedName[]): Promise<void> {
  const found = await query(Deferred, DEFERRED, { names: JSON.stringify([...new Set(written.map(quoteName))]) });
  if (found.length === 0) return;
  const which = found.map(({ name, table }) => `${name} on ${table}`).join(', ');
  throw new CheckFailedError(
    `live sync writes in the transactions of the application, and these constraints are looked at only at its commit, where their failure would be the application's: ${which}; make them "initially immediate" while sync lives, or use "sync: none"`,
  );
}

const DEFERRED = `select c.conname::text as name, c.conrelid::regclass::text as table from pg_constraint c
where c.condeferred and (c.conrelid in (select to_regclass(n)::oid from json_array_elements_text(:names::json) n)
  or c.confrelid in (select to_regclass(n)::oid from json_array_elements_text(:names::json) n)) order by 2, 1`;

/** A key that one side draws and the other has to know of. */
export interface SharedKey {
  readonly transfer: string;
  readonly table: string;
  readonly column: string;
  readonly sequence: string;
}

/**
 * Which targets' keys have to draw from the sequence that feeds the source's.
 *
 * @throws {CheckFailedError} where the target's key could not hold what the sequence gives, or is an identity, which draws from its own.
 */
export async function sharedKeys(query: Query, transfers: readonly Transfer[]): Promise<readonly SharedKey[]> {
  const pairs = transfers.flatMap(({ id, from, into, keys: [key, ...more] }) =>
    more.length > 0 ? [] : [{ transfer: id, from: quoteName(from), source: key.source, table: quoteName(into), column: key.target }],
  );
  const rows = await query(Feeding, FEEDING, { pairs: JSON.stringify(pairs) });
  const faults = rows.flatMap(({ table, column, sequence, fits, identity, what }) => [
    ...(identity
      ? [
          `${table}.${column} is an identity column, which draws from a sequence of its own, so that both sides would make the same keys; declare it as ${what} with a default, as nextval('${sequence}')`,
        ]
      : []),
    ...(fits
      ? []
      : [`${sequence} feeds the source's key and goes beyond what ${table}.${column}, which is ${what}, can hold; give it a larger type`]),
  ]);
  if (faults.length > 0) throw new CheckFailedError(faults.join(' · '));
  return rows.map(({ transfer, table, column, sequence }) => ({ transfer, table, column, sequence }));
}

const FEEDING = `select p.transfer, p.table, p.column, format('%I.%I', sn.nspname, s.relname) as sequence, format_type(t.atttypid, null) as what,
t.attidentity <> '' as identity,
least(q.seqmax, case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 else 9223372036854775807 end)
  <= case t.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 else 9223372036854775807 end as fits
from json_to_recordset(:pairs::json) as p (transfer text, "from" text, source text, "table" text, "column" text)
join pg_attribute a on a.attrelid = to_regclass(p."from") and a.attname = p.source and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
join pg_attribute t on t.attrelid = to_regclass(p."table") and t.attname = p."column" and t.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
join pg_depend d on d.refclassid = 'pg_class'::regclass and d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
  or d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'
join pg_class s on s.oid = case when d.deptype = 'i' then d.objid else d.refobjid end and s.relkind = 'S'
join pg_namespace sn on sn.oid = s.relnamespace join pg_sequence q on q.seqrelid = s.oid`;
