import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { StaleTokenError } from '../../../core/errors.ts';
import { measureBefore } from '../../../lambdas/checks/measure-before.ts';
import { beginRun, deploy, emptyPlanDatabase, entries, refusal, runPhases, worksFor } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, SMALL_SOURCE));

const BASELINE = 'select run_id, moment, table_name, rows::int, done_at is not null as done from stepgate.baseline_table order by table_name';

test('MeasureBefore run twice, and beside itself, measures each table once', async () => {
  const run = await beginRun(bench, await deploy(bench, SMALL_PLAN), { id: 'measured' });
  const visit = () => measureBefore(bench.ports)({ ...run, progress: null });
  expect(await Promise.all([visit(), visit()])).toEqual([{ done: true }, { done: true }]);
  const once = await bench.sql(BASELINE);
  expect(once).toEqual([
    { run_id: 'measured', moment: 'before', table_name: 'public.people', rows: 1000, done: true },
    { run_id: 'measured', moment: 'before', table_name: 'public.towns', rows: 2, done: true },
  ]);
  const digests = 'select table_name, hash_high, hash_low from stepgate.baseline_table order by 1';
  const before = await bench.sql(digests);
  expect(await visit()).toEqual({ done: true });
  expect(await bench.sql(digests)).toEqual(before);
  expect(
    await bench.sql(`select t.name as table_name, d.hash_high, d.hash_low
from (values ('public.people'), ('public.towns')) t (name), stepgate.table_digest(t.name::regclass, 0, null) d`),
  ).toEqual(before);
  expect(await bench.sql('select count(*) = count(distinct line) as once from stepgate.baseline_line')).toEqual([{ once: true }]);
  expect(await entries(bench, run, 'baseline')).toMatchObject([
    {
      adoptedFrom: null,
      tables: [
        { table: 'public.people', rows: 1000 },
        { table: 'public.towns', rows: 2 },
      ],
    },
  ]);
});

test('a visit that runs out of time hands over to the next one', async () => {
  const run = await beginRun(bench, await deploy(bench, SMALL_PLAN), { id: 'half' });
  expect(await measureBefore({ ...bench.ports, clockMs: worksFor(1) })({ ...run, progress: null })).toEqual({ done: false });
  expect(await bench.sql(BASELINE)).toMatchObject([{ done: true }, { done: false }]);
  expect(await bench.sql('select baseline_done_at from stepgate.plan')).toEqual([{ baseline_done_at: null }]);
  expect(await measureBefore({ ...bench.ports, clockMs: worksFor(1) })({ ...run, progress: { done: false } })).toEqual({ done: true });
  expect(await bench.sql(BASELINE)).toMatchObject([{ done: true }, { done: true }]);
});

test('a run that goes on keeps the baseline from before the first change, and says whose it is', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const first = await beginRun(bench, plan, { id: 'first' });
  await measureBefore(bench.ports)({ ...first, progress: null });
  await runPhases(bench.ports, first, 'copy');
  await bench.sql('update stepgate.lock set run_id = null');
  const second = await beginRun(bench, plan, { id: 'second' });
  expect(await measureBefore(bench.ports)({ ...second, progress: null })).toEqual({ done: true });
  expect(await bench.sql('select distinct run_id from stepgate.baseline_table')).toEqual([{ run_id: 'first' }]);
  expect(await entries(bench, second, 'baseline')).toMatchObject([{ adoptedFrom: 'first', tables: [{ rows: 1000 }, { rows: 2 }] }]);
});

test('a stale run measures nothing, and its baseline is not in force', async () => {
  const run = await beginRun(bench, await deploy(bench, SMALL_PLAN), { id: 'stale' });
  await bench.sql('update stepgate.lock set token = token + 1');
  expect(await refusal(measureBefore(bench.ports)({ ...run, progress: null }))).toBeInstanceOf(StaleTokenError);
  expect(await bench.sql('select baseline_done_at from stepgate.plan')).toEqual([{ baseline_done_at: null }]);
  expect(await bench.sql(BASELINE)).toEqual([]);
});

test('partitions, materialized views, unlogged tables and names that need quotes are measured; what holds no rows of ours is not', async () => {
  await bench.sql(`create table parted (id int) partition by range (id); create table part partition of parted for values from (0) to (9);
insert into parted values (1); create schema "Odd ""one"; create unlogged table "Odd ""one"."t x" (id int); insert into "Odd ""one"."t x" values (1), (2);
create materialized view filled as select 1 as one; create materialized view not_filled as select 1 as one with no data;
create extension hstore; create table of_extension (id int); alter extension hstore add table of_extension; create view seen as select 1 as one`);
  const run = await beginRun(bench, await deploy(bench, SMALL_PLAN), { id: 'kinds' });
  expect(await measureBefore(bench.ports)({ ...run, progress: null })).toEqual({ done: true });
  expect(await bench.sql('select table_name, rows::int from stepgate.baseline_table order by table_name collate "C"')).toEqual([
    { table_name: '"Odd ""one"."t x"', rows: 2 },
    { table_name: 'public.filled', rows: 1 },
    { table_name: 'public.part', rows: 1 },
    { table_name: 'public.people', rows: 1000 },
    { table_name: 'public.towns', rows: 2 },
  ]);
  await bench.sql('drop schema "Odd ""one" cascade');
});
