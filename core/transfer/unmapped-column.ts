import { quoteIdent, quoteLiteral } from './identifier.ts';

/** A target column that the SELECT does not fill. */
export interface UnmappedColumn {
  readonly name: string;
  /** As it is declared, length and scale included. */
  readonly type: string;
  /** The default's expression, null where there is none. */
  readonly default: string | null;
  /** Whether the default gives the same value every time. */
  readonly isConstant: boolean;
  /** Whether the server gives every value, so that nobody can have written one. */
  readonly isGenerated: boolean;
}

/** Conditions under which somebody has written into a column that the SELECT leaves to its default; by binary image, as the mapped columns are. */
export function touchedSql(alias: string, columns: readonly UnmappedColumn[]): readonly string[] {
  return columns
    .filter((column) => column.isConstant)
    .map((column) => {
      const value = `${alias}.${quoteIdent(column.name)}`;
      return column.default === null ? `${value} is not null` : `row(${value})::record *<> row((${column.default})::${column.type})::record`;
    });
}

/**
 * Conditions under which somebody may have written into a column whose default gives another value each time.
 *
 * A time is the copy's own between the beginning of its phase and its end, or, where a live sync goes on making rows, now; of any other
 * value nobody can tell.
 */
export function untimelySql(
  alias: string,
  place: { readonly plan: string; readonly phase: string; readonly transfer: string; readonly isSynced: boolean },
  columns: readonly UnmappedColumn[],
): readonly string[] {
  const [plan, phase, transfer] = [place.plan, place.phase, place.transfer].map(quoteLiteral);
  const begun = `(select p.begun_at from stepgate.phase p where p.plan = ${plan} and p.phase = ${phase})`;
  const done = `(select case when bool_and(r.done_at is not null) then max(r.done_at) end from stepgate.transfer r where r.plan = ${plan} and r.phase = ${phase} and r.transfer = ${transfer} and r.direction = 'up')`;
  return columns
    .filter((column) => !column.isConstant && !column.isGenerated)
    .map((column) =>
      column.type.startsWith('timestamp')
        ? `(${alias}.${quoteIdent(column.name)} between ${begun} and ${place.isSynced ? 'clock_timestamp()' : `coalesce(${done}, clock_timestamp())`}) is not true`
        : 'true',
    );
}
