import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { dataApiClient } from '../../adapters/aws-clients.ts';
import { labelled, sqlSession } from '../../adapters/sql-session.ts';
import { DatabaseBusyError, StatementFailedError, UnknownOutcomeError } from '../../core/errors.ts';
import { brokenWire, emptyDatabase, refusal } from '../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await emptyDatabase(bench, 'create table kept (id bigint primary key, note text)');
});
afterAll(() => bench?.close());

const Value = z.object({ value: z.unknown() });

test.each([
  { what: 'unicode', sql: 'select :v::text as value', parameters: { v: 'Grüße 😀 \u0001 "quoted" \\ \n' }, value: 'Grüße 😀 \u0001 "quoted" \\ \n' },
  { what: 'an empty text', sql: 'select :v::text as value', parameters: { v: '' }, value: '' },
  { what: 'null', sql: "select coalesce(:v::text, 'none') as value", parameters: { v: null }, value: 'none' },
  { what: 'a null number', sql: 'select :v::bigint is null as value', parameters: { v: null }, value: true },
  { what: 'true', sql: 'select :v::boolean as value', parameters: { v: true }, value: true },
  { what: 'an integer', sql: 'select :v::int + 1 as value', parameters: { v: -42 }, value: -41 },
  { what: 'a fraction', sql: 'select :v::float8 as value', parameters: { v: 0.5 }, value: 0.5 },
  { what: 'a number beyond 2^53, as text', sql: 'select 9007199254740993::text as value', parameters: {}, value: '9007199254740993' },
  { what: 'a text that looks like a parameter', sql: "select ':v' || :v::text as value", parameters: { v: ':w' }, value: ':v:w' },
])('$what comes through as it is', async ({ sql, parameters, value }) => {
  const session = bench.ports.session;
  expect(await session.query(Value, sql, parameters)).toEqual([{ value }]);
  expect(await session.readOnly((query) => query(Value, sql, parameters))).toEqual([{ value }]);
});

test('a statement without rows gives none', async () => {
  expect(await bench.ports.session.query(Value, 'update kept set note = null where false')).toEqual([]);
});

test('an answer of another shape is refused rather than believed', async () => {
  const error = await refusal(bench.ports.session.query(z.object({ other: z.string() }), "select 'ann@example.org' as value"));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('0.other: invalid_type');
  expect(error.message.replace(/^.*?: /, '')).not.toContain('ann@');
});

test('an error names a statement by its first words, or as the caller calls it', async () => {
  const { session } = bench.ports;
  expect((await refusal(session.query(Value, 'select nothing from kept'))).message).toMatch(/^select nothing from kept: ERROR: column "nothing"/);
  for (const called of [
    session.query(Value, 'select nothing from kept', {}, { label: 'looking' }),
    labelled(session, 'looking').query(Value, 'select nothing from kept'),
    labelled(session, 'looking').readOnly((query) => query(Value, 'select nothing from kept')),
  ]) {
    expect((await refusal(called)).message).toMatch(/^looking: ERROR: column "nothing"/);
  }
});

test('a reading transaction cannot write, sees one moment, and leaves nothing open', async () => {
  const { session } = bench.ports;
  expect(await refusal(session.readOnly((query) => query(Value, 'insert into kept values (1)')))).toBeInstanceOf(StatementFailedError);
  const counts = await session.readOnly(async (query) => {
    const before = await query(Value, 'select count(*)::int as value from kept');
    await bench.sql('insert into kept values (2)');
    return [before, await query(Value, 'select count(*)::int as value from kept')];
  });
  expect(counts[0]).toEqual(counts[1]);
  expect(await bench.sql("select count(*)::int as open from pg_stat_activity where state like 'idle in transaction%'")).toEqual([{ open: 0 }]);
});

test('a table that somebody locks is waited for a moment only', async () => {
  await bench.sql('begin; lock table kept in access exclusive mode');
  const error = await refusal(bench.ports.session.readOnly((query) => query(Value, 'select count(*)::int as value from kept')));
  await bench.sql('rollback');
  expect(error).toBeInstanceOf(DatabaseBusyError);
});

test('a lost answer says so, and the effect is there once', async () => {
  const wire = await brokenWire(bench, (sql) => sql.includes('values (7)'));
  const error = await refusal(wire.session.query(Value, 'insert into kept values (7)'));
  await wire.close();
  expect(error).toBeInstanceOf(UnknownOutcomeError);
  expect(error).toMatchObject({ isTimeout: false });
  expect(await bench.sql('select count(*)::int as rows from kept where id = 7')).toEqual([{ rows: 1 }]);
});

test('a wrong secret and a server that is not there are said as what they are', async () => {
  const elsewhere = (more: object) => sqlSession({ ...bench.environment, ...more }, dataApiClient());
  expect((await refusal(elsewhere({ STEPGATE_SECRET_ARN: `${bench.environment.STEPGATE_SECRET_ARN}x` }).query(Value, 'select 1'))).name).toBe(
    'ConfigurationError',
  );
  expect((await refusal(elsewhere({ STEPGATE_CLUSTER_ARN: `${bench.environment.STEPGATE_CLUSTER_ARN}x` }).query(Value, 'select 1'))).name).toBe(
    'DatabaseUnreachableError',
  );
});
