import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DatabaseBusyError, StatementFailedError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { giveWay } from '../../../lambdas/middleware/give-way.ts';
import { runBackfill } from '../../../lambdas/phases/run-backfill.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { beginRun, deploy, emptyPlanDatabase, entries, oneTransfer, refusal, until } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
const clients: Client[] = [];
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench));
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
});

const SOURCE = "create table source (id int primary key, note text); insert into source select i, 'note ' || i from generate_series(1, 300) i;";

/** A run that has made its target; the triggers of the sync are another state's. */
async function readyToCopy({
  sync = 'forward',
  source = SOURCE,
  isInstalled = true,
  quarantine = '',
} = {}): Promise<ChangingEnvelope & { readonly phase: string }> {
  await bench.sql(source);
  const plan = await deploy(
    bench,
    oneTransfer('create table target (id int primary key, note text);\n', '', {
      '2-copy/rows.sql': `--! into: target\n--! from: source\n--! key: id\n--! sync: ${sync}\n${quarantine}select s.id, s.note from source s;\n`,
    }),
  );
  const run = await beginRun(bench, plan, { id: `live-${randomUUID()}` });
  await runPhase(bench.ports)({ ...run, phase: 'schema' });
  if (isInstalled)
    await bench.sql("insert into stepgate.sync (plan, phase, transfer, side, settled_at) values ('small', 'copy', 'rows', 'source', now())");
  return { ...run, phase: 'copy' };
}

async function another(): Promise<Client> {
  const client = await bench.connect();
  clients.push(client);
  return client;
}

test('a row that a trigger brought first stays as it is, and its phase is not done with the last batch', async () => {
  const work = await readyToCopy();
  await bench.sql("insert into target values (7, 'newer')");
  for (let time = 0; time < 2; time += 1) expect(await runBackfill(bench.ports)(work)).toEqual({ done: true, transfer: null, rows: 0 });
  expect(await bench.sql("select count(*)::int as rows, count(*) filter (where note = 'newer')::int as newer from target")).toEqual([
    { rows: 300, newer: 1 },
  ]);
  expect(await bench.sql("select applied_at from stepgate.phase where phase = 'copy'")).toEqual([{ applied_at: null }]);
});

test('a target that held rows before its sync was installed is refused', async () => {
  const work = await readyToCopy({ isInstalled: false });
  await bench.sql("insert into target values (7, 'of somebody')");
  const error = await refusal(runBackfill(bench.ports)(work));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('already holds rows');
});

test('a batch waits for no row of the source, and no sync carries on what it or its undo writes', async () => {
  const work = await readyToCopy();
  await bench.sql(`create function said() returns trigger language plpgsql as $$ begin new.note := current_setting('stepgate.guard'); return new; end $$;
create trigger said before insert on target for each row execute function said();
create table gone (guard text);
create function gone() returns trigger language plpgsql as $$ begin insert into gone values (current_setting('stepgate.guard')); return null; end $$;
create trigger gone after delete on target execute function gone()`);
  const application = await another();
  await application.query('begin; select from source for update');
  expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  await application.query('commit');
  expect(await bench.sql('select distinct note from target')).toEqual([{ note: '*' }]);
  expect(await undoPhase(bench.ports)(work)).toEqual({ next: 'decide' });
  expect(await bench.sql('select distinct guard from gone')).toEqual([{ guard: '*' }]);
});

test.each([
  { sync: 'none', batches: 1 },
  { sync: 'forward', batches: 2 },
])('the first batch with sync $sync leaves room for an application or takes what it can', async ({ sync, batches }) => {
  const work = await readyToCopy({ sync, source: SOURCE.replace('300', '600'), isInstalled: sync !== 'none' });
  expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
  expect(await entries(bench, work, 'transfer')).toMatchObject([{ rows: 600, batches }]);
});

/** An application that waits behind something that bears a run's label. */
async function waitingApplication(): Promise<Client> {
  await bench.sql('create table busy (id int primary key); insert into busy values (1)');
  const [holder, waiter] = [await another(), await another()];
  await holder.query("set application_name = 'stepgate/other/rows up'; begin; select from busy for update");
  // Refused when the holder's connection goes.
  waiter.query('select from busy for update').catch(() => undefined);
  await until(bench, "exists (select from pg_locks where not granted and locktype = 'transactionid')");
  return holder;
}

test('a batch gives way to an application that waits, and says so while it does and afterwards', async () => {
  const work = await readyToCopy();
  const holder = await waitingApplication();
  const seen: unknown[] = [];
  const pause = async () => {
    seen.push(...(await bench.sql("select pausing_for from stepgate.transfer where transfer = 'rows'")));
    if (seen.length === 2) {
      await holder.query('commit');
      await until(bench, 'not exists (select from pg_locks where not granted)');
    }
  };
  // The first batch has no cursor yet to say it by.
  await bench.sql(`insert into stepgate.phase (plan, phase, ordinal, digest, run_id) select 'small', 'copy', 2, 'x', '${work.run.id}'`);
  await bench.sql("insert into stepgate.transfer (plan, phase, transfer, direction) values ('small', 'copy', 'rows', 'up')");
  const because = '1 session waiting for a lock of the run';
  expect(await runBackfill({ ...bench.ports, pause })(work)).toEqual({ done: true, transfer: null, rows: 0, paused: because });
  expect(seen).toEqual([{ pausing_for: because }, { pausing_for: because }]);
  expect(await bench.sql('select pausing_for, paused_ms::int from stepgate.transfer')).toEqual([{ pausing_for: null, paused_ms: 2000 }]);
  expect(await entries(bench, work, 'transfer')).toMatchObject([{ rows: 300, pausedMs: 2000 }]);
});

test('a server that is always busy gets its batches all the same, after half a minute', async () => {
  const work = await readyToCopy();
  await waitingApplication();
  let pausedMs = 0;
  const pause = async (ms: number) => {
    pausedMs += ms;
  };
  expect(await runBackfill({ ...bench.ports, pause })(work)).toMatchObject({ done: true });
  // Before each of two batches, of half as many rows as one would have, and before the one that finds no more.
  expect(pausedMs).toBe(90_000);
});

test('a batch that meets a row of an open transaction gives way, and comes again', async () => {
  const work = await readyToCopy();
  const application = await another();
  await application.query("begin; insert into target values (7, 'newer')");
  let pauses = 0;
  const pause = async () => {
    pauses += 1;
    if (pauses === 2) await application.query('commit');
  };
  expect(await runBackfill({ ...bench.ports, pause })(work)).toMatchObject({ done: true, paused: 'a row that somebody holds' });
  expect(pauses).toBe(2);
  expect(await bench.sql('select note from target where id = 7')).toEqual([{ note: 'newer' }]);
});

test('what keeps a batch back for longer than half a minute, or is no lock, is an error of the state', async () => {
  const place = { isOver: () => false, notePause: async () => undefined };
  const { afterError } = giveWay({ ...bench.ports, pause: async () => undefined });
  const [busy, failed] = [new DatabaseBusyError('a lock did not come'), new StatementFailedError('no such column')];
  expect(await afterError(place, busy, 29_000)).toEqual({ because: 'a row that somebody holds', ms: 1000 });
  for (const [error, waitedMs] of [
    [busy, 30_000],
    [failed, 0],
  ] as const)
    expect(() => afterError(place, error, waitedMs)).toThrow(error);
});

test.each([
  { quarantine: '', because: 'in a statement' },
  { quarantine: "--! quarantine when: note = 'bad'\n", because: 'row by row' },
])(
  'a batch whose rows refer to one that waits for a repair leaves them to the repair, $because; one that waits for nothing fails or is set aside',
  async ({ quarantine }) => {
    const work = await readyToCopy({ quarantine });
    await bench.sql(`create table parents (id int primary key); insert into parents select generate_series(2, 300);
alter table target add constraint parent foreign key (id) references parents deferrable initially deferred`);
    if (quarantine === '') {
      expect((await refusal(runBackfill(bench.ports)(work))).message).toMatch(/violates foreign key constraint "parent"; SQLState: 23503/);
    }
    await bench.sql(
      "insert into stepgate.sync_journal (plan, transfer, side, key, op, reason) values ('small', 'parents', 'source', '1', 'insert', 'isolation')",
    );
    expect(await runBackfill(bench.ports)(work)).toMatchObject({ done: true });
    expect(await bench.sql('select count(*)::int as rows from stepgate.quarantine')).toEqual([{ rows: 0 }]);
    const [left] = await bench.sql<{ keys: readonly string[] }>(
      "select array_agg(key order by key::int) as keys from stepgate.sync_journal where transfer = 'rows' and (side, op, reason, columns, sql_state) = ('source', 'update', 'failed', '{}', '23503')",
    );
    expect(left?.keys.length).toBe(quarantine === '' ? 300 : 1);
    expect(left?.keys[0]).toBe('1');
  },
);
