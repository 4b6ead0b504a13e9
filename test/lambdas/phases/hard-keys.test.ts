import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { catchUp } from '../../../lambdas/phases/catch-up.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { beginMeasuredRun, deploy, emptyPlanDatabase, retried, takeStep } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());

let runs = 0;

/** A migrated plan of one transfer from `old` to `fresh`, both ways. */
async function migrated({
  before,
  target,
  select,
  key = 'k',
}: {
  before: string;
  target: string;
  select: string;
  key?: string;
}): Promise<ChangingEnvelope> {
  await emptyPlanDatabase(bench, before);
  const plan = await deploy(bench, {
    'plan.yaml': 'title: Hard keys\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n  - { id: cutover, cutover: flag }\n',
    '1-schema/up.sql': `create table fresh (${target});\n`,
    '1-schema/undo.sql': 'drop table fresh;\n',
    '2-copy/rows.sql': `--! into: fresh\n--! from: old\n--! key: ${key}\n--! sync: both\n${select};\n`,
    '3-cutover/up.sql': 'comment on table fresh is null;\n',
    '3-cutover/undo.sql': 'comment on table fresh is null;\n',
  });
  const run = await beginMeasuredRun(bench, plan, { id: `keys-${++runs}` });
  for (let step = await nextStep(bench.ports)(run); step.phase !== null; step = await nextStep(bench.ports)(run)) {
    await takeStep(bench.ports, { ...run, phase: step.phase }, step.kind);
  }
  return run;
}

async function drained(run: ChangingEnvelope): Promise<void> {
  for (let polls = 0; !(await retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls }))).done; polls += 1);
}

async function sides(columns: string): Promise<{ old: readonly unknown[]; fresh: readonly unknown[]; failed: readonly unknown[] }> {
  const rows = (table: string) => bench.sql(`select row(${columns})::text as row from ${table} order by row(${columns})::text collate "C"`);
  return {
    old: await rows('old'),
    fresh: await rows('fresh'),
    failed: await bench.sql("select key, op, sql_state, refused from stepgate.sync_journal where reason in ('failed', 'suppressed')"),
  };
}

const TYPES = `create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create domain code as varchar(20) check (value <> ''); create type mood as enum ('glad', 'sad');`;

test.each([
  { type: 'text collate blind', keys: [`'a'`, `'B'`, `'[[range id]]'`, `'c'`, `'b'`] },
  { type: 'numeric', keys: [`'NaN'`, '1.0', `'-Infinity'`, '9007199254740993', '1.00'] },
  { type: 'timestamptz', keys: [`'infinity'`, `'0001-01-01 00:00+00'`, `'-infinity'`, `'9999-12-31'`, `'0044-03-15 BC'`] },
  { type: 'code', keys: [`' '`, `'a,b'`, `'\\\\'`, `'null'`, `'"'`] },
  { type: 'bytea', keys: [`''`, `'\\x00'`, `'\\x5c'`, `'\\xff'`, `'\\x27'`] },
  { type: 'text', keys: [`''`, `E'\\n\\t'`, `'\\1'`, `repeat('ü', 600)`, `'''; drop table old; --'`] },
  { type: 'uuid', keys: ['0', '1', '2', '3', '4'].map((digit) => `'${digit.repeat(32)}'`) },
  { type: 'double precision', keys: [`'NaN'`, `'-0'`, `'Infinity'`, '0.1', '1e-300'] },
])('a key of type $type goes there and back, moves on both sides, and is repaired', async ({ type, keys: [one, two, three, four, five] }) => {
  const columns = `k ${type} primary key, part int, v text`;
  const run = await migrated({
    before: `${TYPES} create table old (${columns}); insert into old values (${one}, 1, 'one'), (${two}, 1, 'two'), (${three}, 1, 'three')`,
    target: columns,
    select: 'select o.k, o.part, o.v from old o',
  });
  const works = [
    `update old set v = 'by old' where k = ${one}; update fresh set v = 'by fresh' where k = ${three}`,
    `update old set k = ${five} where k = ${two}`,
    `update fresh set k = ${two} where k = ${five}`,
    `insert into fresh values (${four}, 2, 'new'); delete from old where k = ${one}; insert into old values (${one}, 3, 'again')`,
    `begin isolation level repeatable read; update fresh set v = 'rr', k = ${five} where k = ${two}; update old set v = 'rr' where k = ${three}; commit`,
  ];
  for (const work of works) {
    await bench.sql(work);
    const { old, fresh, failed } = await sides('k, part, v');
    expect({ work, fresh, failed }).toEqual({ work, fresh: old, failed: [] });
  }
  const holder = await bench.connect();
  await holder.query('begin; select from fresh for update');
  await bench.sql(`update old set v = 'held' where k = ${one}; update old set k = ${two} where k = ${five}; delete from old where k = ${four}`);
  await holder.query('rollback; begin; select from old for update');
  await bench.sql(`update fresh set v = 'held' where k = ${three}`);
  await holder.query('rollback');
  await holder.end();
  await drained(run);
  const { old, fresh, failed } = await sides('k, part, v');
  expect({ fresh, failed }).toEqual({ fresh: old, failed: [] });
  expect(old.map((row) => JSON.stringify(row)).filter((row) => row.includes('held'))).toHaveLength(2);
});

test('a key of two columns, one of them under a collation that takes capitals for small letters, moves on both sides', async () => {
  const columns = 'k text collate blind, part int, v text, primary key (k, part)';
  const run = await migrated({
    before: `${TYPES} create table old (${columns}); insert into old values ('a,"b', 1, 'one'), ('a,"b', 2, 'two'), ('[[keys x]]', 1, 'three')`,
    target: columns,
    select: 'select o.k, o.part, o.v from old o',
    key: 'k, part',
  });
  for (const work of [
    `update old set part = part + 10`,
    `update fresh set k = upper(k), v = 'moved' where part = 11`,
    `begin isolation level repeatable read; update fresh set k = lower(k); update old set part = part - 10; commit`,
  ]) {
    await bench.sql(work);
    await drained(run);
    const { old, fresh, failed } = await sides('k, part, v');
    expect({ work, fresh, failed }).toEqual({ work, fresh: old, failed: [] });
  }
});

test('a row that is new on the new side reaches a source whose key only the database may make', async () => {
  const run = await migrated({
    before: `create table old (k bigint generated always as identity primary key, part int, v text, twice int generated always as (part * 2) stored);
insert into old (part, v) values (1, 'one'), (2, 'two')`,
    target: 'k bigint primary key, part int, v text, twice int',
    select: 'select o.k, o.part, o.v, o.twice from old o',
  });
  await bench.sql(
    `update old set v = v; insert into fresh (part, v, twice) values (3, 'native', 6); update old set part = 5 where k = 1; update fresh set v = 'back' where k = 2`,
  );
  let { old, fresh, failed } = await sides('k, part, v, twice');
  expect({ fresh, failed }).toEqual({ fresh: old, failed: [] });
  await bench.sql(`begin isolation level repeatable read; insert into fresh (part, v, twice) values (4, 'rr', 8); commit`);
  await drained(run);
  ({ old, fresh, failed } = await sides('k, part, v, twice'));
  expect({ fresh, failed }).toEqual({ fresh: old, failed: [] });
});

test('a lookup with documents that jsonb refuses, long texts and infinite times reaches its rows, at once and by the repair', async () => {
  const run = await migrated({
    before: `create table notes (id bigint primary key, doc json, body text, due timestamptz, docs json[]);
insert into notes values (1, '"\\u0000"', repeat('x', 1200000), 'infinity', array['"\\ud800"']::json[]), (2, '{"a":"\\ud800"}', '', '-infinity', null), (3, null, null, null, '{}');
create table old (k bigint primary key, part int, note bigint, v text);
insert into old select i, i % 4, i % 4, 'v' from generate_series(2147483648, 2147483748) i`,
    target: 'k bigint primary key, part int, v text, doc json, body text, due timestamptz, docs json[]',
    select: 'select o.k, o.part, o.v, n.doc, n.body, n.due, n.docs from old o left join notes n on n.id = o.note',
  });
  const differing = () =>
    bench.sql(`select o.k from old o left join notes n on n.id = o.note full join fresh f on f.k = o.k
where o.k is null or f.k is null or row(o.k, o.part, o.v, n.doc, n.body, n.due, n.docs)::record *<> row(f.k, f.part, f.v, f.doc, f.body, f.due, f.docs)::record`);
  const works = [
    `update notes set doc = '"\\u0000 "', body = body || 'y', docs = array['"\\u0000"']::json[]`,
    `update notes set doc = null, due = '0001-01-01' where id = 2; update notes set doc = '"\\ud800\\u0000"' where id = 3`,
    'delete from notes where id = 1',
    `insert into notes values (1, '"\\u0000"', repeat('z', 1200000), '9999-12-31', null)`,
    `begin isolation level repeatable read; update notes set due = 'infinity', doc = '"\\u0000"' where id = 2; commit`,
  ];
  for (const work of works) {
    await bench.sql(work);
    expect({ work, differ: await differing() }).toEqual({ work, differ: [] });
    await drained(run);
  }
  const holder = await bench.connect();
  await holder.query('begin; select from fresh for update');
  await bench.sql(`update notes set doc = '"\\u0000\\ud800"', due = '0044-03-15 BC'`);
  await holder.query('rollback');
  await holder.end();
  expect(await differing()).not.toEqual([]);
  await drained(run);
  expect(await differing()).toEqual([]);
});
