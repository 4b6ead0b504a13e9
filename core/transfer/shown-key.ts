/** Types whose values are numbers of rows, or names of the schema; PostgreSQL keeps `name` for its own catalogs. */
const SHOWN_TYPES = ['int2', 'int4', 'int8', 'uuid', 'name', 'regclass'].map((type) => `'pg_catalog.${type}'::regtype`).join(', ');

/** What begins a digest; no surrogate key does. */
export const DIGEST_PREFIX = 'md5:';

/**
 * A key as a text that may leave the database: a surrogate key as it is, any other as twelve hexadecimal characters of its digest.
 *
 * The type decides, so a domain, and a key that is cast to text, are digests too. Null stays null.
 */
export function shownKeySql(key: string): string {
  return `case when pg_typeof(${key}) in (${SHOWN_TYPES}) then (${key})::text else '${DIGEST_PREFIX}' || left(md5((${key})::text), 12) end`;
}
