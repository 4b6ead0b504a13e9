import type { QualifiedName } from '../../plan/compiled-plan.ts';
import { quoteName } from '../identifier.ts';

/** What the catalog says of the tables that a sync reads and writes, by their quoted names; a table that is not there is unknown. */
export interface SyncCatalog {
  readonly tables: ReadonlyMap<string, SyncTable>;
}

export interface SyncTable {
  readonly columns: ReadonlyMap<string, SyncColumn>;
  /** A statement fires the triggers of the table that it names: those of a partition, too. */
  readonly partitions: readonly QualifiedName[];
}

export interface SyncColumn {
  /** As PostgreSQL writes it, without length and scale. */
  readonly type: string;
  /** Whether values that are equal are the same bytes; not so for numbers with a scale, and texts under a nondeterministic collation. */
  readonly isBinaryEqual: boolean;
}

/** Nothing is known: `check --sql` shows what is generated then, without a database. */
export const NO_CATALOG: SyncCatalog = { tables: new Map() };

export function columnIn(catalog: SyncCatalog, table: QualifiedName, column: string): SyncColumn {
  return catalog.tables.get(quoteName(table))?.columns.get(column) ?? { type: 'unknown', isBinaryEqual: false };
}

/** The table and its partitions. */
export function withPartitions(catalog: SyncCatalog, table: QualifiedName): readonly QualifiedName[] {
  return [table, ...(catalog.tables.get(quoteName(table))?.partitions ?? [])];
}
