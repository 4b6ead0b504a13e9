import { afterAll, beforeAll, expect, test } from 'vitest';
import { installLedger } from '../../adapters/ledger-install.ts';
import { emptyDatabase } from '../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

const SOURCE = `
create type mood as enum ('low', 'high');
create type pair as (one int, two text);
create type span as range (subtype = int);
create domain age as int default 1 check (value >= 0);
create table people (id int primary key, name text default 'x', mood mood, born date, constraint named check (name <> ''));
create table parted (id int, at date) partition by range (at);
create table part partition of parted for values from ('2026-01-01') to ('2026-02-01');
create sequence numbers;
create index people_name on people (name);
create view names as select name from people;
create materialized view moods as select mood from people;
create function greet(who text) returns text language sql as 'select who';
create function touch() returns trigger language plpgsql as 'begin return new; end';
create aggregate total (int) (sfunc = int4pl, stype = int);
create trigger touched before update on people for each row execute function touch();
create policy everyone on people using (true);
create rule nothing as on delete to people do instead nothing;
create statistics people_both on name, mood from people;
create collation german (locale = 'C');
create table published (id int);
create publication everything for table published;
grant select on people to reader, pg_monitor;
`;

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await bench.sql('create role reader nologin; create role other nologin; grant other to migrator; grant create on database crm to other');
  await emptyDatabase(bench, SOURCE);
  await bench.sql('grant create on schema public to other');
  await installLedger(bench.ports.session);
});
afterAll(() => bench?.close());

async function lines(): Promise<readonly unknown[]> {
  return bench.sql('select line from stepgate.schema_objects() line order by 1');
}

/** The lines after a change that is taken back. */
async function linesAfter(change: string): Promise<readonly unknown[]> {
  try {
    await bench.sql(`begin; ${change}`);
    return await lines();
  } finally {
    await bench.sql('rollback');
  }
}

test.each([
  'alter table people drop column name cascade; alter table people add column name text default $$x$$',
  "alter table people alter column name set default 'y'",
  'alter table people alter column name drop default',
  'alter table people alter column name set not null',
  'alter table people alter column born type timestamp',
  'alter table people alter column born set statistics 500',
  'alter table people alter column name set storage external',
  'alter table people alter column id add generated always as identity',
  'alter table people add column more int',
  'alter table people rename column born to birth',
  'alter table people drop constraint named',
  "alter table people add constraint later check (name <> 'z') not valid",
  'alter table people enable row level security',
  'alter table people force row level security',
  'alter table people replica identity full',
  'alter table people set (fillfactor = 70)',
  'alter table people set unlogged',
  'alter table people owner to other',
  'alter table people cluster on people_name',
  'alter table people disable trigger touched',
  'alter table people disable rule nothing',
  'create or replace rule nothing as on delete to people do instead select 1',
  'alter table parted detach partition part; alter table parted attach partition part for values from ($$2026-01-01$$) to ($$2026-03-01$$)',
  'create table child () inherits (people)',
  'create table more (id int)',
  'drop table people cascade',
  'drop index people_name',
  'create unique index people_born on people (born)',
  'create or replace view names as select name || $$!$$ as name from people',
  'alter view names set (security_barrier = true)',
  'refresh materialized view moods with no data',
  'create or replace function greet(who text) returns text language sql as $$select who || who$$',
  'alter function greet(text) stable',
  'alter function greet(text) security definer',
  'drop aggregate total (int)',
  'create or replace trigger touched after update on people for each row execute function touch()',
  'alter policy everyone on people using (id > 1)',
  'alter policy everyone on people to reader',
  'alter policy everyone on people with check (false)',
  "alter type mood add value 'middle'",
  "alter type mood rename value 'low' to 'down'",
  'alter type pair add attribute three int',
  'alter domain age set default 2',
  'alter domain age set not null',
  'alter domain age add check (value < 200)',
  'alter sequence numbers increment 5',
  'drop statistics people_both',
  'alter publication everything drop table published',
  'create schema elsewhere',
  'create extension hstore',
  'create collation other_german (locale = $$C$$)',
  'alter default privileges grant select on tables to reader',
  'alter database crm set work_mem = $$5MB$$',
  'grant insert on people to reader',
  'grant update (name) on people to reader',
  'grant usage on sequence numbers to reader',
  'grant usage on schema public to reader',
  'revoke execute on function greet(text) from public',
  'revoke usage on type mood from public',
  ...[
    'table people',
    'column people.name',
    'index people_name',
    'function greet(text)',
    'schema public',
    'type mood',
    'domain age',
    'sequence numbers',
  ].map((what) => `comment on ${what} is 'changed'`),
  ...['constraint named', 'trigger touched', 'policy everyone', 'rule nothing'].map((what) => `comment on ${what} on people is 'changed'`),
])('%s is seen', async (change) => {
  const before = await lines();
  expect(await linesAfter(change)).not.toEqual(before);
});

test.each([
  'alter table people add column more int default 7; alter table people drop column more',
  'grant insert on people to reader; revoke insert on people from reader',
  'revoke select on people from reader; grant select on people to reader',
  'grant update (name) on people to reader; revoke update (name) on people from reader',
  'grant usage on schema public to reader; revoke usage on schema public from reader',
  'revoke create on schema public from other; grant usage on schema public to reader; grant create on schema public to other; revoke usage on schema public from reader',
  'grant execute on function greet(text) to reader; revoke execute on function greet(text) from reader',
  'grant usage on type mood to reader; revoke usage on type mood from reader',
  'grant usage on sequence numbers to reader; revoke usage on sequence numbers from reader',
  'alter default privileges grant select on tables to reader; alter default privileges revoke select on tables from reader',
  "select nextval('numbers'), setval('numbers', 900)",
  "insert into people values (1, 'a'), (2, 'b')",
  'analyze people; reindex table people',
  'alter table people disable trigger touched; alter table people enable trigger touched',
  "comment on table people is 'changed'; comment on table people is null",
  'create table more (id int); drop table more',
  'drop index people_name; create index people_name on people (name)',
  'drop function greet(text); create function greet(who text) returns text language sql as $$select who$$',
  'create table stepgate.note (id int); create table stepgate_archive.note (id int)',
])('%s is not a difference', async (change) => {
  const before = await lines();
  expect(await linesAfter(change)).toEqual(before);
});

test('an index that a failed build left invalid is seen', async () => {
  const before = await lines();
  await bench.sql("insert into people values (1, 'same'), (2, 'same')");
  await expect(bench.sql('create unique index concurrently people_once on people (name)')).rejects.toThrow();
  const after = await lines();
  expect(after.filter((line) => !JSON.stringify(before).includes(JSON.stringify(line)))).toMatchObject([
    { line: expect.stringContaining('valid f ') },
  ]);
  await bench.sql('drop index people_once');
  expect(await lines()).toEqual(before);
});
