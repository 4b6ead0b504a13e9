import { quoteIdent } from './identifier.ts';

/** A target column that the SELECT does not fill. */
export interface UnmappedColumn {
  readonly name: string;
  /** As it is declared, length and scale included. */
  readonly type: string;
  /** The default's expression, null where there is none. */
  readonly default: string | null;
  /** Whether the default gives the same value every time. */
  readonly isConstant: boolean;
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
