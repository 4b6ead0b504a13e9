import { createHash } from 'node:crypto';
import type { Transfer } from '../../plan/compiled-plan.ts';
import type { CarriedColumn } from '../carried-columns.ts';
import { quoteIdent, quoteLiteral, quoteName } from '../identifier.ts';
import { columnOf, keyText } from '../key-text.ts';
import { softDeletedSql } from '../soft-delete.ts';
import { columnIn, type SyncCatalog } from './sync-catalog.ts';
import type { SyncPart } from './sync-names.ts';

/** A transfer in the function that syncs it. */
export interface SyncTransfer {
  readonly transfer: Transfer;
  readonly part: SyncPart;
  /** What goes back to the source, the key's columns among it; empty with `sync: forward`. */
  readonly carried: readonly CarriedColumn[];
  readonly catalog: SyncCatalog;
  /** From 1: its place in the function's arrays. */
  readonly place: number;
}

export function isBoth({ transfer }: SyncTransfer): boolean {
  return transfer.sync === 'both';
}

/**
 * A column of a record: an alias, a composite in brackets, or one side of a pair of rows that lie in one, as `p:old` and `p:new`.
 *
 * A pair of two records reads better, but costs a fifth more.
 */
export function ref(record: string, column: string): string {
  const { alias, name } = placed(record, column);
  return columnOf(alias, name);
}

function placed(record: string, column: string): { readonly alias: string; readonly name: string } {
  const [alias = '', side] = record.split(':');
  return { alias, name: side === undefined ? column : pairColumn(side, column) };
}

/** A name that would be cut off is another one's soon (PostgreSQL, NAMEDATALEN). */
function pairColumn(side: string, column: string): string {
  return Buffer.byteLength(column) <= 59 ? `${side} ${column}` : `${side} ${createHash('sha256').update(column).digest('hex').slice(0, 32)}`;
}

/** Some columns of two relations `o` and `n` side by side: the output of a SELECT whose alias is then `p`. */
export function sideBySide(columns: readonly string[]): string {
  return columns
    .map(
      (column) =>
        `o.${quoteIdent(column)} as ${quoteIdent(pairColumn('old', column))}, n.${quoteIdent(column)} as ${quoteIdent(pairColumn('new', column))}`,
    )
    .join(', ');
}

/** Output columns whose changes on the new side reach the source. */
export function carriedColumnNames({ carried }: SyncTransfer): ReadonlySet<string> {
  return new Set(carried.flatMap(({ columns }) => columns));
}

/** The output columns that are no key, and the key's where values that are equal may be different bytes. */
export function writtenColumns({ transfer, catalog }: SyncTransfer): readonly string[] {
  const isKey = (column: string) => transfer.keys.some(({ target }) => target === column);
  return transfer.columns.filter((column) => !isKey(column) || !columnIn(catalog, transfer.into, column).isBinaryEqual);
}

/** Whether two values of a target column are not the same bytes. */
export function differsSql({ transfer, catalog }: SyncTransfer, column: string, left: string, right: string): string {
  const [one, other] = [left, right].map((record) => ref(record, column));
  return columnIn(catalog, transfer.into, column).isBinaryEqual
    ? `${one} is distinct from ${other}`
    : `row(${one})::record *<> row(${other})::record`;
}

/** Whether two rows differ in one of some columns; null where there is none. */
export function anyDiffersSql(columns: readonly string[], left: string, right: string): string | null {
  const row = (record: string) => `row(${columns.map((column) => ref(record, column)).join(', ')})::record`;
  return columns.length === 0 ? null : `${row(left)} *<> ${row(right)}`;
}

/** The names of those of some columns in which two rows differ, as an array. */
export function differingNamesSql(sync: SyncTransfer, columns: readonly string[], left: string, right: string): string {
  const names = columns.map((column) => `case when ${differsSql(sync, column, left, right)} then ${quoteLiteral(column)} end`);
  return `array_remove(array[${names.join(', ')}]::text[], null)`;
}

/** Each key column of the target's record is that of the other one, which calls it by the names of `side`. */
export function keysMatch({ transfer }: SyncTransfer, target: string, other: string, side: 'source' | 'target'): string {
  return transfer.keys.map((pair) => `${ref(target, pair.target)} = ${ref(other, pair[side])}`).join(' and ');
}

export function keyOf({ transfer }: SyncTransfer, record: string, side: 'source' | 'target'): string {
  const columns = transfer.keys.map((pair) => placed(record, pair[side]));
  return keyText(
    columns[0]?.alias ?? '',
    columns.map(({ name }) => name),
  );
}

/** A record without a row has no key. */
export function firstKey({ transfer }: SyncTransfer, record: string, side: 'source' | 'target' = 'target'): string {
  return ref(record, transfer.keys[0][side]);
}

/** What to add to a condition on target rows, of which one that is marked as deleted counts as absent. */
export function andLive(sync: SyncTransfer, record: string): string {
  const deleted = deletedSql(sync, record);
  return deleted === null ? '' : ` and not ${deleted}`;
}

/** Whether a target row is marked as deleted; null where rows are deleted. */
export function deletedSql({ transfer, catalog }: SyncTransfer, record: string): string | null {
  const { deletes, into } = transfer;
  if (deletes.kind === 'hard') return null;
  const { alias, name } = placed(record, deletes.column);
  return softDeletedSql(alias, { kind: 'soft', column: name }, [{ name, type: columnIn(catalog, into, deletes.column).type }]);
}

/** The assignment that marks a target row as deleted, or takes the mark away. */
export function markSql({ transfer, catalog }: SyncTransfer, isDeleted: boolean): string {
  if (transfer.deletes.kind === 'hard') throw new Error(`${transfer.id} deletes its rows`);
  const isBoolean = columnIn(catalog, transfer.into, transfer.deletes.column).type === 'boolean';
  return `${quoteIdent(transfer.deletes.column)} = ${isBoolean ? String(isDeleted) : isDeleted ? 'clock_timestamp()' : 'null'}`;
}

/** `plan, transfer, side` of an entry in the journal. */
export function labelsSql({ part, transfer }: SyncTransfer, side: 'source' | 'target' = part.side): string {
  return [part.plan, transfer.id, side].map(quoteLiteral).join(', ');
}

export function intoName({ transfer }: SyncTransfer): string {
  return quoteName(transfer.into);
}

/** While this runs, the other triggers of these transfers know whose write they see. */
export function guarded(syncs: readonly SyncTransfer[], body: string): string {
  const ids = syncs.map(({ transfer }) => transfer.id).join(' ');
  return `perform set_config('stepgate.guard', concat_ws(' ', nullif(v_guard, ''), ${quoteLiteral(ids)}), true);
${body}
perform set_config('stepgate.guard', v_guard, true);`;
}

/** An error of ours never reaches the application: what was written is taken back, and the journal tells. */
export function caught({ place }: SyncTransfer, body: string): string {
  return `begin
${body}
exception when others then
  v_reason[${place}] := 'failed';
  v_state[${place}] := sqlstate;
end;`;
}
