import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ledgerLock } from '../../../adapters/run-lock.ts';
import { syncLedger } from '../../../adapters/sync-ledger.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import { preflight } from '../../../lambdas/gates/preflight.ts';
import { catchUp } from '../../../lambdas/phases/catch-up.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { startSync } from '../../../lambdas/phases/start-sync.ts';
import { stopSync } from '../../../lambdas/phases/stop-sync.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../../lambdas/rollback/verify-undo.ts';
import { LIVE_PLAN, LIVE_SOURCE } from '../../support/live-plan.ts';
import {
  beginMeasuredRun,
  beginRun,
  type Deployed,
  deploy,
  emptyPlanDatabase,
  entries,
  refusal,
  retried,
  takeStep,
} from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

// The states: 'lambdas/phases/start-sync.ts', 'lambdas/phases/catch-up.ts', 'lambdas/phases/stop-sync.ts'.

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, LIVE_PLAN, 'live');
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, LIVE_SOURCE));

/** Another interpreter of the mapping than the compared one: what the application would see on each side. */
const MAPPED = `select count(*)::int as differences from (
  (select p.id, p.name, p.email::text, t.zip, p.seen from people p left join towns t using (city) except select id, full_name, email, zip, seen from customers where deleted_at is null)
  union all (select id, full_name, email, zip, seen from customers where deleted_at is null except select p.id, p.name, p.email::text, t.zip, p.seen from people p left join towns t using (city))
) c`;
const LEADS = `select count(*)::int as differences from (
  (select id, id, tag from people where tag is not null except select id, customer_id, tag from leads) union all
  (select id, customer_id, tag from leads except select id, id, tag from people where tag is not null)) l`;
const CALLS = `select count(*)::int as differences from (
  (select id, person_id, said from calls except select id, customer_id, said from customer_calls) union all
  (select id, customer_id, said from customer_calls except select id, person_id, said from calls)) c`;

async function differences(): Promise<readonly number[]> {
  const found: number[] = [];
  for (const sql of [MAPPED, LEADS, CALLS]) found.push((await bench.sql<{ differences: number }>(sql))[0]?.differences ?? -1);
  return found;
}

/** What an application does between two states, each time to other rows: all kinds of statements, both isolation levels. */
async function workOnTheOldSide(round: number): Promise<void> {
  const id = round * 10 + 1;
  await bench.sql(
    `insert into people (name, email, city, tag) values ('New ${round}', 'n${round}@example.org', 'Bonn', 'lead'), ('Other ${round}', null, null, null)`,
  );
  await bench.sql(`update people set name = 'Renamed ${round}', city = 'Köln' where id = ${id}`);
  await bench.sql(`update people set tag = case when tag is null then 'lead' end where id between ${id + 1} and ${id + 3}`);
  await bench.sql(`delete from people where id = ${id + 4}`);
  await bench.sql(
    `begin isolation level repeatable read; update people set email = 'rr${round}@example.org' where id = ${id + 5}; delete from people where id = ${id + 6}; commit`,
  );
  await bench.sql(`begin; delete from calls where person_id = ${id + 7}; update people set id = ${-round} where id = ${id + 7}; commit`);
  await bench.sql(`insert into calls (person_id, said) values (${id}, 'round ${round}')`);
  await bench.sql(`update towns set zip = '${50_000 + round}' where city = 'Köln'`);
}

/** A whole run, with work before each step; gives the kinds of its steps. */
async function runLive(run: ChangingEnvelope, work: (round: number) => Promise<void>): Promise<readonly string[]> {
  const kinds: string[] = [];
  for (let step = await nextStep(bench.ports)(run); step.phase !== null; step = await nextStep(bench.ports)(run)) {
    kinds.push(step.kind);
    await work(kinds.length);
    await takeStep(bench.ports, { ...run, phase: step.phase }, step.kind);
  }
  await verifyTarget(bench.ports)({ ...run, progress: null });
  await completeRun(bench.ports)(run);
  await ledgerLock(bench.ports.session).release(run.run.id, run.run.token);
  return kinds;
}

async function rollBack(run: ChangingEnvelope): Promise<void> {
  for (;;) {
    const step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
    if (step.kind !== 'undo') break;
    await retried(() => undoPhase(bench.ports)({ ...run, phase: step.phase }));
  }
  for (;;) {
    const { done } = await verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED });
    if (done) return;
  }
}

test('a run whose application never stops writing loses no write, on either side, there and back', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'live' });
  expect(await runLive(run, workOnTheOldSide)).toEqual(['transaction', 'sync', 'transfer', 'catch-up', 'way-back', 'transaction']);
  expect(await differences()).toEqual([0, 0, 0]);

  // The application works on the new side now, old versions of it on the old.
  await bench.sql(`update customers set full_name = 'By the new side', email = 'new@example.org' where id = 100`);
  await bench.sql(`update people set city = 'Bonn' where id = 100`);
  await bench.sql(
    `insert into customers (id, full_name, seen) values (20001, 'Native', now()); insert into customer_calls (id, customer_id, said) values (20001, 20001, 'hello')`,
  );
  await bench.sql(`update customers set deleted_at = now() where id = 120`);
  await bench.sql(
    `update customers set phone = '+49 228 1' where id = 101; insert into leads (id, customer_id, tag, note) values (20002, 101, 'second', 'mine')`,
  );
  expect(await bench.sql(`select name, email, city from people where id in (100, 20001) order by id`)).toEqual([
    { name: 'By the new side', email: 'new@example.org', city: 'Bonn' },
    { name: 'Native', email: null, city: null },
  ]);
  expect(await bench.sql('select id from people where id = 120')).toEqual([]);
  const before = await bench.sql('select * from people order by id');
  const calls = await bench.sql('select * from calls order by id');

  const back = await beginRun(bench, plan, { id: 'back', mode: 'rollback' });
  await rollBack(back);
  expect(await bench.sql('select * from people order by id')).toEqual(before);
  expect(await bench.sql('select * from calls order by id')).toEqual(calls);
  const [left] = await bench.sql<{ triggers: number; tables: number }>(
    "select (select count(*)::int from pg_trigger where tgname ~ 'stepgate') as triggers, (select count(*)::int from pg_class where relname in ('customers', 'leads', 'customer_calls')) as tables",
  );
  expect(left).toEqual({ triggers: 0, tables: 0 });
  const kept = await bench.sql<{ table_name: string; image: { id: number } }>(
    'select table_name, image from stepgate_archive.row order by table_name',
  );
  expect(kept.map(({ table_name, image }) => [table_name, image.id])).toEqual([
    ['public.customers', 101],
    ['public.leads', 20002],
  ]);
});

const archived = () =>
  bench.sql<{ of: string }>(
    "select table_name || ' ' || coalesce(image ->> 'id', '') as of from stepgate_archive.row order by table_name, (image ->> 'id')::bigint",
  );

/** Goes back, phase by phase, as soon as a first visit of UndoPhase that has no time has begun the undo of `copy` and the application has worked. */
async function rollBackWhile(run: ChangingEnvelope, work: () => Promise<void>): Promise<void> {
  let nowMs = 0;
  const hurried = { ...bench.ports, clockMs: () => (nowMs += 3_600_000) };
  for (;;) {
    const step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
    if (step.phase === 'copy') break;
    await retried(() => undoPhase(bench.ports)({ ...run, phase: step.phase ?? '' }));
  }
  expect(await retried(() => undoPhase(hurried)({ ...run, phase: 'copy' }))).toEqual({ next: 'undo' });
  await work();
  await Promise.all([1, 2].map(() => retried(() => undoPhase(bench.ports)({ ...run, phase: 'copy' }))));
  await rollBack(run);
}

test('a rollback keeps only what the new side has of its own, while the application goes on on the old side', async () => {
  await runLive(await beginMeasuredRun(bench, plan, { id: 'live' }), async () => undefined);
  await bench.sql(`update customers set phone = '+49 228 1' where id = 101; update leads set note = 'mine' where id = 8`);
  const back = await beginRun(bench, plan, { id: 'back', mode: 'rollback' });
  await rollBackWhile(back, async () => {
    for (const round of [1, 2, 3]) await workOnTheOldSide(round);
    await bench.sql(`update people set name = 'Newer on the old side' where id > 200; update customers set phone = '+49 228 2' where id = 300`);
  });
  expect((await archived()).map(({ of }) => of)).toEqual(['public.customers 101', 'public.customers 300', 'public.leads 8']);
  expect(await bench.sql("select count(*)::int as renamed from people where name = 'Newer on the old side' and id <= 400")).toEqual([
    { renamed: 200 },
  ]);
  expect(await bench.sql("select tgname from pg_trigger where tgname ~ 'stepgate'")).toEqual([]);
  expect(await bench.sql("select reason from stepgate.sync_journal where reason <> 'not-carried'")).toEqual([]);
});

test('an undo tells of conflicts and of what was not carried back before the ledger forgets them, without any value', async () => {
  await runLive(await beginMeasuredRun(bench, plan, { id: 'live' }), async () => undefined);
  await bench.sql(`update customers set zip = '99999' where id in (101, 102); update leads set note = 'mine' where id = 8;
insert into leads (id, customer_id, tag) values (20002, 101, 'second'); delete from leads where id = 12`);
  await bench.sql(`alter table people disable trigger user; alter table customers disable trigger user;
update people set name = 'Secret Old' where id = 150; update customers set full_name = 'Secret New' where id = 150;
alter table people enable trigger user; alter table customers enable trigger user;
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
values ('live', 'customers', 'source', '150', 'update', 'failed', '{full_name}'), ('live', 'customers', 'target', '150', 'update', 'failed', '{full_name}')`);
  const back = await beginRun(bench, plan, { id: 'back', mode: 'rollback' });
  await rollBack(back);
  const [told] = await entries(bench, back, 'left-behind');
  const digest = (value: string) =>
    `md5:${createHash('md5')
      .update(`back${JSON.stringify(value)}`)
      .digest('hex')
      .slice(0, 12)}`;
  expect(told).toMatchObject({
    phase: 'copy',
    conflicts: [
      {
        table: 'public.customers',
        column: 'full_name',
        kept: 'target',
        count: 1,
        samples: [{ key: '150', source: digest('Secret Old'), target: digest('Secret New') }],
      },
    ],
    notCarried: [
      { table: 'public.customers', column: 'zip', what: 'value', rows: 2 },
      { table: 'public.leads', column: null, what: 'deletion', rows: 1 },
      { table: 'public.leads', column: null, what: 'row', rows: 1 },
    ],
  });
  expect(JSON.stringify(told)).not.toContain('Secret');
});

test('a way back before the new side could be written keeps nothing that the sync itself has made', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'early' });
  await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
  await takeStep(bench.ports, { ...run, phase: 'copy' }, 'sync');
  await takeStep(bench.ports, { ...run, phase: 'copy' }, 'transfer');
  await workOnTheOldSide(1);
  await bench.sql(`insert into customers (id, full_name, seen) values (20001, 'Too early', now())`);
  await rollBackWhile(run, () => workOnTheOldSide(2));
  expect((await archived()).map(({ of }) => of)).toEqual(['public.customers 20001']);
});

test('an undo before the copy takes the rows that live sync brought out of a target that was there before the plan', async () => {
  const { '1-schema/up.sql': made = '', '1-schema/undo.sql': _undo, ...rest } = LIVE_PLAN;
  const files = { ...rest, '1-schema/up.sql': 'create table notes (id bigint primary key);\n', '1-schema/undo.sql': 'drop table notes;\n' };
  await bench.sql(made);
  const given = await deploy(bench, files, 'given');
  const run = await beginMeasuredRun(bench, given, { id: 'given' });
  for (let step = await nextStep(bench.ports)(run); step.kind !== 'transfer' && step.phase !== null; step = await nextStep(bench.ports)(run)) {
    await takeStep(bench.ports, { ...run, phase: step.phase }, step.kind);
  }
  await workOnTheOldSide(1);
  expect(await bench.sql('select count(*)::int > 0 as brought from customers')).toEqual([{ brought: true }]);
  await rollBack(run);
  expect(
    await bench.sql(
      'select (select count(*) from customers)::int + (select count(*) from leads)::int + (select count(*) from customer_calls)::int as left',
    ),
  ).toEqual([{ left: 0 }]);
});

test('StartSync and CatchUp run twice change nothing the second time', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'twice' });
  const triggers = () => bench.sql('select tgrelid::regclass::text as on, tgname, tgenabled from pg_trigger where not tgisinternal order by 1, 2');
  for (let step = await nextStep(bench.ports)(run); step.kind !== 'way-back'; step = await nextStep(bench.ports)(run)) {
    if (step.phase === null) throw new Error('no way back');
    const work = { ...run, phase: step.phase };
    await takeStep(bench.ports, work, step.kind);
    if (step.kind !== 'sync') continue;
    const installed = await triggers();
    await Promise.all([startSync(bench.ports)({ ...work, side: 'source' }), startSync(bench.ports)({ ...work, side: 'source' })]);
    expect(await triggers()).toEqual(installed);
    expect(installed.every((one) => one.tgenabled === 'A')).toBe(true);
  }
  const again = { ...run, phase: 'copy', finishes: true, polls: 0 };
  expect(await catchUp(bench.ports)(again)).toEqual({ done: true, repaired: 0 });
  expect((await entries(bench, run, 'sync')).map(({ phase, side }) => [phase, side])).toEqual([['copy', 'source']]);
});

test.each([{ side: 'source' as const }, { side: 'target' as const }])('StartSync beside itself installs the $side side once', async ({ side }) => {
  const run = await beginMeasuredRun(bench, plan, { id: 'beside' });
  await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
  if (side === 'target') await retried(() => startSync(bench.ports)({ ...run, phase: 'copy', side: 'source' }));
  const visit = () => retried(() => startSync(bench.ports)({ ...run, phase: 'copy', side }));
  await Promise.all([visit(), visit(), visit()]);
  expect((await visit()).done).toBe(true);
  expect((await syncLedger(bench.ports.session).live(plan.plan.id)).filter((one) => one.side === side)).toHaveLength(3);
});

test('StartSync waits for a transaction that is older than its triggers, and says whose it is', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'older' });
  await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
  const older = await bench.connect();
  try {
    await older.query('begin isolation level repeatable read; select 1');
    const [{ pid }] = (await older.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [{ pid: number }];
    const waiting = await retried(() => startSync(bench.ports)({ ...run, phase: 'copy', side: 'source' }));
    expect(waiting).toEqual({ done: false, waitsFor: [expect.stringMatching(`^migrator, pid ${pid}, \\d+ s$`)] });
    expect((await nextStep(bench.ports)(run)).kind).toBe('sync');
    await older.query('commit');
  } finally {
    await older.end();
  }
  expect((await retried(() => startSync(bench.ports)({ ...run, phase: 'copy', side: 'source' }))).done).toBe(true);
});

test.each([{ side: 'source' as const }, { side: 'target' as const }])(
  'StartSync waits for tables of the $side side that somebody holds for a while',
  async ({ side }) => {
    const run = await beginMeasuredRun(bench, plan, { id: 'patient' });
    await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
    if (side === 'target') await retried(() => startSync(bench.ports)({ ...run, phase: 'copy', side: 'source' }));
    const holder = await bench.connect();
    await holder.query(`begin; lock table ${side === 'source' ? 'calls' : 'customer_calls'} in row exclusive mode`);
    let pauses = 0;
    const pause = async () => {
      pauses += 1;
      if (pauses === 11) await holder.query('commit');
    };
    await startSync({ ...bench.ports, pause })({ ...run, phase: 'copy', side });
    await holder.end();
    expect(pauses).toBe(11);
    expect((await syncLedger(bench.ports.session).live(plan.plan.id)).filter((one) => one.side === side)).toHaveLength(3);
  },
);

test('StartSync names who holds a table for longer than it waits, and installs nothing', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'impatient' });
  await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
  const holder = await bench.connect();
  await holder.query('begin; lock table people in row exclusive mode');
  const [{ pid }] = (await holder.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [{ pid: number }];
  let nowMs = 0;
  const jump = async (ms: number) => {
    nowMs += ms;
  };
  const jumping = { ...bench.ports, clockMs: () => nowMs, pause: jump };
  const error = await refusal(startSync(jumping)({ ...run, phase: 'copy', side: 'source' }));
  await holder.end();
  expect(error).toMatchObject({ name: 'DatabaseBusyError' });
  expect(error.message).toMatch(new RegExp(`public\\.people is held by backend ${pid} \\(role migrator, idle in transaction`));
  expect(nowMs).toBeGreaterThan(30_000);
  expect(await syncLedger(bench.ports.session).live(plan.plan.id)).toEqual([]);
});

test.each([
  {
    made: "insert into customers (id, full_name, seen) values (1, 'early', now())",
    said: /customers.sql:\d+: public.customers already holds rows; a transfer fills an empty table/,
  },
  {
    made: `create function louder() returns trigger language plpgsql as $$ begin new.full_name := upper(new.full_name); return new; end $$;
create trigger louder before insert on customers for each row execute function louder()`,
    said: /customers.sql:\d+: trigger louder of public.customers \(function louder\) writes full_name, so the two sides would not be equal/,
  },
])('StartSync refuses what came after the dry run: $made', async ({ made, said }) => {
  const run = await beginMeasuredRun(bench, plan, { id: 'filled' });
  await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
  await bench.sql(made);
  expect((await refusal(retried(() => startSync(bench.ports)({ ...run, phase: 'copy', side: 'source' })))).message).toMatch(said);
  expect(await syncLedger(bench.ports.session).live(plan.plan.id)).toEqual([]);
});

test('a key that its target does not take fails the run after visits that get nowhere, and is named by its transfer', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'stuck' });
  await takeStep(bench.ports, { ...run, phase: 'schema' }, 'transaction');
  await takeStep(bench.ports, { ...run, phase: 'copy' }, 'sync');
  await takeStep(bench.ports, { ...run, phase: 'copy' }, 'transfer');
  await bench.sql(
    "alter table customers add constraint short check (length(full_name) < 20) not valid; update people set name = 'a name that is longer than twenty' where id = 5",
  );
  const visit = (polls: number) => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: true, polls });
  expect(await visit(0)).toEqual({ done: false, repaired: 0 });
  const error = await refusal(visit(8));
  expect(error).toMatchObject({ name: 'CheckFailedError' });
  expect(error.message).toMatch(/^keys whose rows the other side does not take: customers \(2-copy\/customers.sql:\d+\): 1; stepgate.sync_journal/);
  await bench.sql('alter table customers drop constraint short');
  expect(await visit(8)).toEqual({ done: true, repaired: 1 });
  expect(await differences()).toEqual([0, 0, 0]);
});

test('an undo ends the sync at one moment, though the lock of a table does not come, and then carries nothing back that is older', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'held' });
  await runLive(run, async () => undefined);
  const back = await beginRun(bench, plan, { id: 'back', mode: 'rollback' });
  await undoPhase(bench.ports)({ ...back, phase: 'cutover' });
  const holder = await bench.connect();
  try {
    await holder.query('begin; lock table calls in row exclusive mode');
    let nowMs = 0;
    const pause = async () => {
      nowMs += 60_000;
    };
    const soon = { ...bench.ports, clockMs: () => nowMs, pause };
    expect((await refusal(undoPhase(soon)({ ...back, phase: 'copy' }))).name).toBe('DatabaseBusyError');
    await bench.sql(`update people set name = 'later' where id = 2;
insert into customers (id, full_name, email, seen) values (2, 'Person 2', 'nowhere', now());
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason) values ('live', 'customers', 'target', '2', 'update', 'failed')`);
    expect(await bench.sql('select p.name, p.email, c.full_name from people p join customers c using (id) where id = 2')).toEqual([
      { name: 'later', email: 'p2@example.org', full_name: 'Person 2' },
    ]);
    await holder.query('commit');
  } finally {
    await holder.end();
  }
  await rollBack(back);
  expect(await bench.sql('select name, email from people where id = 2')).toEqual([{ name: 'later', email: 'p2@example.org' }]);
  const [kept] = await bench.sql<{ email: string }>(
    "select image ->> 'email' as email from stepgate_archive.row where key = '2' and transfer = 'customers'",
  );
  expect(kept).toEqual({ email: 'nowhere' });
});

test('keys that the application gives itself, beyond its sequence, stay its own: the sequence is not moved, and the run is told, not failed', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'beyond' });
  await bench.sql(
    'delete from calls where person_id in (3, 4); update people set id = 9000000000 where id = 3; update people set id = 403 where id = 4',
  );
  await runLive(run, async () => undefined);
  const [made] = await bench.sql("insert into customers (full_name, seen) values ('drawn', now()) returning id::text");
  expect(made).toEqual({ id: '401' });
  const told = (await entries(bench, run, 'targets')).flatMap(({ findings }) => findings).filter(({ name }) => name === 'sequence');
  expect(told.map(({ status, found }) => [status, found])).toContainEqual([
    'warn',
    'people_id_seq gives 401 next, and public.customers.id holds 9000000000 already, which an application wrote without drawing it',
  ]);
});

test('cleanup ends live sync before its phases, and StopSync run twice changes nothing the second time', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'migrated' });
  await runLive(run, async () => undefined);
  const late = { id: 'late', mode: 'cleanup' as const };
  const soon = await refusal(beginRun(bench, plan, late));
  expect(soon.message).toMatch(/may be rolled back for 48 hours, until .*, and cleanup takes the way back away; start it then$/);
  await bench.sql("update stepgate.plan set migrated_at = migrated_at - interval '48 hours'");
  const cleanup = await beginRun(bench, plan, late);
  expect(await nextStep(bench.ports)(cleanup)).toEqual({ kind: 'end-sync', phase: 'copy' });
  const visits = await Promise.all([0, 0].map((polls) => retried(() => stopSync(bench.ports)({ ...cleanup, polls }))));
  expect(visits.every(({ done }) => done)).toBe(true);
  expect(await syncLedger(bench.ports.session).live(plan.plan.id)).toEqual([]);
  expect(await nextStep(bench.ports)(cleanup)).toEqual({ kind: 'transaction', phase: 'drop-people' });
  await takeStep(bench.ports, { ...cleanup, phase: 'drop-people' }, 'transaction');
  expect(await nextStep(bench.ports)(cleanup)).toEqual({ kind: 'done', phase: null });
  expect(await decideRecovery(bench.ports)({ ...cleanup, failure: null, stage: 'changing', asked: NOTHING_ASKED })).toEqual({
    kind: 'none',
    phase: null,
    outcome: 'halted',
    kept: null,
  });
  expect((await bench.sql('select count(*)::int as rows from customers'))[0]).toEqual({ rows: 400 });
  const verify = { run: { ...cleanup.run, mode: 'verify' as const }, now: cleanup.now, planState: 'migrated', asked: NOTHING_ASKED };
  const message = (await refusal(preflight({ ...bench.ports, snapshots: bench.snapshots })(verify))).message;
  expect(message).toMatch(/the plan was cleaned up \(phase drop-people has begun\): the old side is gone, and there is nothing left to compare with/);
  expect(message).not.toContain('is not there');
});
