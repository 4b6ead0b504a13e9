import { BeginTransactionCommand, ExecuteStatementCommand, RollbackTransactionCommand } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataApi } from '../../local/data-api/server.ts';
import { type Fault, faultDesk } from '../../local/faults/fault-desk.ts';
import { faultyFunctions } from '../../local/faults/faulty-functions.ts';
import { openGate } from '../../local/faults/gate.ts';
import type { Face } from '../../local/http-face.ts';
import { dataClient, type LocalDatabase, localDatabase } from './data-api/local-database.ts';

const desk = faultDesk();
let db: LocalDatabase;
let gate: Face;
let killed = 0;
beforeAll(async () => {
  db = await localDatabase();
  const killFunction = async () => {
    killed += 1;
  };
  gate = await openGate({ service: 'rdsData', url: db.url, desk, killFunction });
  await db.execute('create table counted (n int)');
});
afterAll(async () => {
  await gate?.close();
  await db?.close();
});

const INSERT = 'insert into counted values (1)';
const CALL = { service: 'rdsData', action: 'ExecuteStatement', about: INSERT } as const;

/** Each insert is a call; gives the names of the errors, '' for none, and how many rows came. */
async function inserts(number: number, faults: readonly Fault[]): Promise<{ readonly errors: readonly string[]; readonly rows: number }> {
  await db.execute('truncate counted');
  desk.plan(faults);
  const client = dataClient(gate.url);
  const errors: string[] = [];
  for (let n = 0; n < number; n += 1) {
    await client.send(new ExecuteStatementCommand({ ...db.address, sql: INSERT })).then(
      () => errors.push(''),
      (error: Error & { code?: string }) => errors.push(error.code ?? error.name),
    );
  }
  client.destroy();
  const { records } = await db.execute('select count(*)::int from counted');
  return { errors, rows: records?.[0]?.[0]?.longValue ?? -1 };
}

test('a call without a fault goes through, and is noted', async () => {
  expect(await inserts(2, [])).toEqual({ errors: ['', ''], rows: 2 });
  expect(desk.calls()).toEqual([
    { ...CALL, by: null },
    { ...CALL, by: null },
  ]);
});

test.each([
  { moment: 'before', rows: 2 },
  { moment: 'after', rows: 3 },
] as const)('the second call fails $moment its effect, with an error of the service', async ({ moment, rows }) => {
  const effect = { kind: 'error', status: 400, code: 'ThrottlingException', message: 'Rate exceeded' } as const;
  expect(await inserts(3, [{ call: CALL, nth: 2, moment, effect }])).toEqual({ errors: ['', 'ThrottlingException', ''], rows });
  expect(desk.met()).toBe(1);
});

test.each([
  { moment: 'before', rows: 0 },
  { moment: 'after', rows: 2 },
] as const)('two answers are lost $moment the effect', async ({ moment, rows }) => {
  const { errors, rows: found } = await inserts(2, [{ call: { service: 'rdsData' }, nth: 1, times: 2, moment, effect: { kind: 'lost' } }]);
  expect(errors.every((error) => /ECONNRESET|TimeoutError|EPIPE/.test(error))).toBe(true);
  expect(found).toBe(rows);
});

test('the function that makes a call is ended with it', async () => {
  await inserts(1, [{ call: CALL, nth: 1, moment: 'after', effect: { kind: 'killed' } }]);
  expect(killed).toBe(1);
});

test('a function dies before or after its work, or works twice', async () => {
  const work: string[] = [];
  const host = {
    invoke: async (name: string) => {
      work.push(`${name} by ${desk.meet({ service: 's3', action: 'GET', about: '/' }) ?? desk.calls().at(-1)?.by}`);
      return { ok: true, payload: '{}' } as const;
    },
    killBusy: async () => undefined,
    close: async () => undefined,
  };
  const { invoke } = faultyFunctions(host, desk);
  const call = { service: 'lambda', action: 'One' } as const;
  desk.plan([
    { call, nth: 1, moment: 'before', effect: { kind: 'dies' } },
    { call, nth: 2, moment: 'after', effect: { kind: 'times-out' } },
    { call, nth: 3, moment: 'before', effect: { kind: 'twice' } },
  ]);
  const answers = [
    await invoke('One', '{}'),
    await invoke('One', '{}'),
    await invoke('arn:aws:lambda:x:0:function:One', '{}'),
    await invoke('Two', '{}'),
  ];
  expect(answers.map((answer) => (answer.ok ? answer.payload : answer.error))).toEqual(['Lambda.Unknown', 'Sandbox.Timedout', '{}', '{}']);
  expect(work).toEqual(['One by One', 'One by One', 'One by One', 'Two by Two']);
});

test('time stays real while a transaction is open, or a statement goes on that nobody waits for', async () => {
  let held = 0;
  const hold = () => {
    held += 1;
    return () => {
      held -= 1;
    };
  };
  const dataApi = await startDataApi({ clusters: { byArn: () => db.cluster }, limits: { statementMs: 50 }, hold });
  const client = dataClient(dataApi.url);
  const { transactionId } = await client.send(new BeginTransactionCommand(db.address));
  expect(held).toBe(1);
  await client.send(new RollbackTransactionCommand({ ...db.address, transactionId }));
  expect(held).toBe(0);
  await db.execute('select pg_advisory_lock(7)::text');
  const waiting = client.send(
    new ExecuteStatementCommand({ ...db.address, sql: 'select pg_advisory_xact_lock(7)::text', continueAfterTimeout: true }),
  );
  await expect(waiting).rejects.toMatchObject({ name: 'StatementTimeoutException' });
  expect(held).toBe(1);
  await db.execute("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted");
  await expect.poll(() => held).toBe(0);
  client.destroy();
  await dataApi.close();
});
