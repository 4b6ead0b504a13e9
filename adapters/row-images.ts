import * as z from 'zod';
import { DatabaseBusyError } from '../core/errors.ts';
import type { TransactionPhase } from '../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../core/run/envelope.ts';
import type { SqlSession } from './sql-session.ts';

const Answer = z.object({ answer: z.string() });
const Left = z.object({ tables: z.number().int() });

/**
 * Drops the triggers of a phase's row images that readers kept from going with the phase; twice is once.
 *
 * @throws {DatabaseBusyError} while somebody reads a protected table for longer than lock_timeout.
 */
export async function endImages({ query }: Pick<SqlSession, 'query'>, run: ChangingRun, phase: TransactionPhase): Promise<void> {
  if (phase.protect.length === 0) return;
  const sql = 'select stepgate.end_images(:run::text, :token::bigint, :plan::text, :phase::text) as tables';
  const [left] = await query(Left, sql, { run: run.id, token: run.token, plan: run.plan, phase: phase.id });
  if (left !== undefined && left.tables > 0) {
    throw new DatabaseBusyError(
      `phase ${phase.id} is committed; somebody reads tables that it protects, so the triggers of its row images, switched off, still wait to be dropped`,
    );
  }
}

/** Drops all row images of the plan: after cleanup nothing is undone by them. Twice is once. */
export async function forgetImages({ query }: Pick<SqlSession, 'query'>, run: ChangingRun): Promise<void> {
  await query(Answer, 'select stepgate.forget_images(:run::text, :token::bigint, :plan::text) as answer', {
    run: run.id,
    token: run.token,
    plan: run.plan,
  });
}
