import type { QualifiedName, Transfer } from '../plan/compiled-plan.ts';

/** What the catalog says of a table's column as a key. */
export interface KeyColumn {
  readonly isThere: boolean;
  readonly isNotNull: boolean;
  /** A valid unique index on this column alone. */
  readonly isUnique: boolean;
  /** Null for types without one. */
  readonly collation: string | null;
}

/** Why a transfer's rows cannot be read in key ranges and found again by their key; a sentence for each reason. */
export function keyFaults(transfer: Transfer, source: KeyColumn, target: KeyColumn): readonly string[] {
  const [from, into] = [nameOf(transfer.from, transfer.key.source), nameOf(transfer.into, transfer.key.target)];
  const faults = [...sourceKeyFaults(transfer, source), ...targetKeyFaults(transfer, target)];
  if (source.isThere && target.isThere && source.collation !== target.collation) {
    const reason = `${from} has collation ${source.collation} and ${into} has ${target.collation}`;
    faults.push(`${at(transfer)}: ${reason}; give both the same, so that a range of keys means the same rows`);
  }
  return faults;
}

/** A row without a key is in no range. */
export function sourceKeyFaults(transfer: Transfer, source: KeyColumn): readonly string[] {
  const name = nameOf(transfer.from, transfer.key.source);
  return source.isThere && !source.isNotNull ? [`${at(transfer)}: ${name} may be null; declare it not null, or take another key`] : [];
}

/** Two rows under one key could not be told apart. */
export function targetKeyFaults(transfer: Transfer, target: KeyColumn): readonly string[] {
  const name = nameOf(transfer.into, transfer.key.target);
  return target.isThere && !(target.isNotNull && target.isUnique)
    ? [`${at(transfer)}: ${name} is not the table's key; make it the primary key, or unique and not null`]
    : [];
}

function at({ file, line }: Transfer): string {
  return `${file}:${line}`;
}

function nameOf(table: QualifiedName, column: string): string {
  return `${table.schema}.${table.name}.${column}`;
}
