import { expect, test } from 'vitest';
import type { Phase } from '../../../core/plan/compiled-plan.ts';
import { describeFault } from '../../../core/plan/plan-fault.ts';
import { compileAccepting } from './small-plan.ts';

async function phasesOf(changes: Readonly<Record<string, string | null>>): Promise<readonly Phase[]> {
  const result = await compileAccepting(changes);
  if (!result.ok) throw new Error(result.faults.map(describeFault).join('\n'));
  return result.plan.phases;
}

async function createdBy(sql: string): Promise<readonly string[]> {
  const [phase] = await phasesOf({ '1-schema/up.sql': sql });
  if (phase?.kind === 'transfer') throw new Error('a phase of statements is wanted');
  return (phase?.creates ?? []).map((name) => `${name.kind} ${name.schema}.${'table' in name ? `${name.table}.` : ''}${name.name}`);
}

test.each([
  { sql: 'create table a (b int)', names: ['table public.a'] },
  { sql: 'create table "S"."A" (b int)', names: ['table S.A'] },
  { sql: 'create table a as select 1 as b', names: ['table public.a'] },
  { sql: 'create table a partition of b default', names: ['table public.a'] },
  { sql: 'create view s.a as select 1', names: ['view s.a'] },
  { sql: 'create materialized view a as select 1', names: ['view public.a'] },
  { sql: 'create index a on s.b (c)', names: ['index s.a'] },
  { sql: 'create index on s.b (c)', names: [] },
  { sql: 'create function s.a(int) returns int language sql return 1', names: ['function s.a'] },
  { sql: 'create procedure a() language sql as $$select 1$$', names: ['function public.a'] },
  { sql: "create type a as enum ('b')", names: ['type public.a'] },
  { sql: 'create type s.a as (b int)', names: ['type s.a'] },
  { sql: 'create domain a as int', names: ['type public.a'] },
  { sql: 'create type a as range (subtype = int)', names: ['type public.a'] },
  { sql: 'create type a', names: ['type public.a'] },
  { sql: 'create sequence a', names: ['sequence public.a'] },
  { sql: 'create schema a create table b (c int)', names: ['schema a.a', 'table a.b'] },
  { sql: 'create schema if not exists a', names: [] },
  { sql: 'create extension if not exists pgcrypto', names: [] },
  { sql: 'alter table s.a add column b int, add c int, drop column d', names: ['column s.a.b', 'column s.a.c'] },
  { sql: 'create policy a on s.b using (true)', names: ['policy s.b.a'] },
  { sql: 'create temp table a (b int) on commit drop', names: [] },
  { sql: 'create foreign table a (b int) server c', names: ['table public.a'] },
  { sql: 'insert into a values (1)', names: [] },
])('$sql creates $names', async ({ sql, names }) => {
  expect(await createdBy(sql)).toEqual(names);
});

test.each([
  { sql: 'drop table a; create table a (b int)', names: [] },
  { sql: 'alter table a rename to b; create view a as select 1 as x from b', names: [] },
  { sql: 'drop function a(int); create function a(text) returns int language sql return 1', names: [] },
  { sql: 'alter function a rename to b; create function a() returns int language sql return 1', names: [] },
  { sql: 'alter table a drop column b; alter table a add column b int', names: [] },
  { sql: 'drop table a; create table a (c int); create policy p on a using (true)', names: [] },
  { sql: 'drop policy p on a; create policy p on a using (true)', names: [] },
  { sql: 'alter policy p on a rename to q; create policy p on a using (true)', names: [] },
  { sql: 'drop schema a; create schema a', names: [] },
  { sql: 'alter schema a rename to b; create schema a', names: [] },
  { sql: 'drop type a; create type a as (b int)', names: [] },
  { sql: 'create table a (b int); drop table a', names: ['table public.a'] },
  { sql: 'drop table s.a; create table a (b int)', names: ['table public.a'] },
  { sql: 'drop function a; create table a (b int)', names: ['table public.a'] },
])('a name need not be free that "$sql" frees itself', async ({ sql, names }) => {
  expect(await createdBy(sql)).toEqual(names);
});

test('a name need not be free that an earlier phase frees', async () => {
  const phases = await phasesOf({
    '1-schema/up.sql': 'drop index shop.books_title;',
    '3-indexes/up.sql': 'create index concurrently books_title on shop.books (title);',
  });
  expect(phases[2]?.kind === 'long' && phases[2].creates).toEqual([]);
});

test.each([
  { sql: 'create unique index concurrently a on s.b (c)', proof: { kind: 'index-valid', schema: 's', index: 'a', table: 'b' } },
  { sql: 'drop index concurrently if exists s.a', proof: { kind: 'index-gone', schema: 's', index: 'a' } },
  { sql: 'drop index concurrently a', proof: { kind: 'index-gone', schema: 'public', index: 'a' } },
  { sql: 'vacuum (analyze, full off) a (b)', proof: { kind: 'vacuumed', schema: 'public', table: 'a' } },
])('$sql refuses transactions and is proven from the catalog', async ({ sql, proof }) => {
  const [phase] = await phasesOf({ '1-schema/up.sql': sql });
  expect(phase?.kind === 'long' && phase.up).toEqual([{ file: '1-schema/up.sql', line: 1, number: 1, sql, proof }]);
});

test.each([
  'analyze a',
  'create index a on b (c)',
  'drop index a',
  'set local work_mem = 1',
  "select set_config('work_mem', '1', true)",
  'lock table a in share mode',
  "alter type a add value 'b'",
  'reindex table a',
  'reindex (concurrently off) index a',
  'cluster a using b',
  'refresh materialized view concurrently a',
  'set constraints all deferred',
  'truncate a',
  'notify a',
  'do $$begin perform 1; end$$',
  'call a()',
  'create function a(int) returns int language sql return $1',
  'alter database a set work_mem = 1',
  'drop table if exists a',
])('a transaction can hold %s', async (sql) => {
  const [phase] = await phasesOf({ '1-schema/up.sql': sql });
  expect(phase?.kind).toBe('transaction');
});

test('the undo of a long phase is long where its statements are', async () => {
  const [, , phase] = await phasesOf({});
  expect(phase).toMatchObject({
    undoKind: 'long',
    undoNeeded: true,
    undo: [{ proof: { kind: 'index-gone', schema: 'shop', index: 'books_title' } }],
  });
});

test('the undo of a long phase is a transaction where its statements fit one', async () => {
  const [, , phase] = await phasesOf({ '3-indexes/undo.sql': 'drop index shop.books_title;' });
  expect(phase).toMatchObject({ undoKind: 'transaction', undo: [{ sql: 'drop index shop.books_title' }] });
});

test('a phase of VACUUM only needs no undo, one with an index does', async () => {
  const undoNeeded = async (sql: string): Promise<boolean | undefined> => (await phasesOf({ '4-statistics/up.sql': sql }))[3]?.undoNeeded;
  expect(await undoNeeded('vacuum a; vacuum (analyze) b;')).toBe(false);
  expect(await undoNeeded('vacuum a; create index concurrently b on a (c);')).toBe(true);
  expect(await undoNeeded('insert into a values (1);')).toBe(true);
});

test('undo: none leaves no undo, and keeps its reason', async () => {
  const phases = await phasesOf({});
  expect(phases.map(({ undo, because }) => [undo?.length ?? null, because])).toEqual([
    [3, null],
    [0, null],
    [1, null],
    [null, 'statistics go with their table'],
  ]);
});

test.each([
  { name: 'a composite name', header: 'from: "Old"."Books" -- quoted', from: '"Old"."Books" b', expected: { schema: 'Old', name: 'Books' } },
  { name: 'capitals without quotes', header: 'from: Old.BOOKS', from: 'old.books b', expected: { schema: 'old', name: 'books' } },
  { name: 'a name with a quote in it', header: 'from: "a""b"', from: '"a""b" b', expected: { schema: 'public', name: 'a"b' } },
])('the driving table may have $name', async ({ header, from, expected }) => {
  const [, phase] = await phasesOf({
    '2-copy/books.sql': `--! into: shop.books\n--! ${header}\n--! key: id\n--! sync: none\nselect b."No" as id from ${from};`,
  });
  expect(phase?.kind === 'transfer' && phase.transfers[0]).toMatchObject({ from: expected, keys: [{ target: 'id', source: 'No' }], columns: ['id'] });
});

test.each([
  'select id from old_books',
  'select old_books.id from old_books where id > 0',
  'select public.old_books.id from public.old_books',
  'select b.id from old_books b, archive a where a.id = b.id',
  'select b.id from (old_books b join archive a on a.id = b.id) left join more m on m.id = b.id',
  'select b.id, (select count(*) from archive a where a.id = b.id) as copies from old_books b',
  'select b.id, g.copies from old_books b left join (select id, count(*) as copies from archive group by id) g on g.id = b.id',
  'with a as (select id from archive) select b.id from old_books b join a on a.id = b.id',
  'select b.id from old_books b left join old_books parent on parent.id = b.parent',
  "select b.id, date_trunc('day', b.born) as day, age(b.died, b.born) as age, current_user::text as by from old_books b",
  "select b.id, 'now' as word from old_books b",
  'select b.id from old_books b where b.id not in (1, 2)',
])('%s is a mapping', async (sql) => {
  const [, phase] = await phasesOf({ '2-copy/books.sql': `--! into: shop.books\n--! from: old_books\n--! key: id\n${sql}` });
  expect(phase?.kind === 'transfer' && phase.transfers[0]).toMatchObject({ select: sql, keys: [{ target: 'id', source: 'id' }] });
});

test.each([
  '--! check: a, warn, zero\ntable counted;',
  '--! check: a, fail, no rows\nvalues (1);',
  '--! check: a, fail, no rows\nwith x as (select 1) select * from x;',
  '--!check:a,info,zero\n-- why\n\nselect count(*) from b where c not in (1, 2);',
  '--! check: a-1, fail, no rows -- as told\n(select 1) union (select 2);',
  "--! check: a, fail, no rows\nselect '--! check: no header', $$--! nor here$$;",
])('%j is a check', async (sql) => {
  const result = await compileAccepting({ 'after.sql': sql });
  expect(result.ok && result.plan.after).toHaveLength(1);
});

test.each([
  { name: 'a sum of 2,000 terms', sql: `select ${'1 + '.repeat(2_000)}1` },
  { name: 'an INSERT of 20,000 rows', sql: `insert into a values ${'(1), '.repeat(20_000)}(1)` },
])('$name compiles', async ({ sql }) => {
  const [phase] = await phasesOf({ '1-schema/up.sql': sql });
  expect(phase?.kind === 'transaction' && phase.up[0]?.sql).toBe(sql);
});
