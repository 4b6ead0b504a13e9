import { loadModule, parseSync } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import { reachOf, writesRows } from '../../../core/plan/reach.ts';

beforeAll(() => loadModule());

function nodesOf(sql: string) {
  return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [{ node: stmt }]));
}

test.each([
  ['create table s.orders (id int references people, constraint positive check (id > 0), mood mood)', ['mood', 'orders', 'people', 'positive']],
  ['drop table orders, s.items', ['items', 'orders']],
  ['create policy own on orders using (exists (select from members))', ['members', 'orders', 'own']],
  ['drop policy own on orders', ['orders', 'own']],
  ['create trigger noted after insert on orders for each row execute function s.note()', ['note', 'noted', 'orders']],
  ['create function total(int) returns int language sql as $$select 1$$', ['total']],
  ['alter table orders rename to items', ['items', 'orders']],
  ['alter index i rename to j', ['i', 'j']],
  ['create index concurrently orders_at on orders (at)', ['orders', 'orders_at']],
  ['comment on column orders.at is null', ['at', 'orders']],
  ['create schema sales', ['sales']],
  ['create type mood as enum ()', ['mood']],
  ['with old as (delete from a returning *) insert into b select * from old', ['a', 'b']],
  ['grant select on orders to reader', ['orders']],
])('%s names what it can change', (sql, names) => {
  const reach = reachOf(nodesOf(sql));
  expect(reach.names).toEqual(expect.arrayContaining(names));
  expect(reach.isOpaque).toBe(false);
});

test.each([
  'do $$ begin end $$',
  'call tidy()',
  'select tidy()',
  'grant select on all tables in schema public to reader',
  'drop table orders cascade',
  'alter table orders drop constraint orders_pkey cascade',
  'create extension cube cascade',
  'reassign owned by a to b',
])('%s does not say what it changes', (sql) => {
  expect(reachOf(nodesOf(sql)).isOpaque).toBe(true);
});

test.each([
  ['create table orders (id int references s.people, constraint positive check (id > 0))', ['"public"."orders"', '"s"."people"', 'positive']],
  ['drop table orders, s.items', ['"public"."orders"', '"s"."items"']],
  ['drop policy own on s.orders', ['"s"."orders"', 'own']],
  ['create index orders_at on s.orders (at)', ['"s"."orders"', '"s"."orders_at"']],
  ['alter table s.orders rename to items', ['"s"."items"', '"s"."orders"']],
  ['alter table orders rename constraint positive to above_zero', ['"public"."orders"', 'above_zero', 'positive']],
  ['alter table orders set schema s', ['"public"."orders"', '"s"."orders"']],
  ['comment on column s.orders.at is null', ['"s"."orders"']],
  ['create trigger noted after insert on orders for each row execute function s.note()', ['"public"."orders"', 'note', 'noted', 's']],
  ['create schema sales create table orders (id int)', ['orders', 'sales']],
  ['set local search_path = s; drop table orders', ['orders', 'search_path']],
])('%s names objects with their schemas', (sql, exact) => {
  expect(reachOf(nodesOf(sql)).exact.filter((name) => !['int4', 'pg_catalog', 'search_path'].includes(name))).toEqual(
    exact.filter((name) => name !== 'search_path'),
  );
});

test('the schema of a table that a statement names is not what it changes', () => {
  expect(reachOf(nodesOf('alter table sales.orders add column at timestamptz')).names).not.toContain('sales');
});

test.each([
  ['insert into a values (1)', true],
  ['with gone as (delete from a returning *) select * from gone', true],
  ['truncate a', true],
  ['do $$ begin end $$', true],
  ['drop table a', false],
  ['alter table a drop column b', false],
])('whether %s writes rows: %s', (sql, writes) => {
  expect(nodesOf(sql).some(({ node }) => writesRows(node))).toBe(writes);
});
