import { expect, test } from 'vitest';
import { PlanId, TransferId } from '../../../../core/ids.ts';
import type { Transfer } from '../../../../core/plan/compiled-plan.ts';
import { candidates } from '../../../../core/transfer/carried-columns.ts';
import { withOutput } from '../../../../core/transfer/sync/mapped-rows.ts';
import { NO_CATALOG, type SyncCatalog } from '../../../../core/transfer/sync/sync-catalog.ts';
import { syncSql } from '../../../../core/transfer/sync/sync-sql.ts';

const select = { before: 'select p.id, p.name as full_name, upper(p.name) as loud from ', after: ' as p' };
const customers: Transfer = {
  file: '1-copy/customers.sql',
  line: 1,
  id: TransferId.parse('customers'),
  select: `${select.before}people${select.after}`,
  into: { schema: 'public', name: 'customers' },
  from: { schema: 'public', name: 'people' },
  keys: [{ target: 'id', source: 'id' }],
  columns: ['id', 'full_name', 'loud'],
  sync: 'both',
  deletes: { kind: 'hard' },
  quarantine: [],
  parallel: 1,
  driving: select,
  lookups: [],
  plain: [
    { column: 'id', source: 'id' },
    { column: 'full_name', source: 'name' },
  ],
  inverses: [],
  isCovering: true,
};

function made(
  transfer: Transfer,
  side: 'source' | 'target',
  { phase = 'copy', catalog = NO_CATALOG }: { readonly phase?: string; readonly catalog?: SyncCatalog } = {},
) {
  const carried = new Map([[transfer.id as string, candidates(transfer)]]);
  return syncSql({ plan: { id: PlanId.parse('small') }, phase, side, transfers: [transfer], carried, catalog });
}

test('a statement trigger stands on the table and on each partition, a row trigger on the table alone', () => {
  const partitions = [{ schema: 'public', name: 'people_1' }];
  const catalog: SyncCatalog = { tables: new Map([['"public"."people"', { columns: new Map(), partitions }]]) };
  const tables = made(customers, 'source', { catalog }).map(({ triggers }) => triggers.map(({ table }) => table.name));
  expect(tables).toEqual([['people', 'people_1'], ['people', 'people_1'], ['people', 'people_1'], ['people', 'people_1'], ['people']]);
});

test('names fit into 63 bytes and stay apart', () => {
  const long = { ...customers, from: { schema: 'public', name: `${'ü'.repeat(30)}` } };
  const functions = made(long, 'source', { phase: 'a-rather-long-name-of-a-phase' });
  const names = functions.flatMap(({ name, triggers }) => [name.slice('stepgate."'.length, -1), ...triggers.map((one) => one.name)]);
  expect(names.filter((name) => Buffer.byteLength(name) > 63)).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

test('columns whose names would be cut off beside another stay apart', () => {
  const columns = ['id', `${'c'.repeat(62)}1`, `${'c'.repeat(62)}2`];
  const [, update] = made({ ...customers, columns }, 'source');
  const names = [...(update?.create ?? '').matchAll(/ as ("(?:old|new) [^"]*")/g)].map(([, name]) => name ?? '');
  expect(names.filter((name) => Buffer.byteLength(name) > 65)).toEqual([]);
  expect(new Set(names).size).toBe(6);
});

test('a text of the plan that ends a function does not', () => {
  const rule = { condition: "full_name = '$stepgate$'", line: 1 };
  const [insert] = made({ ...customers, quarantine: [rule] }, 'source');
  expect(insert?.create).toMatch(/^as \$stepgate1\$$/m);
});

test('a forward transfer has no triggers on its target, and knows no echo', () => {
  const forward: Transfer = { ...customers, sync: 'forward' };
  expect(made(forward, 'target')).toEqual([]);
  expect(made(forward, 'source').map(({ create }) => /not v_echo\[|if v_echo\[/.test(create))).toEqual([false, false, false, false, true]);
});

test('a column that goes back is left to the new side where the change came from there', () => {
  const [, update] = made(customers, 'source');
  expect(update?.create).toContain('"full_name" = case when not v_echo[1] and ');
  expect(update?.create).toContain('"loud" = case when row(');
});

test.each([
  { sql: 'select a from t', out: 'select x, a from t' },
  { sql: "-- select\nSELECT '(select' from t", out: "-- select\nSELECT x, '(select' from t" },
  { sql: 'with c as (select 1) select (select 2) from c', out: 'with c as (select 1) select x, (select 2) from c' },
  { sql: '/* select */ select "select" from t', out: '/* select */ select x, "select" from t' },
])('one more column comes first in $sql', ({ sql, out }) => {
  expect(withOutput(sql, 'x')).toBe(out);
});
