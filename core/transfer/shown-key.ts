import { quoteLiteral } from './identifier.ts';

/** Types whose values are numbers of rows, or names of the schema; PostgreSQL keeps `name` for its own catalogs. */
const SHOWN_TYPES = ['int2', 'int4', 'int8', 'uuid', 'name', 'regclass'].map((type) => `'pg_catalog.${type}'::regtype`).join(', ');

/** What begins a digest; no surrogate key does. */
export const DIGEST_PREFIX = 'md5:';

/**
 * A key as a text that may leave the database: a surrogate key as it is, any other as twelve hexadecimal characters of its digest.
 *
 * The type decides, so a domain, and a key that is cast to text, are digests too. Null stays null. `salt` stands before the key in what is
 * digested, so that the digests of one run are in no list made beforehand and say nothing about those of another.
 */
export function shownKeySql(key: string, salt = ''): string {
  const digested = salt === '' ? `(${key})::text` : `${quoteLiteral(salt)} || (${key})::text`;
  return `case when pg_typeof(${key}) in (${SHOWN_TYPES}) then (${key})::text else '${DIGEST_PREFIX}' || left(md5(${digested}), 12) end`;
}

/** Several columns' key, each column as it may be shown, in one text: the key's own (core/transfer/key-text.ts) where nothing is digested. */
export function shownKeysSql(columns: readonly string[], salt: string): string {
  const shown = columns.map((column) => shownKeySql(column, salt));
  return shown.length === 1 ? shown.join() : `json_build_array(${shown.join(', ')})::text`;
}

/** Whether a shown key has to be searched for, because it is not the key itself. */
export function isDigested(shown: string): boolean {
  return shown.includes(DIGEST_PREFIX);
}
