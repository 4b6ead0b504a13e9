import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { GateRefusedError } from '../../../core/errors.ts';
import { assess } from '../../../lambdas/gates/assess.ts';
import { deploy, emptyDatabase, entries, refusal } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyDatabase(bench, SMALL_SOURCE));

/** A plan whose quality check sees these rows. */
async function look(rows: string, severity = 'fail') {
  const plan = await deploy(bench, {
    ...SMALL_PLAN,
    'before.sql': `--! check: whole, ${severity}, quality\nselect * from (${rows}) r (scope, valid, total);\n--! check: not-asked-here, fail, no rows\nselect 1;\n`,
  });
  const input = reading(plan, { mode: 'dry-run', id: 'assessed' });
  return { input, visit: () => assess(bench.ports)(input) };
}

test('Assess run twice and beside itself says the same, and writes nothing', async () => {
  const { input, visit } = await look("values ('a', 99, 100)");
  const before = await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  expect(await Promise.all([visit(), visit()])).toEqual([
    { tables: 1, checks: 1 },
    { tables: 1, checks: 1 },
  ]);
  expect(await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next')).toEqual(before);
  expect(await bench.sql("select to_regnamespace('stepgate')::text as ledger")).toEqual([{ ledger: null }]);
  expect(await entries(bench, input as never, 'assess')).toMatchObject([
    { tables: [{ table: 'public.people', rows: 1000, estimated: false }], checks: [{ name: 'whole', status: 'pass', bad: 1, total: 100 }] },
  ]);
});

test.each([
  { what: '98.996 %', rows: "values ('all', 98996, 100000)", passes: false },
  { what: '98.999999 %', rows: "values ('all', 98999999, 100000000)", passes: false },
  { what: '99 %', rows: "values ('all', 99, 100)", passes: true },
  { what: '99 % over all scopes, one of them at 50 %', rows: "values ('good', 198, 200), ('bad', 0, 0), ('half', 99, 100)", passes: true },
  {
    what: 'one scope at 50 %, however many are empty',
    rows: "values ('good', 9999, 9999), ('half', 1, 2) union all select 'empty ' || i, 0, 0 from generate_series(1, 600) i",
    passes: false,
  },
  { what: 'an empty table', rows: "values ('all', 0, 0)", passes: true },
  { what: 'no scope', rows: "select 'x', 1, 1 where false", passes: true },
  { what: 'a scope with more valid rows than rows, which makes up for no other', rows: "values ('a', 300, 100), ('b', 90, 100)", passes: false },
  { what: 'a scope that counts nothing as null', rows: "values ('a', null, 100), (null, 100, 100)", passes: false },
])('$what: passes $passes', async ({ rows, passes }) => {
  const { visit } = await look(rows);
  if (passes) expect(await visit()).toMatchObject({ checks: 1 });
  else {
    const error = await refusal(visit());
    expect(error).toBeInstanceOf(GateRefusedError);
    expect(error.message).toContain('quality is below 99/100');
  }
});

test('a warning never refuses', async () => {
  const { input, visit } = await look("values ('all', 1, 100)", 'warn');
  expect(await visit()).toMatchObject({ checks: 1 });
  expect(await entries(bench, input as never, 'assess')).toMatchObject([{ checks: [{ status: 'warn', bad: 99 }] }]);
});

test('scopes are told one by one, the worst first, as many as an answer holds', async () => {
  const { input, visit } = await look("select 'scope ' || i, 1000 - i, 1000 from generate_series(1, 700) i", 'warn');
  await visit();
  const [entry] = await entries(bench, input as never, 'assess');
  const scopes = entry?.checks[0]?.scopes ?? [];
  expect(scopes).toHaveLength(500);
  expect(scopes[0]).toEqual({ scope: 'scope 700', valid: 300, total: 1000 });
  expect(entry?.checks[0]).toMatchObject({ total: 700_000, bad: 245_350 });
});

test('scopes with long names in any script fit into an answer', async () => {
  const { input, visit } = await look("select repeat('😀', 80) || i, 1, 1 from generate_series(1, 700) i");
  expect(await visit()).toMatchObject({ checks: 1 });
  const [entry] = await entries(bench, input as never, 'assess');
  expect(entry?.checks[0]).toMatchObject({ total: 700, bad: 0 });
  expect(entry?.checks[0]?.scopes.length).toBeGreaterThan(100);
});
