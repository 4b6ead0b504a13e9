import { expect, test } from 'vitest';
import { faultsIn, hazardsOf } from './example-plan.ts';

test.each([
  { sql: 'alter table a set logged', hazards: ['TABLE_REWRITE'] },
  { sql: 'alter table a set tablespace b', hazards: ['TABLE_REWRITE'] },
  { sql: 'alter table all in tablespace a set tablespace b', hazards: ['TABLE_REWRITE'] },
  { sql: 'cluster a using b', hazards: ['TABLE_REWRITE'] },
  { sql: 'alter table a add column b bigserial', hazards: ['TABLE_REWRITE', 'SERIAL_COLUMN'] },
  { sql: 'alter table a add column b int generated always as (c + 1) stored', hazards: ['TABLE_REWRITE'] },
  { sql: 'alter table a add column b int generated always as (c + 1) virtual', hazards: [] },
  { sql: 'alter table a add column b timestamptz default now()', hazards: [] },
  { sql: 'alter table a add column b timestamptz default current_timestamp not null', hazards: [] },
  { sql: 'alter table a add column b timestamptz default clock_timestamp()', hazards: ['VOLATILE_DEFAULT'] },
  { sql: 'alter table a add column b uuid default own.make_id()', hazards: ['VOLATILE_DEFAULT'] },
  { sql: 'alter table a add column b int unique', hazards: ['CONSTRAINT_BUILDS_INDEX'] },
  { sql: 'alter table a add column b int check (b > 0)', hazards: ['CHECK_SCAN'] },
  { sql: 'alter table a add constraint b check (c > 0) not valid', hazards: [] },
  { sql: 'alter table a add constraint b not null c', hazards: ['NOT_NULL_SCAN'] },
  { sql: 'alter table a add constraint b not null c not valid', hazards: [] },
  { sql: 'alter table a add exclude using gist (b with &&)', hazards: ['CONSTRAINT_BUILDS_INDEX'] },
  { sql: 'alter table a add primary key using index b', hazards: ['NOT_NULL_SCAN'] },
  {
    sql: 'create unique index i on a (b); alter table a alter b set not null; alter table a add primary key using index i',
    hazards: ['INDEX_BLOCKS_WRITES', 'NOT_NULL_SCAN'],
  },
  { sql: 'create trigger t after insert on a for each row execute function f()', hazards: ['TRIGGER_ADDED'] },
  { sql: 'create constraint trigger t after insert on a deferrable for each row execute function f()', hazards: ['TRIGGER_ADDED'] },
  { sql: 'create table a (b int); create trigger t after insert on a for each row execute function f()', hazards: [] },
  { sql: 'create rule r as on insert to a do also notify b', hazards: ['RULE_ADDED'] },
  { sql: 'create view a as select b from c; create rule r as on insert to a do instead nothing', hazards: [] },
  { sql: 'alter table a disable trigger all', hazards: ['TRIGGER_SWITCHED_OFF'] },
  { sql: 'alter table a enable replica trigger t', hazards: ['TRIGGER_SWITCHED_OFF'] },
  { sql: 'alter table a disable rule r', hazards: ['TRIGGER_SWITCHED_OFF'] },
  { sql: 'set local session_replication_role = replica', hazards: ['TRIGGER_SWITCHED_OFF'] },
  { sql: 'set local session_replication_role to origin', hazards: [] },
  { sql: 'alter table a enable trigger t', hazards: [] },
  { sql: 'create table a (b int); alter table a disable trigger user', hazards: [] },
  { sql: 'alter table a set (fillfactor = 70), alter b set statistics 500', hazards: [] },
  { sql: 'alter table a add column b bigint references c (id)', hazards: ['FOREIGN_KEY_LOCKS', 'FOREIGN_KEY_WITHOUT_INDEX'] },
  {
    sql: 'alter table a add column b bigint default 1 references c (id)',
    hazards: ['FOREIGN_KEY_SCAN', 'FOREIGN_KEY_LOCKS', 'FOREIGN_KEY_WITHOUT_INDEX'],
  },
  { sql: 'create table a (b bigint primary key references a (b))', hazards: [] },
  { sql: 'create table a (b bigint, c bigint, primary key (b, c), foreign key (c) references a (b))', hazards: ['FOREIGN_KEY_WITHOUT_INDEX'] },
  { sql: 'create table a (b bigint, c bigint, primary key (b, c), foreign key (c, b) references a (b, c))', hazards: [] },
  {
    sql: 'create table a (b bigint unique); create table c (b bigint references a (b)); create index on c (b) where b > 0',
    hazards: ['FOREIGN_KEY_WITHOUT_INDEX'],
  },
  { sql: 'create table a partition of b for values in (1)', hazards: ['PARTITION_LOCKS'] },
  { sql: 'alter table a detach partition b', hazards: ['PARTITION_LOCKS'] },
  { sql: 'create table b (c int); alter table a attach partition b for values in (1)', hazards: ['PARTITION_LOCKS'] },
  { sql: 'create table a (c int) partition by list (c); alter table a attach partition b for values in (1)', hazards: ['PARTITION_LOCKS'] },
  { sql: 'create domain a as int check (value > 0)', hazards: ['DOMAIN_CONSTRAINT'] },
  { sql: 'create domain a as int', hazards: [] },
  { sql: 'alter domain a add check (value > 0) not valid', hazards: [] },
  { sql: 'reindex index a', hazards: ['REINDEX_BLOCKS_WRITES'] },
])('$sql has $hazards, which lock', async ({ sql, hazards }) => {
  expect(await hazardsOf(sql)).toEqual(hazards);
});

test.each([
  { sql: 'drop table a', hazards: ['DROPPED_IN_USE'] },
  { sql: 'drop schema a cascade', hazards: ['DROP_CASCADE', 'DROPPED_IN_USE'] },
  { sql: 'drop function a(int)', hazards: ['DROPPED_IN_USE'] },
  { sql: 'drop trigger t on a', hazards: ['DROPPED_IN_USE'] },
  { sql: 'create function f() returns trigger language sql as $$$$; drop trigger f on a', hazards: ['TRIGGER_SEARCH_PATH', 'DROPPED_IN_USE'] },
  { sql: 'create trigger t after insert on a for each row execute function f(); drop trigger t on a', hazards: ['TRIGGER_ADDED'] },
  { sql: 'create trigger t after insert on a for each row execute function f(); drop trigger t on b', hazards: ['TRIGGER_ADDED', 'DROPPED_IN_USE'] },
  { sql: 'drop rule r on a', hazards: ['DROPPED_IN_USE'] },
  { sql: 'drop aggregate a(int)', hazards: ['DROPPED_IN_USE'] },
  { sql: 'drop extension if exists a', hazards: ['DROPPED_IN_USE'] },
  { sql: 'create extension a; drop extension a', hazards: [] },
  { sql: 'create extension if not exists a; drop extension a', hazards: ['DROPPED_IN_USE'] },
  { sql: 'create aggregate a(int) (sfunc = int4pl, stype = int); drop aggregate a(int)', hazards: [] },
  { sql: 'create statistics s on b, c from a; drop statistics public.s', hazards: [] },
  { sql: 'alter table a drop constraint b', hazards: ['CONSTRAINT_DROPPED'] },
  { sql: 'alter table a drop constraint if exists b cascade', hazards: ['CONSTRAINT_DROPPED', 'DROP_CASCADE'] },
  { sql: 'alter table a add constraint b check (c > 0) not valid; alter table a drop constraint b', hazards: [] },
  { sql: 'alter table a add column c int constraint b check (c > 0); alter table a drop constraint b', hazards: ['CHECK_SCAN'] },
  { sql: 'alter table a alter b drop default', hazards: ['DEFAULT_DROPPED'] },
  { sql: 'alter table a alter b drop identity', hazards: ['DEFAULT_DROPPED'] },
  { sql: 'alter table a alter b drop expression', hazards: ['DEFAULT_DROPPED'] },
  { sql: 'alter table a alter b set default 1', hazards: [] },
  { sql: 'alter table a add column b int default 1; alter table a alter b drop default', hazards: [] },
  { sql: 'alter table a disable row level security', hazards: ['ROW_SECURITY_DISABLED'] },
  { sql: 'alter table a rename to b', hazards: ['RENAMED_IN_USE'] },
  { sql: 'alter table a set schema b', hazards: ['RENAMED_IN_USE'] },
  { sql: 'alter index a rename to b', hazards: [] },
  { sql: "alter type a rename value 'b' to 'c'", hazards: ['RENAMED_IN_USE'] },
  { sql: "create type a as enum ('b'); alter type a add value 'c'; create table d (e a default 'c')", hazards: [] },
  { sql: 'update a set b = 1 where 1 = 1', hazards: ['CHANGE_WITHOUT_WHERE'] },
  { sql: 'delete from a where true', hazards: ['CHANGE_WITHOUT_WHERE'] },
  { sql: "delete from a where b = 'old'", hazards: ['WHOLE_TABLE_CHANGE'] },
  { sql: 'delete from a where id between 1 and 100', hazards: [] },
  { sql: "delete from a where order_id = '7'::bigint and b > 1", hazards: [] },
  { sql: 'delete from a where id = 1 or b > 1', hazards: ['WHOLE_TABLE_CHANGE'] },
  { sql: 'delete from a where id = b', hazards: ['WHOLE_TABLE_CHANGE'] },
  { sql: 'delete from a where id <> 7', hazards: ['WHOLE_TABLE_CHANGE'] },
  { sql: 'delete from a where id = any (array[1, 2])', hazards: [] },
  {
    sql: "alter table a add constraint b unique using index c; create unique index on a (code); delete from a where code = 'x'",
    hazards: ['INDEX_BLOCKS_WRITES'],
  },
  { sql: 'with gone as (delete from a returning b) insert into c (b) select b from gone', hazards: ['CHANGE_WITHOUT_WHERE'] },
  { sql: 'merge into a using b on a.id = b.id when matched then delete', hazards: ['WHOLE_TABLE_CHANGE'] },
  { sql: 'create table a as select b.id from b', hazards: ['WHOLE_TABLE_CHANGE'] },
  { sql: 'create table a as select b.id from b with no data', hazards: [] },
  { sql: 'create table a as select b.id from b where b.id = 7', hazards: [] },
  { sql: 'insert into a (b) select i from generate_series(1, 10) i', hazards: [] },
  { sql: 'insert into a (b) values (1), (2)', hazards: [] },
  { sql: 'lock table a in access share mode', hazards: ['EXPLICIT_LOCK'] },
  { sql: 'create rule a as on delete to b do instead update b set c = 1', hazards: ['RULE_ADDED'] },
])('$sql has $hazards, for what is there', async ({ sql, hazards }) => {
  expect(await hazardsOf(sql)).toEqual(hazards);
});

test.each([
  { sql: 'create view a as select c.* from b c', hazards: ['SELECT_STAR'] },
  { sql: 'create view a as select s.* from (select b from c) s', hazards: [] },
  { sql: 'create view a as with b as (select c from d) select * from b', hazards: [] },
  { sql: 'create view a as select b from c where exists (select * from d limit 1)', hazards: [] },
  { sql: 'create view a as select b from c where b <> all (select d from e)', hazards: ['NOT_IN_QUERY'] },
  { sql: 'create view a as select b from c where b not in (1, 2)', hazards: [] },
  { sql: 'create view a as select b from c offset 3', hazards: ['LIMIT_WITHOUT_ORDER'] },
  { sql: 'create view a as (select b from c) union (select d from e) limit 3', hazards: ['LIMIT_WITHOUT_ORDER'] },
  { sql: "create view a as select b::numeric(5, 2) as b, 'x'::varchar(3) as c, null::char(2) as d from e", hazards: ['NARROWING_CAST'] },
  { sql: 'create view a as select count(*)::int as b from c', hazards: ['NARROWING_CAST'] },
  { sql: 'create view a as select b::int as b, c::bigint::int as c from d', hazards: ['NARROWING_CAST'] },
  { sql: 'create view a as select b::int as b, c::varchar as c, d::numeric as d from e', hazards: [] },
  { sql: 'create view a as select b::timestamp as b from c', hazards: ['TIMESTAMP_WITHOUT_ZONE'] },
  { sql: "create view a as select b::timestamp at time zone 'UTC' as b from c", hazards: [] },
  { sql: 'create table a (b smallint generated always as identity)', hazards: ['SMALL_KEY'] },
  { sql: 'create table a (b int, c char, primary key (b))', hazards: ['SMALL_KEY', 'CHAR_COLUMN'] },
  { sql: 'create table a (b int, c int, primary key (b, c))', hazards: [] },
  { sql: 'create table a (b json, c jsonb)', hazards: ['JSON_COLUMN'] },
  { sql: 'alter table a add column b json', hazards: ['JSON_COLUMN'] },
  { sql: 'create type a as (b timestamp)', hazards: ['TIMESTAMP_WITHOUT_ZONE'] },
  { sql: 'create schema a create table b (c timestamp)', hazards: ['TIMESTAMP_WITHOUT_ZONE'] },
  { sql: "create function a() returns event_trigger language plpgsql as 'begin end'", hazards: ['TRIGGER_SEARCH_PATH'] },
  { sql: 'create function a() returns int language sql security definer begin atomic select 1; end', hazards: [] },
  { sql: 'alter function a() security definer', hazards: ['DEFINER_SEARCH_PATH'] },
  { sql: "alter function a() security definer set search_path = ''", hazards: [] },
  { sql: 'alter default privileges grant select on tables to public', hazards: ['GRANT_TO_PUBLIC'] },
  { sql: 'revoke select on a from public', hazards: [] },
  {
    sql: 'alter table a enable row level security; create policy p on a using (true); create materialized view v as select b from a',
    hazards: ['ROW_SECURITY_BYPASS'],
  },
  { sql: 'create policy p on a using (true)', hazards: [] },
])('$sql has $hazards, by its meaning', async ({ sql, hazards }) => {
  expect(await hazardsOf(sql)).toEqual(hazards);
});

test.each([
  {
    name: 'a loop',
    sql: 'do $$ declare r record; begin for r in select id from a limit 3 loop perform pg_sleep(1); end loop; end $$',
    hazards: ['LIMIT_WITHOUT_ORDER', 'SLEEP'],
  },
  {
    name: 'a condition',
    sql: 'do $$ begin if true then delete from a; else truncate b; end if; end $$',
    hazards: ['CHANGE_WITHOUT_WHERE', 'TRUNCATES_TABLE'],
  },
  { name: 'an assignment', sql: 'do $$ declare n int; begin n := (select count(*)::int from a); end $$', hazards: ['NARROWING_CAST'] },
  { name: 'another language', sql: "do language plpython3u 'pass'", hazards: ['HIDDEN_STATEMENTS'] },
  { name: 'a table of its own', sql: 'do $$ begin create table a (b int); create index on a (b); end $$', hazards: [] },
])('a DO block with $name has $hazards', async ({ sql, hazards }) => {
  expect((await hazardsOf(sql)).toSorted()).toEqual(hazards.toSorted());
});

const made = 'create table made (id bigint primary key, total numeric, note text);';
const copy = { '2-copy/made.sql': '--! into: made\n--! from: orders\n--! key: id\nselect o.id, o.total from orders o' };
const changes = 'create index made_total on made (total); alter table made alter column total set not null; update made set total = 0;';

test.each<{ name: string; files: Record<string, string>; hazards: string[] }>([
  {
    name: 'in the phase that creates it',
    files: { '1-schema/up.sql': `${made} insert into made (id) select id from orders where id = 1; ${changes}` },
    hazards: [],
  },
  {
    name: 'before the plan fills it',
    files: { '1-schema/up.sql': made, '2-more/up.sql': `insert into made (id) values (1); ${changes}` },
    hazards: [],
  },
  {
    name: 'after a transfer filled it',
    files: { '1-schema/up.sql': made, ...copy, '3-more/up.sql': changes },
    hazards: ['INDEX_BLOCKS_WRITES', 'NOT_NULL_SCAN', 'CHANGE_WITHOUT_WHERE'],
  },
  {
    name: 'after a query filled it',
    files: { '1-schema/up.sql': `${made} insert into made (id) select id from orders where id = 1;`, '2-more/up.sql': changes },
    hazards: ['INDEX_BLOCKS_WRITES', 'NOT_NULL_SCAN', 'CHANGE_WITHOUT_WHERE'],
  },
  {
    name: 'when it was renamed',
    files: { '1-schema/up.sql': `${made.replace('made', 'old')} alter table old rename to made; ${changes}` },
    hazards: [],
  },
  {
    name: 'when it took the name of a table that is dropped by its new one',
    files: {
      '1-schema/up.sql': `${made}
--! allow: RENAMED_IN_USE because an example
alter table orders rename to former; alter table made rename to orders;`,
      '1-schema/undo.sql': 'alter table orders rename to made; alter table former rename to orders; drop table made;',
      '2-more/up.sql': 'drop table orders; drop table former;',
    },
    hazards: ['DROPPED_IN_USE'],
  },
  { name: 'when it is dropped by its undo', files: { '1-schema/up.sql': made, '1-schema/undo.sql': 'drop table made;', ...copy }, hazards: [] },
  {
    name: 'when the undo of another thing drops it',
    files: { '1-schema/up.sql': 'alter table orders add column a int;', '1-schema/undo.sql': 'alter table orders drop column a, drop column total;' },
    hazards: ['DROPPED_IN_USE'],
  },
  {
    name: 'when the undo takes back what the plan put on it',
    files: {
      '1-schema/up.sql': `--! allow: TRIGGER_ADDED because an example
create trigger t after insert on orders for each row execute function f();
alter table orders add constraint c check (total > 0) not valid; alter table orders enable row level security;
create policy p on orders using (true);`,
      '1-schema/undo.sql': 'drop trigger t on orders; alter table orders drop constraint c, disable row level security;',
    },
    hazards: [],
  },
  {
    name: 'when a valid check proves it',
    files: {
      '1-schema/up.sql': 'alter table orders add constraint total_there check (total is not null) not valid;',
      '2-prove/up.sql': 'alter table "public".orders validate constraint total_there; alter table orders alter total set not null;',
    },
    hazards: [],
  },
  {
    name: 'when a check of another column proves nothing',
    files: {
      '1-schema/up.sql': 'alter table orders add constraint note_there check (note is not null) not valid;',
      '2-prove/up.sql': 'alter table orders validate constraint note_there; alter table orders alter total set not null;',
    },
    hazards: ['NOT_NULL_SCAN'],
  },
])('a table of the plan has the hazards $hazards $name', async ({ files, hazards }) => {
  expect((await faultsIn(files)).map((fault) => fault.hazard ?? fault.message)).toEqual(hazards);
});

test.each([
  { place: 'before.sql', sql: '--! check: a, fail, no rows\nselect * from orders;' },
  { place: '1-schema/verify.sql', sql: '--! check: a, fail, no rows\nselect * from orders;' },
  { place: 'after.sql', sql: '--! check: a, fail, no rows\nselect * from orders;' },
])('a hazard in $place is found', async ({ place, sql }) => {
  const faults = await faultsIn({ '1-schema/up.sql': 'create schema shop;', [place]: sql });
  expect(faults.map(({ hazard, file, line, column }) => ({ hazard, file, line, column }))).toEqual([
    { hazard: 'SELECT_STAR', file: place, line: 2, column: 8 },
  ]);
});

test('a hazard in a transfer is found', async () => {
  const sql = '--! into: made\n--! from: orders\n--! key: id\nselect o.id, o.note::varchar(10) as note from orders o';
  const faults = await faultsIn({ '1-schema/up.sql': made, '2-copy/made.sql': sql });
  expect(faults.map(({ hazard, line, column }) => ({ hazard, line, column }))).toEqual([{ hazard: 'NARROWING_CAST', line: 4, column: 22 }]);
});

test('faults that hide what a plan makes hide its hazards too, and others do not', async () => {
  const files = { '1-schema/up.sql': 'truncate orders;', 'after.sql': 'select 1;' };
  expect((await faultsIn(files)).map(({ file, hazard }) => [file, hazard ?? null])).toEqual([
    ['1-schema/up.sql', 'TRUNCATES_TABLE'],
    ['after.sql', null],
  ]);
  expect((await faultsIn({ ...files, '1-schema/up.sql': 'truncate orders; begin;' })).map(({ hazard }) => hazard ?? null)).toEqual([null, null]);
});

test('a fault says what the hazard is, who waits for which lock, and what to do', async () => {
  const [fault] = await faultsIn({ '1-schema/up.sql': 'create schema shop;\ncreate index orders_total\n  on shop.orders (total);' });
  expect(fault).toEqual({
    file: '1-schema/up.sql',
    line: 2,
    column: 1,
    hazard: 'INDEX_BLOCKS_WRITES',
    message:
      'INDEX_BLOCKS_WRITES: CREATE INDEX orders_total on shop.orders builds the index while writes wait; ShareLock on shop.orders: writes, VACUUM and DDL wait; write CREATE INDEX CONCURRENTLY, in a phase of such statements; or accept it with "--! allow: INDEX_BLOCKS_WRITES because …"',
    excerpt: 'create index orders_total\n^',
  });
});
