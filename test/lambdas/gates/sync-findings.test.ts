import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { classifiedColumns } from '../../../adapters/carried-columns.ts';
import { misfitFindings, syncFindings } from '../../../adapters/sync-findings.ts';
import type { Transfer } from '../../../core/plan/compiled-plan.ts';
import { carriedOf } from '../../../core/transfer/carried-columns.ts';
import { columnsWritten } from '../../../core/transfer/trigger-writes.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() =>
  bench.sql(`drop schema public cascade; create schema public;
create table towns (city text primary key, zip text);
create table source (id int primary key, name varchar(20), code char(4), amount numeric(8, 2), rank smallint, born date, city text, note text,
  label text generated always as ('no ' || note) stored);
create index on source (city);
insert into source select i, 'name ' || i, 'c' || i, i / 4.0, i, date '2000-01-01' + i, 'Bonn', null from generate_series(1, 9) i;
insert into towns values ('Bonn', '53111')`),
);

async function transferOf(select: string, headers = 'sync: both'): Promise<Transfer> {
  const lines = headers.split('\n').map((line) => `--! ${line}\n`);
  const { plan } = await bench.deploy({
    'plan.yaml': `title: Copy\nphases:\n  - { id: copy, transfers: [rows] }\n  - { id: switch${/sync: both/.test(headers) ? ', cutover: flag' : ''} }\n`,
    '2-switch/up.sql': 'create table switched ();\n',
    '2-switch/undo.sql': 'drop table switched;\n',
    '1-copy/rows.sql': `--! into: target\n--! from: source\n--! key: id\n${lines.join('')}${select};\n`,
  });
  const [phase] = plan.phases;
  if (phase?.kind !== 'transfer' || phase.transfers[0] === undefined) throw new Error('the plan has a transfer');
  return phase.transfers[0];
}

async function classified(select: string, headers?: string) {
  const found = await classifiedColumns(bench.ports.session, await transferOf(select, headers));
  return Object.fromEntries(found.map(({ column, kind, because }) => [column, `${kind}: ${because}`]));
}

test('each column is carried back as it is, by its inverse, or not at all, and says why', async () => {
  const select = `select s.id, s.id as old_id, s.name, s.name::text as full_name, s.code::text as code, s.amount::int as euros, s.rank::int as rank,
s.born::timestamp as born, upper(s.city) as city, s.label from source s`;
  expect(await classified(select, 'sync: both\nallow: TIMESTAMP_WITHOUT_ZONE because it is a test')).toEqual({
    id: 'identity: it is id itself',
    old_id: expect.stringMatching(/^forward-only: .*another column carries its source back/),
    name: 'identity: it is name itself',
    full_name: expect.stringMatching(/^forward-only: /),
    code: 'identity: all 9 values of code come back from text as they were',
    euros: 'forward-only: 7 of 9 rows come back as another value of source.amount',
    rank: 'identity: any smallint comes back from integer as it was',
    born: 'identity: all 9 values of born come back from timestamp without time zone as they were',
    city: expect.stringMatching(/^forward-only: an expression/),
    label: 'forward-only: the database itself makes source.label, which takes no value',
  });
});

test('a cast that cuts within its type, and one whose way back has to be written, are no identity', async () => {
  const select = 'select s.id, s.name::varchar(4) as name, s.rank::text as rank from source s';
  expect(await classified(select, 'sync: both\nallow: NARROWING_CAST because it is a test')).toMatchObject({
    name: 'forward-only: 9 of 9 rows come back as another value of source.name',
    rank: expect.stringMatching(/^forward-only: PostgreSQL assigns no text to source\.rank, which is smallint/),
  });
});

test('a declared inverse is tried on every value, and one that fails takes no other along', async () => {
  const select = 'select s.id, upper(s.city) as town, s.amount * 100 as cents, s.rank::text as rank, s.code::text as code from source s';
  const headers = "sync: both\ninverse: city = initcap(town)\ninverse: amount = cents / 100\ninverse: rank = (rank || repeat('x', 1))::smallint";
  expect(await classified(select, headers)).toMatchObject({
    town: 'inverse: all 9 values of city come back by the declared inverse as they were',
    cents: 'inverse: all 9 values of amount come back by the declared inverse as they were',
    rank: expect.stringMatching(/^forward-only: its way back cannot be tried: /),
    code: expect.stringMatching(/^identity: all 9/),
  });
  await bench.sql("update source set city = 'St. Goar am Rhein' where id = 3");
  expect(await classified(select, headers)).toMatchObject({ town: 'forward-only: 1 of 9 rows come back as another value of source.city' });
});

test('what carries back stands once for each source column', async () => {
  const found = await classifiedColumns(bench.ports.session, await transferOf('select s.id, s.id as old_id, s.name from source s'));
  expect(carriedOf(found)).toMatchObject([
    { source: 'id', expression: '"id"', columns: ['id'] },
    { source: 'name', expression: '"name"', columns: ['name'] },
  ]);
});

async function said(select: string, headers?: string, status = 'fail') {
  const transfer = await transferOf(select, headers);
  const findings = await syncFindings(bench.ports.session, transfer, [transfer]);
  return findings.filter((one) => one.status === status).map(({ found }) => found.replace(/^\S+: /, ''));
}

const SELECT = 'select s.id, s.name, s.note, t.zip from source s left join towns t on t.city = s.city';

test('a transfer that can be kept live says what goes both ways', async () => {
  expect(await said(SELECT)).toEqual([]);
  expect(await said(SELECT, undefined, 'pass')).toEqual(['transfer rows goes both ways with id, name, note']);
  expect(await said(SELECT, 'sync: forward', 'info')).toEqual(['transfer rows goes forward: writes to public.target are not carried back']);
});

const TOUCH = (body: string) => `create function touch() returns trigger language plpgsql as $$ begin ${body} return new; end $$;
create trigger touch before update on source for each row execute function touch()`;

test.each([
  { change: TOUCH('new.name := upper(new.name);'), found: 'trigger touch of public.source (function touch) writes name' },
  { change: TOUCH('new.name = upper(new.name);'), found: 'trigger touch of public.source (function touch) writes name' },
  { change: TOUCH("execute 'select $1' into new using new;"), found: 'what it writes cannot be read from its text (plpgsql)' },
  {
    change: `create table target (id int primary key, name text, note text, zip text); ${TOUCH('new.note := null;').replace('on source', 'on target')}`,
    found: 'trigger touch of public.target (function touch) writes note',
  },
  { change: 'alter table source set unlogged', found: 'public.source is UNLOGGED' },
  { change: 'create table more () inherits (source)', found: 'public.source has more inherit from it' },
  { change: 'alter table towns drop constraint towns_pkey', found: 'public.towns (city) has no unique index' },
  {
    change: 'create table target (id int primary key); create table calls (target int references target on delete cascade)',
    found: 'a deletion in public.target takes rows of public.calls along',
  },
])('$found is refused', async ({ change, found }) => {
  await bench.sql(change);
  const faults = await said(SELECT);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(found);
});

test.each([
  TOUCH("new.city := 'Bonn'; if new.name = old.name then raise notice 'new.name := %', 1; end if; /* new.name := 1; */"),
  TOUCH('new.name := upper(new.name);').replace('before update', 'after update'),
  `${TOUCH('new.name := upper(new.name);')}; alter table source disable trigger touch`,
])('a trigger that leaves carried columns alone is no obstacle', async (change) => {
  await bench.sql(change);
  expect(await said(SELECT)).toEqual([]);
});

test('a soft deletion takes nothing along, and a driving column without an index is worth a word', async () => {
  await bench.sql(`create table target (id int primary key, gone timestamptz); create table calls (target int references target on delete cascade);
drop index source_city_idx`);
  expect(await said(SELECT, 'sync: both\ndeletes: soft gone')).toEqual([]);
  expect(await said(SELECT, 'sync: both\ndeletes: soft gone', 'warn')).toEqual([expect.stringContaining('public.source.city has no index')]);
});

test('a column that a new row of the old side needs, and that nothing carries, is told', async () => {
  await bench.sql('alter table source alter column rank set not null, alter column city set not null, alter column city set default 1');
  expect(await said('select s.id, s.name, s.note, s.city, s.amount, s.code, s.born from source s', undefined, 'info')).toEqual([
    expect.stringContaining('public.source needs rank, which nothing carries back'),
  ]);
});

test('values that the target does not take are counted', async () => {
  await bench.sql(`create table target (id int primary key, name varchar(6) not null, amount numeric(3, 1), note text not null);
update source set name = 'a longer name' where id > 6; update source set amount = 400 where id = 1; update source set note = '' where id < 9;
update source set name = null where id = 1`);
  const select = 'select s.id, s.name, s.amount, s.note from source s';
  const found = async (headers?: string) =>
    bench.ports.session.readOnly(async (query) =>
      misfitFindings(query, await transferOf(select, headers)).then((all) => all.map((one) => [one.status, one.found])),
    );
  expect(await found('sync: none')).toEqual([
    ['fail', expect.stringContaining('1 row would be null in public.target.name')],
    ['fail', expect.stringContaining('3 rows would be another value in public.target.name, which is character varying(6)')],
    ['fail', expect.stringMatching(/\d rows would be another value in public\.target\.amount, which is numeric\(3,1\)/)],
    ['fail', expect.stringContaining('1 row would be null in public.target.note')],
  ]);
  expect((await found('sync: none\nquarantine when: name is null'))[0]?.[0]).toBe('warn');
});

test.each([
  { source: 'begin if true then NEW."Full Name" = 1; end if; new.tags[1] := 2; return new; end', written: ['tags', 'Full Name'] },
  { source: 'begin select 1 into new.name; return new; end', written: null },
  { source: 'begin new := old; return new; end', written: null },
  { source: 'begin return other(new); end', written: null },
  { source: "begin perform 'new.name := 1'; return old; end", written: [] },
])('what a trigger writes is read from $source', ({ source, written }) => {
  const trigger = { name: 't', function: 'f', language: 'plpgsql', arguments: [], source };
  expect(columnsWritten(trigger)).toEqual(written);
  expect(columnsWritten({ ...trigger, language: 'c' })).toBeNull();
  expect(columnsWritten({ ...trigger, language: 'c', function: 'moddatetime', arguments: ['updated_at'] })).toEqual(['updated_at']);
});
