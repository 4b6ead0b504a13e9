import { BeginTransactionCommand, ExecuteStatementCommand, RollbackTransactionCommand } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDataApi } from '../../local/data-api/server.ts';
import { type Effect, type Fault, faultDesk } from '../../local/faults/fault-desk.ts';
import { faultyFunctions } from '../../local/faults/faulty-functions.ts';
import { openGate } from '../../local/faults/gate.ts';
import type { Face } from '../../local/http-face.ts';
import { dataClient, type LocalDatabase, localDatabase } from './data-api/local-database.ts';

const desk = faultDesk();
let db: LocalDatabase;
let gate: Face;
let killed = 0;
let crashed = 0;
beforeAll(async () => {
  db = await localDatabase();
  const killFunction = async () => {
    killed += 1;
  };
  const crashServer = async () => {
    crashed += 1;
  };
  gate = await openGate({ service: 'rdsData', url: db.url, desk, killFunction, crashServer, whenServing: async () => undefined });
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
    { ...CALL, by: null, visit: null, nth: 1 },
    { ...CALL, by: null, visit: null, nth: 2 },
  ]);
});

test.each([
  { moment: 'before', rows: 2 },
  { moment: 'after', rows: 3 },
] as const)('the second call fails $moment its effect, with an error of the service', async ({ moment, rows }) => {
  const effect = { kind: 'error', status: 400, code: 'ThrottlingException', message: 'Rate exceeded' } as const;
  expect(await inserts(3, [{ call: CALL, nth: 2, moment, effect }])).toEqual({ errors: ['', 'ThrottlingException', ''], rows });
  expect(desk.unmet()).toEqual([]);
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

test('a server that fails before a call gives its answer all the same, and one that fails behind it none', async () => {
  crashed = 0;
  const fault = (nth: number, moment: Fault['moment']) => ({ call: CALL, nth, moment, effect: { kind: 'crashed' } }) as const;
  const { errors, rows } = await inserts(2, [fault(1, 'before'), fault(2, 'after')]);
  expect({ first: errors[0], rows, crashed }).toEqual({ first: '', rows: 2, crashed: 2 });
  expect(errors[1]).toMatch(/ECONNRESET|TimeoutError|EPIPE/);
});

test("a text of the service's own answer is another one", async () => {
  desk.plan([{ call: { service: 'rdsData' }, nth: 1, moment: 'after', effect: { kind: 'answer', from: 'twenty', to: 'thirty' } }]);
  const client = dataClient(gate.url);
  const { records } = await client.send(new ExecuteStatementCommand({ ...db.address, sql: "select 'twenty'" }));
  client.destroy();
  expect(records).toEqual([[{ stringValue: 'thirty' }]]);
});

test('a call goes on behind an error that came before its answer', async () => {
  const effect = { kind: 'unawaited', status: 400, code: 'StatementTimeoutException', message: 'Request timed out' } as const;
  const { errors } = await inserts(1, [{ call: CALL, nth: 1, moment: 'before', effect }]);
  expect(errors).toEqual(['StatementTimeoutException']);
  await expect.poll(async () => (await db.execute('select count(*)::int from counted')).records?.[0]?.[0]?.longValue).toBe(1);
});

test('somebody else does something before a call comes through', async () => {
  const effect: Effect = {
    kind: 'disturbed',
    disturb: async (go) => {
      await db.execute(INSERT);
      return go();
    },
  };
  expect(await inserts(1, [{ call: CALL, nth: 1, moment: 'before', effect }])).toEqual({ errors: [''], rows: 2 });
});

test('within a visit, each attempt counts its calls anew, and a fault is met in one of them', async () => {
  const lost: Fault = { call: { service: 's3', by: 'One' }, visit: 2, nth: 2, moment: 'before', effect: { kind: 'lost' } };
  desk.plan([lost]);
  const met: string[] = [];
  const attempt = (payload: string) => {
    desk.invoked({ name: 'One', payload });
    const end = desk.working('One');
    for (const call of ['a', 'b']) if (desk.meet({ service: 's3', action: 'GET', about: call }) !== null) met.push(`${payload} ${call}`);
    end();
  };
  for (const payload of ['first', 'second', 'second', 'third']) attempt(payload);
  expect(met).toEqual(['second b']);
  expect(desk.unmet()).toEqual([]);
  expect(desk.calls().map(({ visit, nth }) => [visit, nth])).toEqual([1, 1, 2, 2, 2, 2, 3, 3].map((visit) => [visit, 1]));
});

test('a function that hangs is given up when its state does, and an earlier invocation may come through late', async () => {
  const work: string[] = [];
  const host = {
    invoke: async (name: string, payload: string) => {
      work.push(`${name} ${payload}`);
      return { ok: true, payload: '{}' } as const;
    },
    killBusy: async () => undefined,
    close: async () => undefined,
  };
  let now = 0;
  const clock = {
    now: () => new Date(now),
    waitUntil: async (until: Date) => {
      now = until.getTime();
    },
  };
  const { invoke } = faultyFunctions(host, { desk, clock, patienceSeconds: () => 60 });
  const call = { service: 'lambda', action: 'One' } as const;
  desk.plan([
    { call, nth: 1, moment: 'before', effect: { kind: 'hangs' } },
    { call, nth: 2, moment: 'before', effect: { kind: 'late', late: { name: 'Old', payload: 'old' } } },
  ]);
  expect((await invoke('One', 'first')).ok).toBe(false);
  expect(now).toBe(60_001);
  expect(await invoke('One', 'second')).toEqual({ ok: true, payload: '{}' });
  expect(work).toEqual(['Old old', 'One second']);
  expect(desk.invocations().map(({ payload }) => payload)).toEqual(['first', 'second']);
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
  const clock = { now: () => new Date(0), waitUntil: async () => undefined };
  const { invoke } = faultyFunctions(host, { desk, clock, patienceSeconds: () => 60 });
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
