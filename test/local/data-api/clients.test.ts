import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/aws-data-api/pg';
import { bigint, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalDatabase, localDatabase } from './local-database.ts';

const hasAwsCli = spawnSync('aws', ['--version']).status === 0;

const items = pgTable('item', {
  id: bigint({ mode: 'number' }).primaryKey(),
  token: uuid(),
  doc: jsonb(),
  note: text(),
  at: timestamp({ mode: 'string' }),
});

let db: LocalDatabase;
beforeAll(async () => {
  db = await localDatabase();
  await db.execute('create table item (id bigint primary key, token uuid, doc jsonb, note text, at timestamp)');
});
afterAll(() => db.close());

test('drizzle inserts, reads, updates and keeps transactions', async () => {
  const orm = drizzle(db.client, db.address);
  const item = { id: 1, token: '3b241101-e2bb-4255-8caf-4136c566a962', doc: { a: [1] }, note: null, at: '2026-02-03 04:05:06.789' };
  await orm.insert(items).values(item);
  expect(await orm.select().from(items)).toEqual([item]);
  await orm.transaction(async (outer) => {
    await outer.update(items).set({ note: 'kept' }).where(eq(items.id, 1));
    await outer
      .transaction(async (inner) => {
        await inner.update(items).set({ note: 'lost' });
        inner.rollback();
      })
      .catch(() => undefined);
  });
  expect(await orm.select({ note: items.note }).from(items)).toEqual([{ note: 'kept' }]);
  await expect(orm.insert(items).values(item)).rejects.toMatchObject({ cause: { name: 'DatabaseErrorException' } });
});

test.skipIf(!hasAwsCli)('the AWS CLI executes a statement (skipped where there is no aws on the PATH)', async () => {
  const { resourceArn, secretArn, database } = db.address;
  const names = [
    '--resource-arn',
    resourceArn,
    '--secret-arn',
    secretArn,
    '--database',
    database,
    '--endpoint-url',
    db.url,
    '--region',
    'eu-central-1',
  ];
  const env = { ...process.env, AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_PAGER: '', AWS_MAX_ATTEMPTS: '1' };
  const run = (sql: string) =>
    promisify(execFile)('aws', ['rds-data', 'execute-statement', ...names, '--include-result-metadata', '--sql', sql], { env });
  expect(JSON.parse((await run(`select 7 as n, 'x' as s`)).stdout)).toMatchObject({
    records: [[{ longValue: 7 }, { stringValue: 'x' }]],
    columnMetadata: [{ label: 'n' }, { label: 's' }],
  });
  await expect(run('select nothing')).rejects.toThrow(/DatabaseErrorException.*SQLState: 42703/s);
});
