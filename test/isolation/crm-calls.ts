/** Which of an application's versions makes a call. */
export type Side = 'old' | 'new';

/** A column of which each row has one writer, who remembers what was committed. */
export type OwnedColumn = 'name' | 'email' | 'tag' | 'said' | 'mark';

export const OWNED_COLUMNS: readonly OwnedColumn[] = ['name', 'email', 'tag', 'said', 'mark'];

export interface CrmStatement {
  /** What is locked before, in the order of `ref`, as every call does, so that the application's own calls never deadlock; with the first value. */
  readonly locks?: string;
  readonly sql: string;
  readonly values: readonly unknown[];
  /** What the rows that it gives back (each its `ref`) mean, once it is committed. */
  readonly means:
    | { readonly kind: 'sets'; readonly column: OwnedColumn; readonly value: string }
    | { readonly kind: 'makes' | 'removes' | 'touches' };
}

/** Writes one column of a row. */
export function setColumn(side: Side, column: OwnedColumn, ref: string, value: string): CrmStatement {
  return { sql: SETS[side][column], values: [[ref], value], means: { kind: 'sets', column, value } };
}

/** One statement over many rows. */
export function setNames(side: Side, refs: readonly string[], value: string): CrmStatement {
  return { locks: LOCKS[side], sql: SETS[side].name, values: [refs, value], means: { kind: 'sets', column: 'name', value } };
}

const set = (table: string, column: string, alive = ''): string => `update ${table} set ${column} = $2 where ref = any ($1)${alive} returning ref`;
const setMark = (marks: string, rows: string, key: string, alive = ''): string =>
  `update ${marks} m set value = $2 from ${rows} p where m.${key} = p.id and m.kind = 'colour' and p.ref = any ($1)${alive} returning p.ref`;

const LIVING = ' and deleted_at is null';

const SETS: Readonly<Record<Side, Readonly<Record<OwnedColumn, string>>>> = {
  old: {
    name: set('people', 'name'),
    email: set('people', 'email'),
    tag: set('people', 'tag'),
    said: set('calls', 'said'),
    mark: setMark('marks', 'people', 'person_id'),
  },
  new: {
    name: set('customers', 'full_name', LIVING),
    email: set('customers', 'email', LIVING),
    tag: set('leads', 'tag'),
    said: set('customer_calls', 'said'),
    mark: setMark('customer_marks', 'customers', 'customer_id', LIVING),
  },
};

const LOCKS: Readonly<Record<Side, string>> = {
  old: 'select from people where ref = any ($1) order by ref for no key update',
  new: 'select from customers where ref = any ($1) order by ref for no key update',
};

/** A person with a call and a mark, with a key of the database's own making. */
export function makePerson(side: Side, ref: string): CrmStatement {
  const [rows, name, calls, marks, key] =
    side === 'old'
      ? ['people', 'name', 'calls', 'marks', 'person_id']
      : ['customers', 'full_name', 'customer_calls', 'customer_marks', 'customer_id'];
  return {
    sql: `with made as (insert into ${rows} (ref, ${name}) values ($1, 'new') returning id, ref),
c as (insert into ${calls} (${key}, ref, said) select id, ref, 'call' from made),
m as (insert into ${marks} (${key}, kind, value) select id, 'colour', 'none' from made) select ref from made`,
    values: [ref],
    means: { kind: 'makes' },
  };
}

/** The new version marks or deletes. */
export function removePerson(side: Side, ref: string, marks: boolean): CrmStatement {
  const hard =
    side === 'old' ? 'delete from people where ref = $1 returning ref' : 'delete from customers where ref = $1 and deleted_at is null returning ref';
  const soft = 'update customers set deleted_at = now() where ref = $1 and deleted_at is null returning ref';
  return { sql: side === 'new' && marks ? soft : hard, values: [ref], means: { kind: 'removes' } };
}

/** A person gets another key; calls and marks go along. */
export function moveKey(side: Side, ref: string, key: number): CrmStatement {
  const sql =
    side === 'old'
      ? 'update people set id = $2 where ref = $1 returning ref'
      : 'update customers set id = $2 where ref = $1 and deleted_at is null returning ref';
  return { sql, values: [ref, key], means: { kind: 'touches' } };
}

/** One statement over many rows, in a column that anybody writes. */
export function seeMany(side: Side, refs: readonly string[]): CrmStatement {
  const [table, alive] = side === 'old' ? ['people', ''] : ['customers', LIVING];
  const sql = `update ${table} set seen = clock_timestamp() where ref = any ($1)${alive} returning ref`;
  return { locks: LOCKS[side], sql, values: [refs], means: { kind: 'touches' } };
}

/** What only the old version writes: where somebody lives. */
export function moveHouse(ref: string, town: number): CrmStatement {
  return { sql: set('people', 'city'), values: [[ref], `Town ${town}`], means: { kind: 'touches' } };
}

export function rezone(town: number, zip: string): CrmStatement {
  return { sql: "update towns set zip = $2 where city = 'Town ' || $1::text returning city as ref", values: [town, zip], means: { kind: 'touches' } };
}
