import * as z from 'zod';
import type { QualifiedName } from '../core/plan/compiled-plan.ts';
import type { TableSize } from '../core/run/hazard-findings.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { Query } from './sql-session.ts';

const Size = z.object({ bytes: z.number(), rows: z.number() });

/** Bytes of a table and the planner's estimate of its rows; reads no row. Null where there is no such table. */
export async function tableSize(query: Query, table: QualifiedName): Promise<TableSize | null> {
  const [row] = await query(
    Size,
    'select pg_table_size(oid) as bytes, reltuples::bigint as rows from pg_class where oid = to_regclass(:name::text)',
    { name: quoteName(table) },
  );
  return row ?? null;
}
