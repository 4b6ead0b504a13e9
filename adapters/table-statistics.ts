import * as z from 'zod';
import { UnknownOutcomeError } from '../core/errors.ts';
import type { QualifiedName } from '../core/plan/compiled-plan.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { Query } from './sql-session.ts';

/**
 * Counts tables that have just been filled, of which the planner knows nothing until autovacuum comes by: what is asked next, the comparison
 * and then the application, would be planned for empty ones (PostgreSQL, populating a database, run ANALYZE afterwards).
 *
 * Passes over a table that somebody holds, or that belongs to another role; one that takes longer than a call has keeps what it had.
 */
export async function refreshStatistics(query: Query, tables: readonly QualifiedName[]): Promise<void> {
  const names = [...new Set(tables.map(quoteName))].join(', ');
  try {
    await query(z.unknown(), `analyze (skip_locked) ${names}`);
  } catch (error) {
    if (!(error instanceof UnknownOutcomeError && error.isTimeout)) throw error;
  }
}
