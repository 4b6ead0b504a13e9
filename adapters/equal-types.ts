/** Whether equal values of a type are the same bytes; `b` is its row of pg_type, of a domain that of its base type. */
export const EQUAL_IS_SAME = `b.oid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'bool'::regtype, 'uuid'::regtype, 'date'::regtype,
  'timestamp'::regtype, 'timestamptz'::regtype, 'time'::regtype, 'bytea'::regtype, 'oid'::regtype) or b.typtype = 'e'`;

/** Whether it depends on a column's collation only. */
export const IS_PLAIN_TEXT = "b.oid in ('text'::regtype, 'varchar'::regtype)";
