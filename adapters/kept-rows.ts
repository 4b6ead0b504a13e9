import * as z from 'zod';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { SqlSession } from './sql-session.ts';

const KeptRows = z.object({ table: z.string(), rows: z.number().int() });
export type KeptRows = z.infer<typeof KeptRows>;
const KeptValues = z.object({ table: z.string(), column: z.string().nullable(), rows: z.number().int(), samples: z.string() });
export interface KeptValues extends Omit<z.infer<typeof KeptValues>, 'samples'> {
  /** At most five keys, as they are shown. */
  readonly samples: readonly string[];
}

/** Rows that this run's undo of a phase put into stepgate_archive.row from tables and columns that no transfer fills. */
export function keptRows({ query }: SqlSession, run: ChangingRun, phase: string): Promise<readonly KeptRows[]> {
  return query(
    KeptRows,
    `select table_name as table, count(*)::int as rows from stepgate_archive.row
where run_id = :run::text and phase = :phase::text and transfer is null group by table_name order by table_name`,
    { run: run.id, phase },
  );
}

/** What this run's undo of a phase left as others wrote it, by table and column; a column of null is the whole row. */
export async function keptValues({ query }: SqlSession, run: ChangingRun, phase: string): Promise<readonly KeptValues[]> {
  const rows = await query(
    KeptValues,
    `select table_name as table, column_name as column, count(*)::int as rows, array_to_json((array_agg(shown_key order by id))[1:5])::text as samples
from stepgate_archive.value where run_id = :run::text and phase = :phase::text group by table_name, column_name order by table_name, column_name nulls first`,
    { run: run.id, phase },
  );
  return rows.map((row) => ({ ...row, samples: z.array(z.string()).parse(JSON.parse(row.samples)) }));
}
