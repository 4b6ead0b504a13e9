import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { GateRefusedError, StatementFailedError } from '../../../core/errors.ts';
import type { CheckResult } from '../../../core/run/journal.ts';
import { validateSource } from '../../../lambdas/checks/validate-source.ts';
import { deploy, emptyDatabase, entries, refusal } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyDatabase(bench, SMALL_SOURCE));

async function look(checks: string) {
  const plan = await deploy(bench, { ...SMALL_PLAN, 'before.sql': checks });
  const input = reading(plan, { mode: 'dry-run', id: 'validated' });
  return {
    visit: () => validateSource(bench.ports)(input),
    results: async (): Promise<readonly CheckResult[]> => (await entries(bench, input as never, 'checks'))[0]?.checks ?? [],
  };
}

test('ValidateSource run twice and beside itself says the same of a source that passes, and writes nothing', async () => {
  const { visit, results } = await look(SMALL_PLAN['before.sql'] ?? '');
  const before = await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  expect(await Promise.all([visit(), visit()])).toEqual([{ checks: 2 }, { checks: 2 }]);
  expect(await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next')).toEqual(before);
  expect((await results()).map(({ name, status }) => [name, status])).toEqual([
    ['people-have-ids', 'pass'],
    ['named', 'warn'],
  ]);
});

test('every check that failed is listed, with file, line, count and keys; warnings are not', async () => {
  const { visit, results } = await look(`--! check: rows, fail, no rows
select id, name from people where name is null order by id;
--! check: number, fail, zero
select count(*) from towns;
--! check: warned, warn, no rows
select id from people;
--! check: share, fail, quality
select 'all' as scope, count(name) as valid, count(*) as total from people;
--! check: told, info, measure
select 'towns' as name, count(*)::text as value from towns;
`);
  const error = await refusal(visit());
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message.replaceAll(/sql:\d+/g, 'sql:LINE')).toBe(
    [
      'before.sql:LINE: check rows failed: found 100, expected none (10, 20, 30, 40, 50 …)',
      'before.sql:LINE: check number failed: found 2, expected none',
      "before.sql:LINE: check share failed: 100 of 1000 rows are not valid; below the plan's quality: all (900 of 1000 valid)",
    ].join(' · '),
  );
  expect((await results()).map(({ name, status, bad }) => [name, status, bad])).toEqual([
    ['rows', 'fail', 100],
    ['number', 'fail', 2],
    ['warned', 'warn', 1000],
    ['share', 'fail', 100],
    ['told', 'info', 0],
  ]);
  expect((await results())[4]?.measures).toEqual([{ name: 'towns', value: '2' }]);
});

/** As `left(md5('validated' || key::text), 12)` finds it in the database: the run's id is the salt. */
function digestOf(text: string): string {
  return `md5:${createHash('md5').update(`validated${text}`).digest('hex').slice(0, 12)}`;
}

test.each([
  { what: 'rows whose first column is null', check: 'no rows', sql: 'select null::text as k, 1 as n', bad: 1, samples: ['(null)'] },
  {
    what: 'a column called like the query calls the rows',
    check: 'no rows',
    sql: 'select 7 as q, 8 as k, 9 as n, 10 as value',
    bad: 1,
    samples: ['7'],
  },
  { what: 'keys that are no surrogates', check: 'no rows', sql: 'select array[1, 2] as k', bad: 1, samples: [digestOf('{1,2}')] },
  { what: 'a text as key', check: 'no rows', sql: "select 'ann@example.org', 7", bad: 1, samples: [digestOf('ann@example.org')] },
  { what: 'a long key', check: 'no rows', sql: "select repeat('ä', 500)", bad: 1, samples: [digestOf('ä'.repeat(500))] },
  { what: 'a date as key', check: 'no rows', sql: "select date '1970-02-03'", bad: 1, samples: [digestOf('1970-02-03')] },
  { what: 'a row as key', check: 'no rows', sql: "select row(1, 'Ann')", bad: 1, samples: [digestOf('(1,Ann)')] },
  { what: 'keys that are surrogates', check: 'no rows', sql: 'select 7::bigint union all select 8', bad: 2, samples: ['7', '8'] },
  {
    what: 'a uuid as key',
    check: 'no rows',
    sql: "select '00000000-0000-4000-8000-000000000001'::uuid, 'Ann'",
    bad: 1,
    samples: ['00000000-0000-4000-8000-000000000001'],
  },
  { what: 'names of the schema', check: 'no rows', sql: "select 'people.name'::name", bad: 1, samples: ['people.name'] },
  { what: 'names of relations', check: 'no rows', sql: "select 'people'::regclass", bad: 1, samples: ['people'] },
  { what: 'a number below zero', check: 'zero', sql: 'select -3', bad: 3, samples: [] },
  { what: 'a fraction', check: 'zero', sql: 'select 0.1', bad: 1, samples: [] },
  { what: 'a number beyond every other', check: 'zero', sql: "select 'NaN'::numeric", bad: Number.MAX_SAFE_INTEGER, samples: [] },
  { what: 'null', check: 'zero', sql: 'select sum(age) from people where false', bad: 1, samples: ['null'] },
  { what: 'no row', check: 'zero', sql: 'select 0 where false', bad: 1, samples: ['0 rows'] },
  { what: 'two rows', check: 'zero', sql: 'values (0), (0)', bad: 1, samples: ['2 rows'] },
])('$what: a check that expects $check finds $bad', async ({ check, sql, bad, samples }) => {
  const { visit, results } = await look(`--! check: asked, fail, ${check}\n${sql};\n`);
  expect(await refusal(visit())).toBeInstanceOf(GateRefusedError);
  expect(await results()).toMatchObject([{ status: 'fail', bad, samples }]);
});

test.each(['select 0', 'select 0::numeric', 'select count(*) from people where id is null', 'select 0 as value'])('%s is zero', async (sql) => {
  const { visit } = await look(`--! check: asked, fail, zero\n${sql};\n`);
  expect(await visit()).toEqual({ checks: 1 });
});

test('a check that the server refuses is refused by its message', async () => {
  const { visit } = await look('--! check: asked, fail, no rows\nselect nothing from people;\n');
  const error = await refusal(visit());
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toMatch(/^before\.sql:2: check asked: ERROR: column "nothing" does not exist/);
});

test('measures of any length fit into an answer', async () => {
  const { visit, results } = await look(
    "--! check: told, info, measure\nselect 'name ' || i as name, repeat('😀', 300) as value from generate_series(1, 300) i;\n",
  );
  expect(await visit()).toEqual({ checks: 1 });
  expect((await results())[0]?.measures.length).toBeGreaterThan(40);
});

test('settings that an earlier call left in the pooled backend change no answer', async () => {
  const { visit } = await look(`--! check: settings, fail, zero
select count(*) from (values ('statement_timeout', '0'), ('search_path', 'public'), ('TimeZone', 'UTC'), ('IntervalStyle', 'postgres'), ('row_security', 'off'))
  v (name, value) where lower(current_setting(v.name)) <> lower(v.value);
`);
  for (let backend = 0; backend < 3; backend += 1) {
    for (const setting of ["statement_timeout = '9s'", "search_path = 'pg_catalog'", "TimeZone = 'Asia/Tokyo'", "IntervalStyle = 'iso_8601'"]) {
      await bench.ports.session.query(z.unknown(), `set ${setting}`);
    }
  }
  expect(await visit()).toEqual({ checks: 1 });
});
