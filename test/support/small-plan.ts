/** A plan of every kind of phase over a source of two tables, small enough to read. */
export const SMALL_SOURCE = `
create table people (id bigint primary key, name text, city text, age int);
create table towns (city text primary key, zip text);
insert into towns values ('Bonn', '53111'), ('Köln', '50667');
insert into people select i, case when i % 10 = 0 then null else 'Person ' || i end, case i % 3 when 0 then 'Bonn' when 1 then 'Köln' end, i % 90
from generate_series(1, 1000) i;
`;

export const SMALL_PLAN: Readonly<Record<string, string>> = {
  'plan.yaml': `title: People become customers
phases:
  - { id: schema }
  - { id: copy, transfers: [customers] }
  - { id: indexes }
  - { id: owners }
`,
  'before.sql': `--! check: people-have-ids, fail, no rows
select id from people where id is null;
--! check: named, warn, quality
select coalesce(city, 'nowhere') as scope, count(name) as valid, count(*) as total from people group by 1;
`,
  'after.sql': `--! check: nobody-is-older-than-90, fail, no rows
select id from customers where age > 90;
`,
  '1-schema/up.sql': `create table customers (id bigint primary key, full_name text, zip text, age int, country text default 'DE', seen_at timestamptz default now());
alter table people add column is_moved boolean not null default false;
`,
  '1-schema/undo.sql': `alter table people drop column is_moved;
drop table customers;
`,
  '1-schema/verify.sql': `--! check: customers-are-empty, fail, no rows
select id from customers;
`,
  '2-copy/customers.sql': `--! into: customers
--! from: people
--! key: id
--! sync: none
select p.id, coalesce(p.name, 'Unknown') as full_name, t.zip, p.age from people p left join towns t on t.city = p.city;
`,
  '3-indexes/up.sql': `create index concurrently customers_zip on customers (zip);
create index concurrently customers_age on customers (age);
`,
  '3-indexes/undo.sql': `drop index concurrently if exists customers_age;
drop index concurrently if exists customers_zip;
`,
  '4-owners/up.sql': `alter table customers enable row level security;
create policy customers_all on customers for all using (true) with check (true);
`,
  '4-owners/undo.sql': `drop policy customers_all on customers;
alter table customers disable row level security;
`,
};
