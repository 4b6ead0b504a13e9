import * as z from 'zod';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import type { Finding } from '../core/run/journal.ts';
import { classificationFindings, fitFindings } from '../core/run/sync-findings.ts';
import { type CarriedColumn, type ClassifiedColumn, carriedOf } from '../core/transfer/carried-columns.ts';
import { fitSql, type MeasuredColumn } from '../core/transfer/fit-sql.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { isSynced } from '../core/transfer/is-synced.ts';
import { type Obstacle, syncObstacles } from '../core/transfer/sync-obstacles.ts';
import { classifiedColumns } from './carried-columns.ts';
import type { Query, SqlSession } from './sql-session.ts';
import { syncTable } from './sync-facts.ts';

/** What of a live transfer goes both ways, and what stands against it; `transfers` are all of the plan. Nothing for one that is not live. */
export async function syncFindings(
  session: Pick<SqlSession, 'readOnly'>,
  transfer: Transfer,
  transfers: readonly Transfer[],
): Promise<readonly Finding[]> {
  if (!isSynced(transfer)) return [];
  const from = await session.readOnly((query) => syncTable(query, transfer.from));
  const isBoth = transfer.sync === 'both' && from !== null;
  const classified: readonly ClassifiedColumn[] = isBoth ? await classifiedColumns(session, transfer) : [];
  const obstacles = await session.readOnly((query) => obstaclesOf(query, transfer, { transfers, carried: carriedOf(classified) }));
  const at = `${transfer.file}:${transfer.line}: `;
  const source = 'pg_class, pg_index, pg_trigger, pg_proc, pg_constraint, pg_inherits';
  return [
    ...classificationFindings(transfer, classified),
    ...obstacles.map(({ status, found, advice }): Finding => ({ name: 'sync', status, found: `${at}${found}`, advice, source })),
  ];
}

/** `transfers` are all of the plan, `carried` is what of this one goes back. */
export async function obstaclesOf(
  query: Query,
  transfer: Transfer,
  { transfers, carried }: { readonly transfers: readonly Transfer[]; readonly carried: readonly CarriedColumn[] },
): Promise<readonly Obstacle[]> {
  const lookups = [];
  for (const lookup of transfer.lookups) lookups.push({ lookup, table: await syncTable(query, lookup.table) });
  const [from, into] = [await syncTable(query, transfer.from), await syncTable(query, transfer.into)];
  return syncObstacles(transfer, { from, into, lookups, carried, targets: transfers.map((one) => one.into) });
}

const Column = z.object({ name: z.string(), declared: z.string(), type: z.string(), not_null: z.boolean() });
const Misfits = z.object({ counts: z.string() });

/** Values that are there and that the target does not take, or takes as another value; nothing where the target is not there yet. */
export async function misfitFindings(query: Query, transfer: Transfer): Promise<readonly Finding[]> {
  const columns = await query(
    Column,
    `select attname::text as name, format_type(atttypid, atttypmod) as declared, format_type(atttypid, null) as type, attnotnull as not_null
from pg_attribute where attrelid = to_regclass(:name::text) and attnum > 0 and not attisdropped and (attnotnull or atttypmod >= 0) order by attnum`,
    { name: quoteName(transfer.into) },
  );
  const measured = columns
    .filter(({ name }) => transfer.columns.includes(name))
    .map(({ name, declared, type, not_null: isNotNull }): MeasuredColumn => ({ name, declared: declared === type ? null : declared, isNotNull }));
  if (measured.length === 0) return [];
  const [row] = await query(Misfits, fitSql(transfer, measured));
  const counts = z.array(z.object({ nulls: z.number().int(), misfits: z.number().int() })).parse(JSON.parse(row?.counts ?? '[]'));
  return fitFindings(
    transfer,
    measured.map((column, index) => ({ ...column, nulls: 0, misfits: 0, ...counts[index] })),
  );
}
