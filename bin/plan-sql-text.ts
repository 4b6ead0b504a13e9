import type { SourceLine } from '../core/plan/compiled-plan.ts';
import type { KeyRange } from '../core/transfer/compare-sql.ts';

export interface SqlText {
  readonly what: string;
  /** `file:line` in the plan's folder. */
  readonly at: string;
  readonly sql: string;
}

/** Stand for the key that a range begins after, the one that it ends with, and one of several that are named. */
export const RANGE = { after: 'AFTER', upto: 'UPTO' } as const;
export const AFTER = { after: RANGE.after, upto: null } as const;
export const KEY = 'KEY';

/** What the ledger's in_range does with keys; each column of a key of several gets the same text. */
export function withKeys(sql: string, { after, upto }: KeyRange): string {
  const range = (columns: string, inEach: (key: string) => string): string =>
    [...(after === null ? [] : [`${columns} > ${inEach(after)}`]), ...(upto === null ? [] : [`${columns} <= ${inEach(upto)}`])].join(' and ');
  return sql
    .replaceAll(/\[\[range (.*?)\]\]/g, (_, column: string) => range(column, (key) => `'${key}'`))
    .replaceAll(/\[\[ranges (.*?)\]\]/g, (_, columns: string) => range(`(${columns})`, (key) => inEachColumn(columns, key)))
    .replaceAll(/\[\[keys ([^,]*?)\]\]/g, (_, column: string) => `${column} in ('${KEY}')`)
    .replaceAll(/\[\[keys (.*?)\]\]/g, (_, columns: string) => `(${columns}) in (${inEachColumn(columns, KEY)})`)
    .replaceAll('[[open]]', '[[');
}

/** A name with a comma comes escaped. */
function inEachColumn(columns: string, key: string): string {
  return `(${columns
    .split(',')
    .map(() => `'${key}'`)
    .join(', ')})`;
}

export function at({ file, line }: SourceLine): string {
  return `${file}:${line}`;
}
