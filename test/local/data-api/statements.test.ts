import { BatchExecuteStatementCommand, type ColumnMetadata, type Field, type SqlParameter } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalDatabase, localDatabase } from './local-database.ts';

let db: LocalDatabase;
beforeAll(async () => {
  db = await localDatabase();
  await db.execute(`create type mood as enum ('fine', 'bad')`);
  await db.execute(
    'create table item (id bigint primary key, token uuid, doc jsonb, note text, data bytea, at timestamptz, on_day date, price numeric(10,2), done boolean)',
  );
});
afterAll(() => db.close());

async function value(sql: string, input: Parameters<LocalDatabase['execute']>[1] = {}): Promise<Field | undefined> {
  return (await db.execute(sql, input)).records?.[0]?.[0];
}

test.each<{ sql: string; field: Field }>([
  { sql: 'select true', field: { booleanValue: true } },
  { sql: 'select 7::int2', field: { longValue: 7 } },
  { sql: 'select 7', field: { longValue: 7 } },
  { sql: 'select 7::int8', field: { longValue: 7 } },
  { sql: 'select 1.5::float8', field: { doubleValue: 1.5 } },
  { sql: `select 'NaN'::float8`, field: { doubleValue: Number.NaN } },
  { sql: 'select 1.50::numeric', field: { stringValue: '1.50' } },
  { sql: `select 'a"b'::text`, field: { stringValue: 'a"b' } },
  { sql: `select 'x'::name`, field: { stringValue: 'x' } },
  { sql: `select '\\x0102'::bytea`, field: { blobValue: new Uint8Array([1, 2]) } },
  { sql: `select '{"a": [1, "b  c"]}'::jsonb`, field: { stringValue: '{"a":[1,"b  c"]}' } },
  { sql: `select '{"a": 1}'::json`, field: { stringValue: '{"a": 1}' } },
  { sql: `select '2026-02-03'::date`, field: { stringValue: '2026-02-03' } },
  { sql: `select '2026-02-03 04:05:06.789+02'::timestamptz`, field: { stringValue: '2026-02-03 02:05:06.789' } },
  { sql: `select '10.0.0.1'::inet`, field: { stringValue: '10.0.0.1' } },
  { sql: `select 'fine'::mood`, field: { stringValue: 'fine' } },
  { sql: 'select null::int', field: { isNull: true } },
  { sql: 'select array[1, null, 3]', field: { arrayValue: { longValues: [1, null, 3] as number[] } } },
  { sql: `select array['a', 'b "c"', null, 'NULL']`, field: { arrayValue: { stringValues: ['a', 'b "c"', null, 'NULL'] as string[] } } },
  { sql: 'select array[true, false]', field: { arrayValue: { booleanValues: [true, false] } } },
  { sql: `select '{}'::text[]`, field: { arrayValue: { stringValues: [] } } },
])('$sql has its place in the Field union', async ({ sql, field }) => {
  expect(await value(sql)).toMatchObject(field);
});

test('a bigint keeps all its digits in and out, as a string when asked', async () => {
  const options = { resultSetOptions: { longReturnType: 'STRING' } } as const;
  expect(await value('select 9007199254740993', options)).toEqual({ stringValue: '9007199254740993' });
  const body = JSON.stringify({ ...db.address, sql: 'select :n' }).replace(
    /}$/,
    ',"parameters":[{"name":"n","value":{"longValue":9007199254740993}}]}',
  );
  const answer = await fetch(`${db.url}/Execute`, { method: 'POST', body });
  expect(await answer.text()).toContain('{"longValue":9007199254740993}');
});

test('decimals are numbers when asked', async () => {
  const options = { resultSetOptions: { decimalReturnType: 'DOUBLE_OR_LONG' } } as const;
  expect(await value('select 1.25::numeric', options)).toEqual({ doubleValue: 1.25 });
  expect(await value('select 12::numeric', options)).toEqual({ longValue: 12 });
});

test.each([
  'select pg_sleep(0)',
  `select 'pg_class'::regclass`,
  `select 'a'::"char"`,
  `select interval '1 day'`,
  `select '1'::money`,
  `select '5'::xid`,
  'select point(1, 2)',
  `select '10:00+02'::timetz`,
  'select array[[1], [2]]',
  'select row(1, 2)',
  `select int4range(1, 2)`,
])('%s is a result that is not supported', async (sql) => {
  await expect(db.execute(sql)).rejects.toMatchObject({ name: 'UnsupportedResultException', $metadata: { httpStatusCode: 400 } });
});

test('a statement whose result is not supported has had its effect', async () => {
  await expect(db.execute(`insert into item (id) values (900) returning '1 day'::interval`)).rejects.toThrow('unsupported');
  expect(await value('select id from item where id = 900')).toEqual({ longValue: 900 });
});

test('every kind of parameter arrives, with hints where the column wants them', async () => {
  const parameters: SqlParameter[] = [
    { name: 'id', value: { longValue: 1 } },
    { name: 'token', value: { stringValue: '3b241101-e2bb-4255-8caf-4136c566a962' }, typeHint: 'UUID' },
    { name: 'doc', value: { stringValue: '{"a":1}' }, typeHint: 'JSON' },
    { name: 'note', value: { stringValue: "it's" } },
    { name: 'data', value: { blobValue: new Uint8Array([0, 255]) } },
    { name: 'at', value: { stringValue: '2026-02-03 04:05:06.789' }, typeHint: 'TIMESTAMP' },
    { name: 'day', value: { stringValue: '2026-02-03' }, typeHint: 'DATE' },
    { name: 'price', value: { stringValue: '12.30' }, typeHint: 'DECIMAL' },
    { name: 'done', value: { isNull: true } },
  ];
  const inserted = await db.execute('insert into item values (:id, :token, :doc, :note, :data, :at, :day, :price, :done)', { parameters });
  expect(inserted).toMatchObject({ numberOfRecordsUpdated: 1, generatedFields: [] });
  expect(inserted.records).toBeUndefined();
  const read = await db.execute('select token, doc, note, data, at, on_day, price, done from item where id = :id', { parameters });
  expect(read).toMatchObject({
    numberOfRecordsUpdated: 0,
    records: [
      [
        { stringValue: '3b241101-e2bb-4255-8caf-4136c566a962' },
        { stringValue: '{"a":1}' },
        { stringValue: "it's" },
        { blobValue: new Uint8Array([0, 255]) },
        { stringValue: '2026-02-03 04:05:06.789' },
        { stringValue: '2026-02-03' },
        { stringValue: '12.30' },
        { isNull: true },
      ],
    ],
  });
});

test('a string without a hint does not fit a uuid column', async () => {
  const parameters = [{ name: 'token', value: { stringValue: '3b241101-e2bb-4255-8caf-4136c566a962' } }];
  await expect(db.execute('update item set token = :token', { parameters })).rejects.toThrow('SQLState: 42804');
});

test('an error names position, detail and SQLSTATE', async () => {
  await db.execute('insert into item (id) values (50)');
  await expect(db.execute('insert into item (id) values (50)')).rejects.toMatchObject({
    name: 'DatabaseErrorException',
    message: 'ERROR: duplicate key value violates unique constraint "item_pkey"\n  Detail: Key (id)=(50) already exists.; SQLState: 23505',
  });
  await expect(db.execute('select nothing')).rejects.toThrow('ERROR: column "nothing" does not exist; Position: 8; SQLState: 42703');
});

test('only one statement goes in a call', async () => {
  await expect(db.execute('select 1; select 2')).rejects.toMatchObject({ name: 'ValidationException', message: "Multistatements aren't supported" });
  expect(await value('select 1;')).toEqual({ longValue: 1 });
  expect(await value(`select ';' || $$;$$`)).toEqual({ stringValue: ';;' });
});

test('a comment in front reaches the server as it is', async () => {
  const [row] =
    (await db.execute('/* run/phase 1 */ select query, application_name from pg_stat_activity where pid = pg_backend_pid()')).records ?? [];
  expect(row?.[0]?.stringValue).toMatch(/^\/\* run\/phase 1 \*\/ select/);
  expect(row?.[1]).toEqual({ stringValue: 'rds-data-api' });
});

test('metadata describes the columns when asked', async () => {
  const { columnMetadata } = await db.execute('select 1.5::numeric(6,2) as price, array[1] as list', { includeResultMetadata: true });
  expect(columnMetadata).toMatchObject<ColumnMetadata[]>([
    { name: 'price', label: 'price', typeName: 'numeric', type: 2, precision: 6, scale: 2 },
    { name: 'list', typeName: '_int4', type: 2003, arrayBaseColumnType: 4 },
  ]);
});

test('records come as one JSON text when asked', async () => {
  const { formattedRecords, records } = await db.execute(`select 1 as n, 'a' as s, null as z, array[1,2] as l, true as b`, {
    formatRecordsAs: 'JSON',
  });
  expect(JSON.parse(formattedRecords ?? '')).toEqual([{ n: 1, s: 'a', z: null, l: [1, 2], b: true }]);
  expect(records).toBeUndefined();
  await expect(db.execute('select 1 as n, 2 as n', { formatRecordsAs: 'JSON' })).rejects.toMatchObject({ name: 'BadRequestException' });
});

test('a batch runs one statement with each set of parameters', async () => {
  const sets = [60, 61].map((id) => [{ name: 'id', value: { longValue: id } }]);
  const batch = new BatchExecuteStatementCommand({ ...db.address, sql: 'insert into item (id) values (:id)', parameterSets: sets });
  expect((await db.client.send(batch)).updateResults).toEqual([{ generatedFields: [] }, { generatedFields: [] }]);
  expect(await value('select count(*) from item where id in (60, 61)')).toEqual({ longValue: 2 });
});

test('calls after each other meet different backends, and a setting leaks', async () => {
  const pids = new Set<number | undefined>();
  for (let call = 0; call < 3; call += 1) pids.add((await value('select pg_backend_pid()'))?.longValue);
  expect(pids.size).toBe(3);
  await db.execute(`set stepgate.leaked = 'yes'`);
  const seen = new Set<string | undefined>();
  for (let call = 0; call < 3; call += 1) seen.add((await value(`select coalesce(current_setting('stepgate.leaked', true), 'no')`))?.stringValue);
  expect(seen).toEqual(new Set(['yes', 'no']));
});

test.each(['vacuum item', 'create index concurrently item_note on item (note)', `alter type mood add value 'well'`])(
  '%s runs by itself',
  async (sql) => {
    await expect(db.execute(sql)).resolves.toMatchObject({ numberOfRecordsUpdated: 0 });
  },
);

test('a BEGIN outside a transaction leaves none behind', async () => {
  await db.execute('begin');
  const open = `select count(*) from pg_stat_activity where state like 'idle in transaction%'`;
  expect(await value(open)).toEqual({ longValue: 0 });
});

test('COPY from the client fails and the backend stays usable', async () => {
  for (let call = 0; call < 4; call += 1) await expect(db.execute('copy item from stdin')).rejects.toMatchObject({ name: 'DatabaseErrorException' });
  expect(await value('select 1')).toEqual({ longValue: 1 });
});

test.each([
  { name: 'a schema', input: { schema: 'public' }, error: 'ValidationException', status: 400 },
  {
    name: 'another cluster',
    input: { resourceArn: 'arn:aws:rds:eu-central-1:000000000000:cluster:other' },
    error: 'DatabaseNotFoundException',
    status: 404,
  },
  { name: 'a database that is not there', input: { database: 'nothing' }, error: 'DatabaseNotFoundException', status: 404 },
  {
    name: 'another secret',
    input: { secretArn: 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:other' },
    error: 'SecretsErrorException',
    status: 400,
  },
  { name: 'a transaction that is not there', input: { transactionId: 'none' }, error: 'TransactionNotFoundException', status: 404 },
])('$name is refused', async ({ input, error, status }) => {
  await expect(db.execute('select 1', input)).rejects.toMatchObject({ name: error, $metadata: { httpStatusCode: status } });
});

test('an operation that is not built answers 501 and says where to look', async () => {
  const answer = await fetch(`${db.url}/ExecuteSql`, { method: 'POST', body: '{}' });
  expect(answer.status).toBe(501);
  expect(await answer.text()).toContain('docs/parity.md');
});
