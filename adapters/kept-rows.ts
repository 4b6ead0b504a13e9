import * as z from 'zod';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { SqlSession } from './sql-session.ts';

const KeptRows = z.object({ table: z.string(), rows: z.number().int() });
export type KeptRows = z.infer<typeof KeptRows>;

/** Rows that this run's undo of a phase put into stepgate_archive.row from tables and columns that no transfer fills. */
export function keptRows({ query }: SqlSession, run: ChangingRun, phase: string): Promise<readonly KeptRows[]> {
  return query(
    KeptRows,
    `select table_name as table, count(*)::int as rows from stepgate_archive.row
where run_id = :run::text and phase = :phase::text and transfer is null group by table_name order by table_name`,
    { run: run.id, phase },
  );
}
