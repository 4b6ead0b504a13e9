import type { Deletes } from '../plan/compiled-plan.ts';
import { columnOf } from './key-text.ts';
import type { UnmappedColumn } from './unmapped-column.ts';

/** The condition under which a target's row is marked as deleted; null where rows are deleted, or the column is not there. A boolean marks by true, any other type by a value. */
export function softDeletedSql(alias: string, deletes: Deletes, unmapped: readonly Pick<UnmappedColumn, 'name' | 'type'>[]): string | null {
  const column = deletes.kind === 'soft' ? unmapped.find(({ name }) => name === deletes.column) : undefined;
  if (column === undefined) return null;
  return column.type === 'boolean' ? `(${columnOf(alias, column.name)} is true)` : `(${columnOf(alias, column.name)} is not null)`;
}
