import { quoteIdent } from './identifier.ts';

/**
 * A key as one text: the column's own text, or a JSON array of the columns' texts where there are several.
 *
 * `alias` null is a column of the only table read.
 */
export function keyText(alias: string | null, columns: readonly string[]): string {
  const texts = columns.map((column) => `${columnOf(alias, column)}::text`);
  return texts.length === 1 ? texts.join() : `json_build_array(${texts.join(', ')})::text`;
}

/** Stands where the ledger's in_range puts the condition of a key range. */
export function rangeMark(alias: string | null, columns: readonly string[]): string {
  return `[[${columns.length === 1 ? 'range' : 'ranges'} ${keyColumns(alias, columns)}]]`;
}

/** Stands where the ledger's in_range puts a condition that holds for each of its keys. */
export function keysMark(alias: string | null, columns: readonly string[]): string {
  return `[[keys ${keyColumns(alias, columns)}]]`;
}

/** The key's columns, for an ORDER BY or inside a mark. */
export function keyColumns(alias: string | null, columns: readonly string[]): string {
  return columns.map((column) => columnOf(alias, column)).join(', ');
}

/** Every key column of one side is the other's. */
export function keysEqual(left: { readonly alias: string; readonly columns: readonly string[] }, right: typeof left): string {
  return left.columns
    .map((column, index) => `${columnOf(left.alias, column)} = ${columnOf(right.alias, right.columns[index] ?? column)}`)
    .join(' and ');
}

/** A name that would end a mark, look like one, or look like two names inside one is written with escapes (PostgreSQL, identifiers: U&"d\0061ta"). */
export function columnOf(alias: string | null, name: string): string {
  const prefix = alias === null ? '' : `${alias}.`;
  if (!/\[\[|\]\]|,/.test(name)) return `${prefix}${quoteIdent(name)}`;
  const escaped = name.replaceAll('\\', '\\\\').replace(/[[\],]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${prefix}U&${quoteIdent(escaped)}`;
}
