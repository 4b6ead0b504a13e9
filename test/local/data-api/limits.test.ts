import { BeginTransactionCommand } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { DATA_API_LIMITS, startDataApi } from '../../../local/data-api/server.ts';
import { dataClient, type LocalDatabase, localDatabase } from './local-database.ts';

let db: LocalDatabase;
beforeAll(async () => {
  db = await localDatabase({ sqlCharacters: 200, statementMs: 400, resultBytes: 4_000, rowBytes: 1_000, requestBytes: 10_000, jsonBytes: 6_000 });
  await db.execute('create table item (id int primary key)');
});
afterAll(() => db.close());

test("the limits are AWS's", () => {
  expect(DATA_API_LIMITS).toEqual({
    sqlCharacters: 65_536,
    statementMs: 45_000,
    idleTransactionMs: 180_000,
    resultBytes: 1024 * 1024,
    rowBytes: 64 * 1024,
    requestBytes: 4 * 1024 * 1024,
    transactionMs: 86_400_000,
    jsonBytes: 10 * 1024 * 1024,
  });
});

test('a statement that takes too long is cancelled and has no effect', async () => {
  const slow = db.execute('insert into item select 1 from (select pg_sleep(20)) q');
  await expect(slow).rejects.toMatchObject({ name: 'StatementTimeoutException', $metadata: { httpStatusCode: 400 } });
  const { records } = await db.execute(
    `select (select count(*) from item where id = 1), (select count(*) from pg_stat_activity where query like 'insert%' and state = 'active')`,
  );
  expect(records?.[0]).toEqual([{ longValue: 0 }, { longValue: 0 }]);
});

test('a statement that may continue has its effect after the answer', async () => {
  const slow = db.execute('insert into item select 2 from (select pg_sleep(1)) q', { continueAfterTimeout: true });
  await expect(slow).rejects.toMatchObject({ name: 'StatementTimeoutException', message: 'Request timed out' });
  const found = async () => (await db.execute('select count(*) from item where id = 2')).records?.[0]?.[0]?.longValue;
  expect(await found()).toBe(0);
  await vi.waitFor(async () => expect(await found()).toBe(1), { timeout: 5_000, interval: 50 });
});

test.each([
  { name: 'SQL that is too long', sql: `select '${'x'.repeat(200)}'`, error: 'ValidationException' },
  { name: 'a result that is too large', sql: `select repeat('x', 100) from generate_series(1, 100)`, error: 'DatabaseErrorException' },
  { name: 'a row that is too large', sql: `select repeat('x', 1001)`, error: 'DatabaseErrorException' },
])('$name is refused', async ({ sql, error }) => {
  await expect(db.execute(sql)).rejects.toMatchObject({ name: error, $metadata: { httpStatusCode: 400 } });
});

test('JSON has a limit of its own', async () => {
  const rows = (count: number) => db.execute(`select repeat('x', 100) as x from generate_series(1, ${count})`, { formatRecordsAs: 'JSON' });
  expect(JSON.parse((await rows(50)).formattedRecords ?? '')).toHaveLength(50);
  await expect(rows(60)).rejects.toMatchObject({ name: 'BadRequestException' });
});

test('a result that is too large ends its transaction', async () => {
  const { transactionId } = await db.client.send(new BeginTransactionCommand(db.address));
  await db.execute('insert into item values (3)', { transactionId });
  await expect(db.execute(`select repeat('x', 2000)`, { transactionId })).rejects.toThrow('more than the allowed response size limit');
  await expect(db.execute('select 1', { transactionId })).rejects.toMatchObject({ name: 'TransactionNotFoundException' });
  expect((await db.execute('select count(*) from item where id = 3')).records).toEqual([[{ longValue: 0 }]]);
});

test('a request that is too large is refused', async () => {
  const parameters = [{ name: 'a', value: { stringValue: 'x'.repeat(10_000) } }];
  await expect(db.execute('select :a', { parameters })).rejects.toMatchObject({ name: 'BadRequestException' });
});

test.each([
  { name: 'a paused cluster', cluster: { status: 'resuming' }, error: 'DatabaseResumingException', status: 400 },
  { name: 'a stopped cluster', cluster: { status: 'stopped' }, error: 'InvalidResourceStateException', status: 400 },
  { name: 'a cluster without the HTTP endpoint', cluster: { httpEndpointEnabled: false }, error: 'HttpEndpointNotEnabledException', status: 400 },
  { name: 'a cluster without an instance', cluster: { port: 0 }, error: 'DatabaseNotFoundException', status: 404 },
  {
    name: 'a server that is down',
    cluster: { connection: (database: string) => ({ ...db.cluster.connection(database), port: 1 }) },
    error: 'DatabaseUnavailableException',
    status: 504,
  },
  {
    name: 'a secret with another password',
    cluster: { connection: (database: string) => ({ ...db.cluster.connection(database), password: 'wrong' }) },
    error: 'InvalidSecretException',
    status: 400,
  },
])('$name is named as such', async ({ cluster, error, status }) => {
  const dataApi = await startDataApi({ clusters: { byArn: () => ({ ...db.cluster, ...cluster }) } });
  const client = dataClient(dataApi.url);
  const call = client.send(new BeginTransactionCommand(db.address));
  await expect(call).rejects.toMatchObject({ name: error, $metadata: { httpStatusCode: status } });
  client.destroy();
  await dataApi.close();
});
