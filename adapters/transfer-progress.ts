import * as z from 'zod';
import type { PlanId } from '../core/ids.ts';
import type { SqlSession } from './sql-session.ts';

/** How far a transfer has come, by the ledger; a batch counts when it is committed. */
const TransferRows = z.object({
  transfer: z.string(),
  direction: z.enum(['up', 'undo']),
  rows: z.number().int(),
  done: z.boolean(),
  /** Why its next batch waits; null while none does. */
  pausing: z.string().nullable().optional(),
});
export type TransferRows = z.infer<typeof TransferRows>;

/** Those of a phase, in both directions; throws what `query` throws. */
export function transferRows({ query }: Pick<SqlSession, 'query'>, plan: PlanId, phase: string): Promise<readonly TransferRows[]> {
  return query(
    TransferRows,
    `select transfer, direction, sum(rows)::bigint as rows, bool_and(done_at is not null) as done, max(pausing_for) as pausing
from stepgate.transfer where plan = :plan::text and phase = :phase::text group by transfer, direction order by min(begun_at)`,
    { plan, phase },
  );
}
