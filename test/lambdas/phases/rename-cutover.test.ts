import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ledgerLock } from '../../../adapters/run-lock.ts';
import { syncLedger } from '../../../adapters/sync-ledger.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { validateSource } from '../../../lambdas/checks/validate-source.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import { lowerFence } from '../../../lambdas/finish/lower-fence.ts';
import { assess } from '../../../lambdas/gates/assess.ts';
import { preflight } from '../../../lambdas/gates/preflight.ts';
import { catchUp } from '../../../lambdas/phases/catch-up.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../../lambdas/rollback/verify-undo.ts';
import { LIVE_SOURCE } from '../../support/live-plan.ts';
import { RENAME_PLAN } from '../../support/rename-plan.ts';
import {
  beginMeasuredRun,
  beginRun,
  type Deployed,
  deploy,
  emptyPlanDatabase,
  refusal,
  retried,
  runPhases,
  takeStep,
  worksFor,
} from '../../support/run-driver.ts';
import { NO_DEAD_MAN, openWorkbench, type Workbench } from '../../support/workbench.ts';

// The states: 'lambdas/phases/run-phase.ts', 'lambdas/rollback/undo-phase.ts'.

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, RENAME_PLAN, 'renaming');
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, LIVE_SOURCE));

interface Names {
  readonly people: string;
  readonly customers: string;
  readonly towns: string;
  readonly calls: string;
  readonly customerCalls: string;
}
const BEFORE: Names = { people: 'people', customers: 'customers', towns: 'towns', calls: 'calls', customerCalls: 'customer_calls' };
const AFTER: Names = { people: 'people_legacy', customers: 'people', towns: 'places', calls: 'customer_calls', customerCalls: 'calls' };

/** Written by hand, and by the names that the tables have at the time. */
async function differences({ people, customers, towns, calls, customerCalls }: Names): Promise<readonly number[]> {
  const pairs = [
    [
      `select p.id, p.name, p.email::text, t.zip, p.seen from ${people} p left join ${towns} t using (city)`,
      `select id, full_name, email, zip, seen from ${customers} where deleted_at is null`,
    ],
    [`select id, id, tag from ${people} where tag is not null`, 'select id, customer_id, tag from leads'],
    [`select id, person_id, said from ${calls}`, `select id, customer_id, said from ${customerCalls}`],
  ] as const;
  const found: number[] = [];
  for (const [old, made] of pairs) {
    const sql = `select count(*)::int as differences from ((${old} except ${made}) union all (${made} except ${old})) d`;
    found.push((await bench.sql<{ differences: number }>(sql))[0]?.differences ?? -1);
  }
  return found;
}

async function namesNow(): Promise<Names> {
  const [row] = await bench.sql<{ renamed: boolean }>("select to_regclass('people_legacy') is not null as renamed");
  return row?.renamed === true ? AFTER : BEFORE;
}

/** What the old application does, each time to other rows. */
async function workOnTheOldSide(round: number): Promise<void> {
  const { people, calls, towns } = await namesNow();
  const id = round * 10 + 1;
  await bench.sql(
    `insert into ${people} (name, email, city, tag) values ('New ${round}', 'n${round}@example.org', 'Bonn', 'lead'), ('Other ${round}', null, null, null)`,
  );
  await bench.sql(`update ${people} set name = 'Renamed ${round}', city = 'Köln' where id = ${id}`);
  await bench.sql(`update ${people} set tag = case when tag is null then 'lead' end where id between ${id + 1} and ${id + 3}`);
  await bench.sql(`delete from ${people} where id = ${id + 4}`);
  await bench.sql(
    `begin isolation level repeatable read; update ${people} set email = 'rr${round}@example.org' where id = ${id + 5}; delete from ${people} where id = ${id + 6}; commit`,
  );
  await bench.sql(`begin; delete from ${calls} where person_id = ${id + 7}; update ${people} set id = ${-round} where id = ${id + 7}; commit`);
  await bench.sql(`insert into ${calls} (person_id, said) values (${id}, 'round ${round}')`);
  await bench.sql(`update ${towns} set zip = '${50_000 + round}' where city = 'Köln'`);
}

/** What the new application does; a key that changes, marks and removals among it. */
async function workOnTheNewSide(round: number): Promise<void> {
  const id = 200 + round * 10;
  await bench.sql(`update people set full_name = 'By the new side ${round}', email = 'new${round}@example.org' where id = ${id}`);
  await bench.sql(`insert into people (full_name, seen) values ('Native ${round}', now())`);
  await bench.sql(`insert into calls (customer_id, said) select id, 'hello' from people where full_name = 'Native ${round}'`);
  await bench.sql(`update people set deleted_at = now() where id = ${id + 1}`);
  await bench.sql(`delete from calls where customer_id = ${id + 2}`);
  await bench.sql(`begin isolation level repeatable read; update people set full_name = 'RR ${round}' where id = ${id + 3}; commit`);
}

/** A whole run, each state entered twice, with work before each step. */
async function runLive(run: ChangingEnvelope, work: (round: number) => Promise<void>): Promise<readonly string[]> {
  const kinds: string[] = [];
  for (let step = await nextStep(bench.ports)(run); step.phase !== null; step = await nextStep(bench.ports)(run)) {
    kinds.push(step.kind);
    await work(kinds.length);
    await takeStep(bench.ports, { ...run, phase: step.phase }, step.kind);
    await takeStep(bench.ports, { ...run, phase: step.phase }, step.kind);
  }
  await work(kinds.length + 1);
  await retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls: 0 }));
  await verifyTarget(bench.ports)({ ...run, progress: null });
  await completeRun(bench.ports)(run);
  await lowerFence({ ...bench.ports, deadMan: NO_DEAD_MAN })(run);
  await ledgerLock(bench.ports.session).release(run.run.id, run.run.token);
  return kinds;
}

async function rollBack(run: ChangingEnvelope, work: () => Promise<void>): Promise<void> {
  for (;;) {
    const step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
    if (step.kind !== 'undo') break;
    await work();
    if (step.phase === 'copy') {
      await retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls: 0 }));
      expect(await differences(BEFORE)).toEqual([0, 0, 0]);
    }
    await retried(() => undoPhase(bench.ports)({ ...run, phase: step.phase }));
    await retried(() => undoPhase(bench.ports)({ ...run, phase: step.phase }));
  }
  for (;;) {
    const { done } = await verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED });
    if (done) return;
  }
}

test('a run that renames tables loses no write, through old names before and new names after, there and back', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'there' });
  expect(await runLive(run, workOnTheOldSide)).toEqual([
    'transaction',
    'sync',
    'transfer',
    'catch-up',
    'fence',
    'way-back',
    'transaction',
    'transaction',
  ]);
  expect(await differences(AFTER)).toEqual([0, 0, 0]);

  await workOnTheNewSide(1);
  await workOnTheOldSide(30);
  const verify = { run: { ...run.run, mode: 'verify' as const }, now: run.now };
  await preflight({ ...bench.ports, snapshots: bench.snapshots })({ ...verify, planState: 'migrated', asked: NOTHING_ASKED });
  await verifyTarget(bench.ports)({ ...verify, progress: null });
  const [entries] = await bench.sql<{ failed: number }>('select count(*)::int as failed from stepgate.sync_journal where sql_state is not null');
  expect(entries).toEqual({ failed: 0 });

  const back = await beginRun(bench, plan, { id: 'back', mode: 'rollback' });
  let round = 1;
  await rollBack(back, async () => {
    round += 1;
    if ((await namesNow()) === AFTER) await workOnTheNewSide(round);
    else await workOnTheOldSide(30 + round);
  });
  const names = await bench.sql<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') order by 1",
  );
  expect(names.map(({ name }) => name)).toEqual(['calls', 'people', 'towns']);
  expect(await bench.sql("select name, email from people where id in (210, 220, 230) or name ~ '^Native' order by id")).toEqual([
    { name: 'By the new side 1', email: 'new1@example.org' },
    { name: 'By the new side 2', email: 'new2@example.org' },
    { name: 'By the new side 3', email: 'new3@example.org' },
    { name: 'Native 1', email: null },
    { name: 'Native 2', email: null },
    { name: 'Native 3', email: null },
  ]);
  expect(await bench.sql('select id from people where id in (211, 221, 231)')).toEqual([]);
  expect(await bench.sql("select count(*)::int as triggers from pg_trigger where tgname ~ 'stepgate'")).toEqual([{ triggers: 0 }]);
});

/** Fence and way back, so that the renaming itself is next. */
async function untilTransaction(run: ChangingEnvelope): Promise<void> {
  for (;;) {
    const { kind } = await nextStep(bench.ports)(run);
    if (kind === 'transaction') return;
    await takeStep(bench.ports, { ...run, phase: 'cutover' }, kind);
  }
}

/** Writes by any of the names, over and over; a statement by a name of another time fails, as an application's would. */
async function writeUntil(isOver: () => boolean, seed: number): Promise<readonly string[]> {
  const client = await bench.connect();
  const codes = new Set<string>();
  try {
    for (let round = seed; !isOver(); round += 7) {
      const id = (round % 390) + 1;
      const texts = [
        `update people set name = 'Old ${round}' where id = ${id}`,
        `update people_legacy set name = 'Old ${round}', tag = case when tag is null then 'lead' end where id = ${id}`,
        `update customers set full_name = 'New ${round}' where id = ${id}`,
        `update people set full_name = 'New ${round}', email = 'n${round}@example.org' where id = ${id}`,
        `begin isolation level repeatable read; update people set full_name = 'RR ${round}' where id = ${id}; commit`,
        `insert into calls (person_id, said) values (${id}, '${round}')`,
        `insert into calls (customer_id, said) values (${id}, '${round}')`,
        `update customer_calls set said = '${round}' where id = ${id}`,
        `update places set zip = '${10_000 + (round % 89_999)}' where city = 'Bonn'`,
      ];
      const code = await client.query(texts[round % texts.length] ?? '').then(
        () => null,
        (error: { readonly code?: string }) => error.code ?? String(error),
      );
      if (code !== null) await client.query('rollback');
      if (code !== null) codes.add(code);
    }
  } finally {
    await client.end();
  }
  return [...codes];
}

test('clients that write by either name while tables are renamed, and back, lose nothing', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'crowd' });
  await runPhases(bench.ports, run, 'cutover');
  await untilTransaction(run);
  let isOver = false;
  const clients = [1, 2, 3, 4].map((seed) => writeUntil(() => isOver, seed));
  const settle = () => retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls: 0 }));
  try {
    for (let round = 0; round < 3; round += 1) {
      while (!(await retried(() => runPhase(bench.ports)({ ...run, phase: 'cutover' }))).done);
      await settle();
      expect(await namesNow()).toBe(AFTER);
      while ((await retried(() => undoPhase(bench.ports)({ ...run, phase: 'cutover' }))).next !== 'decide');
      await settle();
    }
  } finally {
    isOver = true;
  }
  const codes = new Set((await Promise.all(clients)).flat());
  // Names and columns of another time, the view, a row that another client has changed, a lock that somebody waited for too long.
  expect([...codes].filter((code) => !['42P01', '42703', '40001', '55P03', '55000'].includes(code))).toEqual([]);
  for (let rounds = 0; rounds < 5; rounds += 1) await settle();
  expect(await differences(BEFORE)).toEqual([0, 0, 0]);
});

test('a run that goes on behind the renaming finds the tables by their new names, and ends the same', async () => {
  const first = await beginMeasuredRun(bench, plan, { id: 'died' });
  await runPhases(bench.ports, first, 'comment');
  await ledgerLock(bench.ports.session).release(first.run.id, first.run.token);
  await workOnTheOldSide(1);
  await workOnTheNewSide(1);
  const run = await beginRun(bench, plan, { id: 'goes-on' });
  await preflight({ ...bench.ports, snapshots: bench.snapshots })({ ...run, planState: 'interrupted', asked: NOTHING_ASKED });
  expect(await assess(bench.ports)(run)).toMatchObject({ tables: 2 });
  expect(await validateSource(bench.ports)(run)).toEqual({ checks: 0 });
  expect(await runPhases(bench.ports, run)).toEqual(['comment']);
  await retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls: 0 }));
  await verifyTarget(bench.ports)({ ...run, progress: null });
  expect(await differences(AFTER)).toEqual([0, 0, 0]);
});

test('an application writes by the old name until the fence, by the new one after it, and not in between', async () => {
  const up = `${RENAME_PLAN['3-cutover/up.sql']}grant select, insert, update, delete on people to renaming_app;\n`;
  const undo = `revoke all on people from renaming_app;\n${RENAME_PLAN['3-cutover/undo.sql']}`;
  const granting = await deploy(bench, { ...RENAME_PLAN, '3-cutover/up.sql': up, '3-cutover/undo.sql': undo }, 'renaming');
  await bench.sql(`do $$ begin create role renaming_app; exception when duplicate_object then null; end $$;
grant renaming_app to current_user with set true, inherit false; grant select, insert, update, delete on people, towns to renaming_app;
grant usage on schema public to renaming_app`);
  const asApplication = (sql: string) =>
    bench.sql(`begin; set local role renaming_app; ${sql}; commit`).then(
      () => 'done',
      async (error: { readonly code?: string }) => {
        await bench.sql('rollback');
        return error.code;
      },
    );
  const [older, newer] = ["update people set name = 'By the application' where id = 7", "update people set full_name = 'Renamed' where id = 7"];
  const run = await beginMeasuredRun(bench, granting, { id: 'fenced' });
  await runPhases(bench.ports, run, 'cutover');
  expect(await asApplication(older)).toBe('done');
  await takeStep(bench.ports, { ...run, phase: 'cutover' }, 'fence');
  expect(await asApplication(older)).toBe('42501');
  await runPhases(bench.ports, run);
  expect([await asApplication(older), await asApplication(newer)]).toEqual(['42703', '42501']);
  await verifyTarget(bench.ports)({ ...run, progress: null });
  await lowerFence({ ...bench.ports, deadMan: NO_DEAD_MAN })(run);
  expect(await asApplication(newer)).toBe('done');
  expect(await bench.sql('select l.name, p.full_name from people_legacy l join people p using (id) where id = 7')).toEqual([
    { name: 'Renamed', full_name: 'Renamed' },
  ]);
});

test('cleanup ends live sync by the new names and drops the old tables', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'migrated' });
  await runLive(run, async () => undefined);
  await workOnTheNewSide(1);
  await bench.sql("update stepgate.plan set migrated_at = migrated_at - interval '48 hours'");
  const cleanup = await beginRun(bench, plan, { id: 'late', mode: 'cleanup' });
  expect(await runPhases(bench.ports, cleanup)).toEqual(['copy', 'drop-people']);
  expect(await syncLedger(bench.ports.session).live(plan.plan.id)).toEqual([]);
  expect(await bench.sql("select to_regclass('people_legacy') as old, count(*)::int as rows from people where deleted_at is null")).toEqual([
    { old: null, rows: 400 },
  ]);
});

test('RunPhase waits before tables get other names for a transaction that is older, and says whose it is', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'older' });
  await runPhases(bench.ports, run, 'cutover');
  await untilTransaction(run);
  const older = await bench.connect();
  try {
    await older.query('begin isolation level repeatable read; select count(*) from people');
    const visit = () => retried(() => runPhase(bench.ports)({ ...run, phase: 'cutover' }));
    expect(await visit()).toEqual({ done: false, waitsFor: [expect.stringMatching(/^migrator, pid \d+, \d+ s$/)] });
    expect(await namesNow()).toBe(BEFORE);
    await older.query('commit');
    expect(await visit()).toEqual({ done: true });
    expect(await namesNow()).toBe(AFTER);
  } finally {
    await older.end();
  }
});

test.each(['towns', 'leads'])(
  'a reader that holds %s, which live sync reads or writes, makes the rename give way, and nothing of it is there',
  async (table) => {
    const run = await beginMeasuredRun(bench, plan, { id: 'held' });
    await runPhases(bench.ports, run, 'cutover');
    await untilTransaction(run);
    const reader = await bench.connect();
    try {
      // Without a snapshot of its own any more, as between two statements of READ COMMITTED.
      await reader.query(`begin; lock table ${table} in access share mode`);
      const error = await refusal(runPhase({ ...bench.ports, clockMs: worksFor(1) })({ ...run, phase: 'cutover' }));
      expect(error.name).toBe('DatabaseBusyError');
      expect(error.message).toMatch(new RegExp(`public\\.${table}`));
      expect(await namesNow()).toBe(BEFORE);
      await workOnTheOldSide(1);
    } finally {
      await reader.end();
    }
    expect(await retried(() => runPhase(bench.ports)({ ...run, phase: 'cutover' }))).toEqual({ done: true });
    await retried(() => catchUp(bench.ports)({ ...run, phase: 'copy', finishes: false, polls: 0 }));
    expect(await differences(AFTER)).toEqual([0, 0, 0]);
  },
);

test('a repair by the names of before is refused once the tables have others, and touches nothing', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'stale' });
  await runPhases(bench.ports, run);
  const [transfer] = plan.plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
  if (transfer === undefined) throw new Error('no transfer');
  await bench.sql("begin isolation level repeatable read; update people set full_name = 'later' where id = 3; commit");
  const error = await refusal(syncLedger(bench.ports.session).repair(run.run, { plan: plan.plan, transfer, upto: '1000000' }, 500));
  expect(error.name).toBe('DatabaseBusyError');
  expect(error.message).toContain('the tables of transfer customers got other names meanwhile');
});

test.each([
  { name: 'an auto-updatable view', view: 'create view customers as select * from people;', refused: true },
  {
    name: 'a view that throws writes away',
    view: 'create view customers as select * from people; create rule nothing as on update to customers do instead nothing;',
    refused: true,
  },
  {
    name: 'a view with INSTEAD OF triggers',
    view: `create function no_writes() returns trigger language plpgsql as $$ begin raise exception 'write people'; end $$;
create view customers as select * from people;
create trigger no_writes instead of insert or update or delete on customers for each row execute function no_writes();`,
    refused: false,
  },
])('$name under a name that a table had: refused is $refused', async ({ view, refused }) => {
  const up = (RENAME_PLAN['3-cutover/up.sql'] ?? '').replace(/create view.*\n/, () => `${view}\n`);
  const undo = `${RENAME_PLAN['3-cutover/undo.sql']}${view.includes('no_writes') ? 'drop function no_writes();\n' : ''}`;
  const other = await deploy(bench, { ...RENAME_PLAN, '3-cutover/up.sql': up, '3-cutover/undo.sql': undo }, 'renaming');
  const run = await beginMeasuredRun(bench, other, { id: 'view' });
  const ran = retried(() => runPhases(bench.ports, run));
  if (!refused) {
    expect(await ran).toContain('comment');
    expect((await refusal(bench.sql("update customers set full_name = 'x'"))).message).toBe('write people');
    return;
  }
  const error = await refusal(ran);
  expect(error).toMatchObject({ name: 'CheckFailedError' });
  expect(error.message).toMatch(/the view "public"."customers" stands under the name that a table had, and takes writes/);
  expect(await namesNow()).toBe(BEFORE);
});
