import type { QualifiedName, Transfer } from '../plan/compiled-plan.ts';

/** What the catalog says of a table's columns as its key. */
export interface TableKey {
  /** Those that are there, in the header's order. */
  readonly columns: readonly KeyColumn[];
  /** A valid unique index on exactly these columns. */
  readonly isUnique: boolean;
}

export interface KeyColumn {
  readonly name: string;
  readonly isNotNull: boolean;
  /** Null for types without one. */
  readonly collation: string | null;
}

/** Why a transfer's rows cannot be read in key ranges and found again by their key; a sentence for each reason. */
export function keyFaults(transfer: Transfer, source: TableKey, target: TableKey): readonly string[] {
  const faults = [...sourceKeyFaults(transfer, source), ...targetKeyFaults(transfer, target)];
  for (const pair of transfer.keys) {
    const [from, into] = [columnNamed(source, pair.source), columnNamed(target, pair.target)];
    if (from !== undefined && into !== undefined && from.collation !== into.collation) {
      const [one, other] = [nameOf(transfer.from, [pair.source]), nameOf(transfer.into, [pair.target])];
      const reason = `${one} has collation ${from.collation} and ${other} has ${into.collation}`;
      faults.push(`${at(transfer)}: ${reason}; give both the same, so that a range of keys means the same rows`);
    }
  }
  return faults;
}

/** A row without a key is in no range. */
export function sourceKeyFaults(transfer: Transfer, { columns }: TableKey): readonly string[] {
  return columns
    .filter(({ isNotNull }) => !isNotNull)
    .map(({ name }) => `${at(transfer)}: ${nameOf(transfer.from, [name])} may be null; declare it not null, or take another key`);
}

/** Two rows under one key could not be told apart. */
export function targetKeyFaults(transfer: Transfer, { columns, isUnique }: TableKey): readonly string[] {
  const names = transfer.keys.map(({ target }) => target);
  if (columns.length < names.length || (isUnique && columns.every(({ isNotNull }) => isNotNull))) {
    return [];
  }
  const many = names.length > 1;
  const advice = `make ${many ? 'them' : 'it'} the primary key, or unique and not null${many ? ', these columns and no other' : ''}`;
  return [`${at(transfer)}: ${nameOf(transfer.into, names)} ${many ? 'are' : 'is'} not the table's key; ${advice}`];
}

function columnNamed({ columns }: TableKey, name: string): KeyColumn | undefined {
  return columns.find((column) => column.name === name);
}

function at({ file, line }: Transfer): string {
  return `${file}:${line}`;
}

/** `public.leads.id`, `public.shares (lead, person)`. */
function nameOf({ schema, name }: QualifiedName, columns: readonly string[]): string {
  return columns.length === 1 ? `${schema}.${name}.${columns.join()}` : `${schema}.${name} (${columns.join(', ')})`;
}
