import * as z from 'zod';
import type { ObjectName } from '../core/plan/compiled-plan.ts';
import type { Query } from './sql-session.ts';

const There = z.object({ there: z.boolean() });

/** Whether a name that a plan creates is taken. */
async function isTaken(query: Query, name: ObjectName): Promise<boolean> {
  const [row] = await query(There, `select exists (${takenBy(name)}) as there`, namesOf(name));
  return row?.there ?? false;
}

/** Of names that a plan creates, those that are taken. */
export async function takenNames(query: Query, names: readonly ObjectName[]): Promise<readonly ObjectName[]> {
  const taken: ObjectName[] = [];
  for (const name of names) {
    if (await isTaken(query, name)) {
      taken.push(name);
    }
  }
  return taken;
}

function takenBy(name: ObjectName): string {
  switch (name.kind) {
    case 'schema':
      return 'select from pg_namespace where nspname = :name::text';
    case 'function':
      return 'select from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = :schema::text and p.proname = :name::text';
    case 'type':
      return 'select from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = :schema::text and t.typname = :name::text';
    case 'column':
      return `select from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = :schema::text and c.relname = :table::text and a.attname = :name::text and a.attnum > 0 and not a.attisdropped`;
    case 'policy':
      return `select from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = :schema::text and c.relname = :table::text and p.polname = :name::text`;
    case 'table':
    case 'view':
      // A table brings a type of its name with it.
      return `select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = :schema::text and c.relname = :name::text
union all select from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = :schema::text and t.typname = :name::text`;
    default:
      // Tables, views, indexes and sequences share one name space (PostgreSQL, pg_class).
      return 'select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = :schema::text and c.relname = :name::text';
  }
}

function namesOf(name: ObjectName): Readonly<Record<string, string>> {
  switch (name.kind) {
    case 'schema':
      return { name: name.name };
    case 'column':
    case 'policy':
      return { schema: name.schema, table: name.table, name: name.name };
    default:
      return { schema: name.schema, name: name.name };
  }
}
