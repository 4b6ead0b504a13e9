import * as z from 'zod';
import type { QualifiedName } from '../core/plan/compiled-plan.ts';
import type { TableVolume } from '../core/run/journal.ts';
import type { Equality } from '../core/transfer/compare-sql.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { UnmappedColumn } from '../core/transfer/unmapped-column.ts';
import { EQUAL_IS_SAME, IS_PLAIN_TEXT } from './equal-types.ts';
import type { Query } from './sql-session.ts';

/** What the server says of itself and of this role. */
export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly canCreateSchemas: boolean;
  readonly isReadOnly: boolean;
  /** Settings with which sessions begin and which no function can lift for its own statement: it is timed from its start. */
  readonly settings: readonly string[];
  readonly databaseBytes: number;
}

/** A session that holds locks or a snapshot for long, and would be waited for. */
export interface LongSession {
  readonly pid: number;
  readonly role: string;
  readonly state: string;
  readonly seconds: number;
}

export interface TargetColumn {
  /** How a comparison can tell that two values are the same. */
  readonly equality: Equality;
  readonly name: string;
  /** Without length and scale, as pg_typeof says it. */
  readonly type: string;
  readonly declaredType: string;
  readonly isGenerated: boolean;
  readonly default: string | null;
  readonly isConstant: boolean;
}

const Facts = z.object({
  version: z.string(),
  version_number: z.number().int(),
  role: z.string(),
  superuser: z.boolean(),
  can_create: z.boolean(),
  read_only: z.boolean(),
  settings: z.string(),
  bytes: z.number(),
});

export async function serverFacts(query: Query): Promise<ServerFacts> {
  const [row] = await query(
    Facts,
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as version_number, current_user::text as role,
(select rolsuper from pg_roles where rolname = current_user) as superuser, has_database_privilege(current_database(), 'create') as can_create,
pg_is_in_recovery() as read_only,
(select coalesce(json_agg(name || ' = ' || reset_val order by name), '[]')::text from pg_settings
  where name in ('statement_timeout', 'transaction_timeout', 'default_transaction_read_only') and reset_val not in ('0', 'off')) as settings,
pg_database_size(current_database()) as bytes`,
  );
  if (row === undefined) {
    throw new Error('the server said nothing of itself');
  }
  return {
    version: row.version,
    versionNumber: row.version_number,
    role: row.role,
    isSuperuser: row.superuser,
    canCreateSchemas: row.can_create,
    isReadOnly: row.read_only,
    settings: z.array(z.string()).parse(JSON.parse(row.settings)),
    databaseBytes: row.bytes,
  };
}

const Session = z.object({ pid: z.number().int(), role: z.string(), state: z.string(), seconds: z.number() });

/** Sessions of this database that have worked, or idled inside a transaction, for more than `seconds`. */
export function longSessions(query: Query, seconds: number): Promise<readonly LongSession[]> {
  return query(
    Session,
    `select pid, coalesce(usename::text, '?') as role, state, extract(epoch from clock_timestamp() - xact_start)::int as seconds from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and xact_start is not null
and clock_timestamp() - xact_start > make_interval(secs => :seconds::int) order by xact_start limit 20`,
    { seconds },
  );
}

const Hidden = z.object({ hidden: z.number().int() });

/** Sessions of other roles in this database that show this role neither state nor age. */
export async function hiddenSessions(query: Query): Promise<number> {
  const sql = `select count(*)::int as hidden from pg_stat_activity
where datname = current_database() and usename <> current_user and state is null and query = '<insufficient privilege>'`;
  const [row] = await query(Hidden, sql);
  return row?.hidden ?? 0;
}

const There = z.object({ there: z.boolean() });

const Access = z.object({ there: z.boolean(), readable: z.boolean(), filtered: z.boolean() });

/** Whether a table is there, may be read, and shows this role all of its rows. */
export async function tableAccess(query: Query, table: QualifiedName): Promise<z.infer<typeof Access>> {
  const [row] = await query(
    Access,
    `select t.oid is not null as there, coalesce(has_table_privilege(t.oid, 'select'), false) as readable,
coalesce(c.relrowsecurity and (c.relforcerowsecurity or not pg_has_role(c.relowner, 'usage'))
  and not (select rolbypassrls or rolsuper from pg_roles where rolname = current_user), false) as filtered
from (select to_regclass(:name::text)::oid as oid) t left join pg_class c on c.oid = t.oid`,
    { name: quoteName(table) },
  );
  return row ?? { there: false, readable: false, filtered: false };
}

/** 4 GiB: counting more does not fit into the Data API's 45 s on a slow disk. */
const MOST_COUNTED_BYTES = 4 * 1024 ** 3;

const Volume = z.object({ table: z.string(), rows: z.number().int(), estimated: z.boolean(), bytes: z.number(), indexBytes: z.number() });

/** Rows and bytes of a table; rows are counted, and estimated by the planner's statistics only above 4 GiB. */
export async function tableVolume(query: Query, table: QualifiedName): Promise<TableVolume> {
  const name = quoteName(table);
  const [row] = await query(
    Volume,
    `select :table::text as table, pg_table_size(:name::text::regclass) > :most::bigint as estimated,
case when pg_table_size(:name::text::regclass) > :most::bigint then (select greatest(reltuples, 0)::bigint from pg_class where oid = :name::text::regclass) else (select count(*) from ${name}) end as rows, pg_table_size(:name::text::regclass) as bytes, pg_indexes_size(:name::text::regclass) as "indexBytes"`,
    { table: `${table.schema}.${table.name}`, name, most: MOST_COUNTED_BYTES },
  );
  return row ?? { table: `${table.schema}.${table.name}`, rows: 0, estimated: false, bytes: 0, indexBytes: 0 };
}

const Column = z.object({
  name: z.string(),
  type: z.string(),
  declared: z.string(),
  generated: z.boolean(),
  default: z.string().nullable(),
  constant: z.boolean(),
  equality: z.enum(['bytes', 'text', 'image']),
});

/** A table's columns in order; a default is constant when it calls nothing and is no sequence, so that it gives the same value every time. */
export async function tableColumns(query: Query, table: QualifiedName): Promise<readonly TargetColumn[]> {
  const rows = await query(
    Column,
    `select a.attname::text as name, format_type(a.atttypid, null) as type, format_type(a.atttypid, a.atttypmod) as declared,
a.attgenerated <> '' or a.attidentity <> '' as generated,
case when ${EQUAL_IS_SAME} then 'bytes'
  when ${IS_PLAIN_TEXT} then 'text' else 'image' end as equality,
pg_get_expr(d.adbin, d.adrelid) as default,
d.adbin is null or not exists (select from regexp_matches(d.adbin::text, ':(?:op)?funcid (\\d+)', 'g') f join pg_proc p on p.oid = (f)[1]::oid where p.provolatile <> 'i')
  and d.adbin::text !~ 'SQLVALUEFUNCTION|NEXTVALUEEXPR' as constant
from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
join pg_type t on t.oid = a.atttypid join pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
where a.attrelid = to_regclass(:name::text) and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    { name: quoteName(table) },
  );
  return rows.map(({ declared, generated, constant, ...column }) => ({
    ...column,
    declaredType: declared,
    isGenerated: generated,
    isConstant: constant,
  }));
}

/** What a comparison does with the columns that a transfer does not fill. */
export function unmappedColumns(columns: readonly TargetColumn[], mapped: readonly string[]): readonly UnmappedColumn[] {
  return columns
    .filter((column) => !mapped.includes(column.name))
    .map((column) => ({
      name: column.name,
      type: column.declaredType,
      default: column.default,
      isConstant: column.isConstant && !column.isGenerated,
      isGenerated: column.isGenerated,
    }));
}

/** Whether a table holds any row. */
export async function hasRows(query: Query, table: QualifiedName): Promise<boolean> {
  const [row] = await query(There, `select exists (select from ${quoteName(table)}) as there`);
  return row?.there ?? false;
}

const Types = z.object({ types: z.string() });

/** The types that a SELECT gives its columns; asks no row of it. */
export async function selectTypes(query: Query, select: string, columns: readonly string[]): Promise<readonly string[]> {
  const types = columns.map((column) => `pg_typeof(s."${column.replaceAll('"', '""')}")::text`).join(', ');
  const [row] = await query(Types, `select json_build_array(${types})::text as types from (values (1)) v left join (\n${select}\n) s on false`);
  return z.array(z.string()).parse(JSON.parse(row?.types ?? '[]'));
}
