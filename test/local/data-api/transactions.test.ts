import { BeginTransactionCommand, CommitTransactionCommand, RollbackTransactionCommand } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type LocalDatabase, localDatabase } from './local-database.ts';

let db: LocalDatabase;
beforeAll(async () => {
  db = await localDatabase({ idleTransactionMs: 400, transactionMs: 1_500, statementMs: 600 });
  await db.execute('create table item (id int primary key deferrable initially immediate)');
});
afterAll(() => db.close());

async function begin(): Promise<string> {
  const { transactionId } = await db.client.send(new BeginTransactionCommand(db.address));
  return transactionId ?? '';
}

const commit = (transactionId: string) => db.client.send(new CommitTransactionCommand({ ...db.address, transactionId }));
const rollback = (transactionId: string) => db.client.send(new RollbackTransactionCommand({ ...db.address, transactionId }));
const notFound = { name: 'TransactionNotFoundException', $metadata: { httpStatusCode: 404 } };

async function count(id: number): Promise<number | undefined> {
  const { records } = await db.execute(`select count(*) from item where id = ${id}`);
  return records?.[0]?.[0]?.longValue;
}

test('a transaction is seen by others when it is committed, and then is gone', async () => {
  const transactionId = await begin();
  await db.execute('insert into item values (1)', { transactionId });
  expect(await count(1)).toBe(0);
  expect(await commit(transactionId)).toMatchObject({ transactionStatus: 'Transaction Committed' });
  expect(await count(1)).toBe(1);
  await expect(db.execute('select 1', { transactionId })).rejects.toMatchObject(notFound);
});

test('a rollback leaves nothing', async () => {
  const transactionId = await begin();
  await db.execute('insert into item values (2)', { transactionId });
  expect(await rollback(transactionId)).toMatchObject({ transactionStatus: 'Rollback Complete' });
  expect(await count(2)).toBe(0);
});

test('after an error a transaction refuses statements, and its commit is no success', async () => {
  const transactionId = await begin();
  await db.execute('insert into item values (3)', { transactionId });
  await expect(db.execute('select nothing', { transactionId })).rejects.toThrow('42703');
  await expect(db.execute('select 1', { transactionId })).rejects.toThrow('25P02');
  await expect(commit(transactionId)).rejects.toThrow('25P02');
  await expect(rollback(transactionId)).rejects.toMatchObject(notFound);
  expect(await count(3)).toBe(0);
});

test('a constraint that fails at commit is an error of the commit', async () => {
  const transactionId = await begin();
  await db.execute('set constraints all deferred', { transactionId });
  await db.execute('insert into item values (4), (4)', { transactionId });
  await expect(commit(transactionId)).rejects.toThrow('23505');
  expect(await count(4)).toBe(0);
});

test('two calls at a time in one transaction: the second is refused', async () => {
  const transactionId = await begin();
  const first = db.execute('select 1 from (select pg_sleep(0.2)) q', { transactionId });
  await vi.waitFor(async () => {
    await expect(db.execute('select 1', { transactionId })).rejects.toThrow('Transaction is still running a query');
  });
  await first;
  await rollback(transactionId);
});

test('a transaction without a call is rolled back after the idle time', async () => {
  const transactionId = await begin();
  await db.execute('insert into item values (5)', { transactionId });
  await vi.waitFor(
    async () => {
      const { records } = await db.execute(`select count(*) from pg_stat_activity where state = 'idle in transaction'`);
      expect(records?.[0]?.[0]?.longValue).toBe(0);
    },
    { timeout: 5_000, interval: 50 },
  );
  await expect(commit(transactionId)).rejects.toMatchObject(notFound);
  expect(await count(5)).toBe(0);
});

test('a transaction that lives too long is cut off although it is used', async () => {
  const transactionId = await begin();
  await vi.waitFor(
    async () => {
      await expect(db.execute('select 1', { transactionId })).rejects.toMatchObject(notFound);
    },
    { timeout: 5_000, interval: 100 },
  );
});

test('a statement in a transaction that is cancelled leaves it aborted', async () => {
  const transactionId = await begin();
  await expect(db.execute('select 1 from (select pg_sleep(20)) q', { transactionId })).rejects.toMatchObject({ name: 'StatementTimeoutException' });
  await expect(db.execute('select 1', { transactionId })).rejects.toThrow('25P02');
  await rollback(transactionId);
});

test('a COMMIT sent as a statement ends the transaction', async () => {
  const transactionId = await begin();
  await db.execute('insert into item values (6)', { transactionId });
  await db.execute('commit', { transactionId });
  await expect(rollback(transactionId)).rejects.toMatchObject(notFound);
  expect(await count(6)).toBe(1);
});

test('a transaction whose backend was ended is not found', async () => {
  const transactionId = await begin();
  const { records } = await db.execute('select pg_backend_pid()', { transactionId });
  await db.execute(`select pg_terminate_backend(${records?.[0]?.[0]?.longValue}, 5000)`);
  await vi.waitFor(() => expect(db.execute('select 1', { transactionId })).rejects.toMatchObject(notFound));
});

test('another database than the transaction is refused', async () => {
  const transactionId = await begin();
  await expect(db.execute('select 1', { transactionId, database: 'postgres' })).rejects.toMatchObject({ name: 'ValidationException' });
  await rollback(transactionId);
});
