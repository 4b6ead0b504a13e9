import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DatabaseBusyError, StatementFailedError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../../lambdas/rollback/verify-undo.ts';
import { beginMeasuredRun, beginRun, deploy, emptyPlanDatabase, entries, onePhase, refusal } from '../../support/run-driver.ts';
import { changing, openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());

const TOWNS = `create table towns (town text primary key, mayor text unique);
insert into towns values ('Bonn', 'Ada'), ('Ulm', 'Bob');
`;
const PEOPLE = `create table people (id int primary key, name text, town text references towns on delete cascade, rank int, note numeric,
  shown text generated always as (upper(name)) stored, boss int references people);
insert into people (id, name, town, rank, note) select i, 'Person ' || i, case when i % 2 = 0 then 'Bonn' else 'Ulm' end, i, i * 1.10 from generate_series(1, 20) i;
create function touch() returns trigger language plpgsql as $$ begin new.note := coalesce(new.note, 0) + 1000; return new; end $$;
create trigger touch before update on people for each row execute function touch();
`;
/** Names that our own queries might use, a key of two columns, a type without equality, one case for two texts. */
const ODD = `create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table odd (new int, state text collate loose, b json, t json, n xml, primary key (new, state));
insert into odd select i, 'key', '{"a": 1,  "a": 2}', null, '<a/>' from generate_series(1, 5) i;
`;
beforeEach(() => emptyPlanDatabase(bench, TOWNS + PEOPLE + ODD));

/** A plan of one phase that protects tables. */
function protecting(tables: string, up: string, undo = 'select 1;\n'): Readonly<Record<string, string>> {
  return onePhase(up, undo, { 'plan.yaml': `title: In place\nphases:\n  - { id: only, protect: [${tables}] }\n` });
}

async function runIt(files: Readonly<Record<string, string>>): Promise<ChangingEnvelope & { readonly phase: string }> {
  const run = { ...(await beginMeasuredRun(bench, await deploy(bench, files), { id: 'images' })), phase: 'only' };
  expect(await runPhase(bench.ports)(run)).toEqual({ done: true });
  return run;
}

const proof = (run: ChangingEnvelope) => verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED });

async function leftovers(): Promise<readonly unknown[]> {
  return bench.sql(`select relname as name from pg_class where relnamespace = 'stepgate'::regnamespace and relkind = 'r' and relname ~ '^(image|net)_'
union all select tgname from pg_trigger where tgname ~ '^stepgate_image'`);
}

const KEPT = 'select table_name, key, column_name, before, kept from stepgate_archive.value order by id';

test.each([
  {
    change: 'updates, deletions and insertions, of the same rows again and again',
    up: `update people set name = 'x', rank = null where id < 10;
update people set name = name || id, rank = 5 where id < 6;
update people set name = 'Person 4', rank = 4, note = 4.40 where id = 4;
delete from people where id in (5, 15);
insert into people (id, name, town) values (5, 'again', 'Bonn'), (30, 'new', 'Ulm'), (31, 'newer', 'Ulm');
delete from people where id = 31;
update people set boss = 30 where id = 7;
`,
  },
  { change: 'keys', up: 'update people set id = id + 100 where id > 10;\n' },
  {
    change: 'values that move along under a unique constraint',
    up: "update towns set mayor = 'Cem' where town = 'Bonn';\nupdate towns set mayor = 'Ada' where town = 'Ulm';\n",
  },
  { change: 'what a cascade takes', up: "delete from towns where town = 'Bonn';\n" },
  {
    change: 'what a trigger of the application writes into the same table, first',
    up: `create function after_touch() returns trigger language plpgsql as $$ begin update people set rank = 77 where id = new.id and rank <> 77; return null; end $$;
create trigger after_touch after update on people for each row execute function after_touch();
update people set name = 'y' where id = 3;
`,
    undo: 'drop trigger after_touch on people;\ndrop function after_touch;\n',
  },
  {
    change: 'a new column, a new constraint, a renamed column',
    up: `alter table people add column wide text not null default 'w';
update people set wide = name, rank = greatest(rank, 10);
alter table people add constraint high check (rank >= 10);
alter table people rename column rank to level;
update people set level = level + 1;
`,
    undo: 'alter table people rename column level to rank;\nalter table people drop constraint high, drop column wide;\n',
  },
  {
    change: 'values without equality, and a key that is another text and still the same',
    up: `update odd set b = '{"a":1}', state = 'KEY' where new = 1;
update odd set t = '1', n = '<b/>' where new = 2;
delete from odd where new = 3;
`,
  },
  { change: 'what the undo writes, too', up: 'update people set rank = rank + 1;\n', undo: 'update people set rank = rank * 2;\n' },
])('an undo puts back, by row images: $change', async ({ up, undo }) => {
  const run = await runIt(protecting('people, towns, odd', up, undo));
  expect(await bench.sql("select tgname from pg_trigger where tgname ~ 'image'")).toEqual([]);
  expect(await undoPhase(bench.ports)(run)).toEqual({ next: 'decide' });
  expect(await bench.sql(KEPT)).toEqual([]);
  expect(await proof(run)).toEqual({ done: true, meanwhile: 0, accepted: 0 });
  expect(await leftovers()).toEqual([]);
});

test('what the application wrote since stays, column by column and row by row, and both values are kept', async () => {
  const run = await runIt(
    protecting(
      'people, towns',
      `update people set name = 'x', rank = null where id < 10;
delete from people where id in (15, 16);
insert into people (id, name, town) values (30, 'new', 'Ulm'), (31, 'newer', 'Ulm'), (32, 'newest', 'Ulm');
`,
    ),
  );
  await bench.sql(`alter table people disable trigger touch;
update people set name = 'theirs', boss = 1 where id = 2;
update people set note = 0 where id = 3;
update people set rank = 4 where id = 4;
delete from people where id = 5;
insert into people (id, name) values (15, 'taken'), (40, 'theirs');
update people set rank = 1 where id = 30;
update people set boss = 31 where id = 18;
alter table people enable trigger touch`);
  expect(await undoPhase(bench.ports)(run)).toEqual({ next: 'decide' });
  expect(
    await bench.sql('select id, name, rank, note::text, boss from people where id in (1, 2, 3, 4, 5, 15, 16, 18) or id >= 30 order by id'),
  ).toEqual([
    { id: 1, name: 'Person 1', rank: 1, note: '1.10', boss: null },
    { id: 2, name: 'theirs', rank: 2, note: '2.20', boss: 1 },
    { id: 3, name: 'Person 3', rank: 3, note: '0', boss: null },
    { id: 4, name: 'Person 4', rank: 4, note: '4.40', boss: null },
    { id: 15, name: 'taken', rank: null, note: null, boss: null },
    { id: 16, name: 'Person 16', rank: 16, note: '17.60', boss: null },
    { id: 18, name: 'Person 18', rank: 18, note: '19.80', boss: 31 },
    { id: 30, name: 'new', rank: 1, note: null, boss: null },
    { id: 31, name: 'newer', rank: null, note: null, boss: null },
    { id: 40, name: 'theirs', rank: null, note: null, boss: null },
  ]);
  expect(
    await bench.sql(`select key, column_name, coalesce(before->>'name', before::text) as before, coalesce(kept->>'name', kept::text) as kept
from (select key, column_name, to_jsonb(before) as before, to_jsonb(kept) as kept from stepgate_archive.value) v order by key::int, column_name`),
  ).toEqual([
    { key: '2', column_name: 'name', before: '"Person 2"', kept: '"theirs"' },
    { key: '3', column_name: 'note', before: '3.30', kept: '0' },
    { key: '5', column_name: null, before: 'Person 5', kept: null },
    { key: '15', column_name: null, before: 'Person 15', kept: 'taken' },
    { key: '30', column_name: null, before: null, kept: 'new' },
    { key: '31', column_name: null, before: null, kept: 'newer' },
  ]);
  expect(await leftovers()).toEqual([]);
  expect(await entries(bench, run, 'kept')).toMatchObject([
    {
      tables: [],
      values: [
        { table: 'public.people', column: null, rows: 4 },
        { table: 'public.people', column: 'name', rows: 1, samples: ['2'] },
        { table: 'public.people', column: 'note', rows: 1, samples: ['3'] },
      ],
    },
  ]);
  expect(await proof(run)).toEqual({ done: true, meanwhile: 1, accepted: 0 });
});

test('a row whose unique value somebody took, or whose parent somebody removed, stays away and is kept in the archive', async () => {
  const run = await runIt(
    protecting('people, towns', "update towns set mayor = 'Cem' where town = 'Bonn';\ndelete from people where id in (1, 2, 3);\n"),
  );
  await bench.sql(
    "update towns set mayor = 'Ada' where town = 'Ulm'; delete from people where town = 'Ulm'; delete from towns where town = 'Ulm'; insert into towns values ('Rom', 'Ada')",
  );
  expect(await undoPhase(bench.ports)(run)).toEqual({ next: 'decide' });
  expect(await bench.sql('select town, mayor from towns order by town')).toEqual([
    { town: 'Bonn', mayor: 'Cem' },
    { town: 'Rom', mayor: 'Ada' },
  ]);
  expect(await bench.sql('select id from people where id < 4 order by id')).toEqual([{ id: 2 }]);
  expect(await bench.sql("select table_name, key, before->>'mayor' as mayor from stepgate_archive.value order by key")).toEqual([
    { table_name: 'public.people', key: '1', mayor: null },
    { table_name: 'public.people', key: '3', mayor: null },
    { table_name: 'public.towns', key: 'Bonn', mayor: 'Ada' },
  ]);
});

test.each([
  { table: 'nowhere', said: 'cannot protect public.nowhere: there is no such table when the phase begins' },
  { table: 'keyless', said: 'cannot protect public.keyless: it has no primary key, by which a row is found again' },
  { table: 'parted', said: 'cannot protect public.parted: it is partitioned or a partition' },
  { table: 'part', said: 'cannot protect public.part: it is partitioned or a partition' },
  { table: 'heir', said: 'cannot protect public.heir: it inherits or is inherited from' },
  { table: 'seen', said: 'cannot protect public.seen: it is no table' },
  { table: 'people', up: "do $$ begin execute 'trun' || 'cate people cascade'; end $$;\n", said: 'TRUNCATE leaves no row to copy' },
  {
    table: 'people',
    up: "do $$ begin execute 'alter ' || 'table people alter column rank type bigint'; end $$;\n",
    said: 'changed the type of: rank',
  },
  {
    table: 'people',
    up: "do $$ begin execute 'alter ' || 'table people disable trigger user'; end $$;\n",
    said: 'switched all triggers of the table off or on',
  },
])('a phase that protects what has no row images fails before it changes anything: $said', async ({ table, up, said }) => {
  await bench.sql(`create table keyless (id int); create view seen as select 1 as id;
create table parted (id int primary key) partition by range (id); create table part partition of parted for values from (0) to (9);
create table parent (id int); create table heir (primary key (id)) inherits (parent)`);
  const run = await beginRun(bench, await deploy(bench, protecting(table, up ?? 'update people set rank = 0;\n')), { id: 'refused' });
  const error = await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain(said);
  expect(await bench.sql('select min(rank) as rank from people')).toEqual([{ rank: 1 }]);
  expect(await leftovers()).toEqual([]);
});

test('a reader holds the phase back from nothing: the triggers, switched off, go when the table is free', async () => {
  const reader = await bench.connect();
  await reader.query('begin; select count(*) from people');
  const run = {
    ...(await beginMeasuredRun(bench, await deploy(bench, protecting('people', 'update people set rank = 0;\n')), { id: 'read' })),
    phase: 'only',
  };
  expect(await refusal(runPhase(bench.ports)(run))).toBeInstanceOf(DatabaseBusyError);
  expect(await bench.sql('select max(rank) as rank from people')).toEqual([{ rank: 0 }]);
  await bench.sql('update people set rank = 9 where id = 1');
  await reader.query('commit');
  await reader.end();
  expect(await runPhase(bench.ports)(run)).toEqual({ done: true });
  expect(await bench.sql("select tgname from pg_trigger where tgname ~ '^stepgate_'")).toEqual([]);
  await bench.sql('alter table people disable trigger touch; update people set rank = 0 where id = 1; alter table people enable trigger touch');
  expect(await undoPhase(bench.ports)(run)).toEqual({ next: 'decide' });
  expect(await bench.sql('select sum(rank)::int as sum from people')).toEqual([{ sum: 210 }]);
});

test('the images go with the cleanup of their plan', async () => {
  const plan = await deploy(bench, protecting('people', 'update people set rank = 0;\n'));
  const run = await beginRun(bench, plan, { id: 'first' });
  await runPhase(bench.ports)({ ...run, phase: 'only' });
  expect(await leftovers()).not.toEqual([]);
  const input = changing(plan, { token: run.run.token, id: 'first', mode: 'cleanup' });
  expect(await nextStep(bench.ports)(input)).toMatchObject({ kind: 'done' });
  expect(await nextStep(bench.ports)(input)).toMatchObject({ kind: 'done' });
  expect(await leftovers()).toEqual([]);
});
