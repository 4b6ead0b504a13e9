import { createHash } from 'node:crypto';
import type { QualifiedName } from '../../plan/compiled-plan.ts';

/** Which part of a plan's sync, so that two plans on one table do not meet. */
export interface SyncPart {
  readonly plan: string;
  readonly phase: string;
  readonly side: 'source' | 'target';
}

/** The function behind the triggers of one table and event; in schema `stepgate`. */
export function functionName({ plan, phase, side }: SyncPart, table: QualifiedName, event: string): string {
  const name = table.schema === 'public' ? table.name : `${table.schema}.${table.name}`;
  return fitting(`sync_${plan}_${phase}_${side}_${name}_${event}`);
}

/** By its beginning, schema fingerprints know a trigger as the run's own. */
export function triggerName({ plan, phase, side }: SyncPart, event: string): string {
  return fitting(`stepgate_${plan}_${phase}_${side}_${event}`);
}

/** At most 63 bytes (PostgreSQL, NAMEDATALEN). */
function fitting(name: string): string {
  if (Buffer.byteLength(name) <= 63) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 12);
  let head = name;
  while (Buffer.byteLength(head) > 50) head = head.slice(0, -1);
  return `${head}_${digest}`;
}
