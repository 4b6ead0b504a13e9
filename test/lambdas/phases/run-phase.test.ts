import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { CheckFailedError, DatabaseBusyError, StatementFailedError, UnknownOutcomeError } from '../../../core/errors.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { beginRun, brokenWire, deploy, emptyPlanDatabase, entries, onePhase, refusal } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, 'create table kept (id int primary key, note text); insert into kept values (1, null);'));

const UP = 'create table made (id int primary key);\ninsert into made values (1), (2);\nupdate kept set note = note || id where id = 1;\n';
const UNDO = 'drop table made;\n';

async function phases(): Promise<readonly unknown[]> {
  return bench.sql('select phase, applied_at is not null as applied from stepgate.phase');
}

test('RunPhase run twice, and beside itself, does its statements once', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(`${UP}insert into kept select max(id) + 1 from kept;\n`, UNDO)), { id: 'twice' });
  const input = { ...run, phase: 'only' };
  const both = await Promise.allSettled([runPhase(bench.ports)(input), runPhase(bench.ports)(input)]);
  for (const one of both) {
    if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(DatabaseBusyError);
  }
  expect(await runPhase(bench.ports)(input)).toEqual({ done: true });
  expect(await runPhase(bench.ports)(input)).toEqual({ done: true });
  expect(await bench.sql('select id from kept order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  expect(await phases()).toEqual([{ phase: 'only', applied: true }]);
  expect(await entries(bench, run, 'phase')).toMatchObject([{ phase: 'only', ordinal: 1, direction: 'up', statements: 4 }]);
});

test('a statement that fails is named by number, file and line, and leaves nothing of its phase', async () => {
  const plan = await deploy(bench, onePhase(`${UP}\ninsert into made values (2);\n`, UNDO));
  const run = await beginRun(bench, plan, { id: 'fails' });
  const error = await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toMatch(/1-only\/up\.sql:\d+: statement 4: duplicate key value violates unique constraint "made_pkey"/);
  expect(await bench.sql("select to_regclass('made')::text as made, (select note from kept) as note")).toEqual([{ made: null, note: null }]);
  expect(await phases()).toEqual([]);
});

test('a check that fails takes its phase with it; a warning does not', async () => {
  const verify = `--! check: few, warn, no rows
select id from made;
--! check: none-is-two, fail, no rows
select id from made where id = 2;
`;
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO, { '1-only/verify.sql': verify })), { id: 'checked' });
  const error = await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect(error.message).toMatch(/1-only\/verify\.sql:\d+: check none-is-two failed: found 1, expected none \(2\)$/);
  expect(await bench.sql("select to_regclass('made')::text as made")).toEqual([{ made: null }]);
  expect(await phases()).toEqual([]);

  const warned = await deploy(bench, onePhase(UP, UNDO, { '1-only/verify.sql': verify.replace('fail', 'warn') }));
  expect(await runPhase(bench.ports)({ ...run, run: { ...run.run, digest: warned.digest }, phase: 'only' })).toEqual({ done: true });
  const [entry] = await entries(bench, run, 'phase');
  expect(entry?.checks).toMatchObject([
    { name: 'few', status: 'warn', bad: 2, samples: ['1', '2'] },
    { name: 'none-is-two', status: 'warn', bad: 1, samples: ['2'] },
  ]);
});

test.each([
  { answer: '-1', found: 'is negative' },
  { answer: 'null::int', found: 'is null' },
  { answer: '0.4', found: 'is a fraction' },
])('a check that expects zero fails its phase when the answer $found', async ({ answer }) => {
  const verify = `--! check: balanced, fail, zero\nselect ${answer} as answer;\n`;
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO, { '1-only/verify.sql': verify })), { id: 'zero' });
  expect(await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }))).toBeInstanceOf(CheckFailedError);
  expect(await phases()).toEqual([]);
});

test('a check inside a phase shows no natural key and no value; one that cannot run is named', async () => {
  const secret = 'ann@example.org';
  const visit = async (verify: string, id: string) => {
    const up = `create table made as select '${secret}'::text as email union all select 'bob' union all select i::text from generate_series(1, 9) i;\n`;
    const plan = await deploy(bench, onePhase(up, UNDO, { '1-only/verify.sql': `--! check: asked, fail, no rows\n${verify};\n` }));
    const run = await beginRun(bench, plan, { id });
    const error = await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
    expect(error.message).not.toContain(secret);
    await bench.sql('update stepgate.lock set run_id = null');
    return error;
  };
  const failed = await visit('select email from made order by length(email) desc', 'keys');
  expect(failed).toBeInstanceOf(CheckFailedError);
  expect(failed.message).toMatch(
    /^1-only\/verify\.sql:\d+: check asked failed: found 11, expected none \(md5:[0-9a-f]{12}(, md5:[0-9a-f]{12}){4} …\)$/,
  );
  const refused = await visit('select email::int from made', 'values');
  expect(refused).toBeInstanceOf(StatementFailedError);
  expect(refused.message).toMatch(/^1-only\/verify\.sql:\d+: check asked: invalid input syntax for type integer: \(a value, not shown\)$/);
});

test('a constraint that is checked at commit fails inside the phase, so that its checks never see what cannot commit', async () => {
  const up = `create table child (id int references kept deferrable initially deferred);
insert into child values (77);
`;
  const run = await beginRun(bench, await deploy(bench, onePhase(up, 'drop table child;\n')), { id: 'deferred' });
  const error = await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('child_id_fkey');
  expect(await phases()).toEqual([]);
});

test('a lock that does not come is waited for a moment, then given up without a trace; a later try works', async () => {
  const run = await beginRun(
    bench,
    await deploy(bench, onePhase('alter table kept add column more int;\n', 'alter table kept drop column more;\n')),
    {
      id: 'busy',
    },
  );
  await bench.sql('begin; lock table kept in access share mode');
  const [holder] = await bench.sql<{ pid: number; role: string }>('select pg_backend_pid() as pid, current_user::text as role');
  const error = await refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
  await bench.sql('rollback');
  expect(error).toBeInstanceOf(DatabaseBusyError);
  expect(error.message).toMatch(
    new RegExp(`1-only/up\\.sql:1: .*; public\\.kept is held by backend ${holder?.pid} \\(role ${holder?.role}, idle in transaction for \\d+ s\\)$`),
  );
  expect(await phases()).toEqual([]);
  expect(await runPhase(bench.ports)({ ...run, phase: 'only' })).toEqual({ done: true });
});

test('a phase whose answer was lost is found applied on the second visit', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'lost' });
  const wire = await brokenWire(bench, (sql) => sql.includes('run_phase'));
  try {
    const error = await refusal(runPhase(wire.ports)({ ...run, phase: 'only' }));
    expect(error).toBeInstanceOf(UnknownOutcomeError);
    expect(await phases()).toEqual([{ phase: 'only', applied: true }]);
    expect(await runPhase(wire.ports)({ ...run, phase: 'only' })).toEqual({ done: true });
  } finally {
    await wire.close();
  }
});

test('a phase of another kind, or of no name that the plan has, is refused by name', async () => {
  const run = await beginRun(bench, await deploy(bench, onePhase(UP, UNDO)), { id: 'unknown' });
  expect((await refusal(runPhase(bench.ports)({ ...run, phase: 'nowhere' }))).message).toContain('has no phase nowhere; it has only');
});

test('settings that an earlier call left in the pooled backend change nothing', async () => {
  const up = "create table made as select now()::date::text as day, '1.5 h'::interval::text as span, current_setting('search_path') as path;\n";
  const run = await beginRun(bench, await deploy(bench, onePhase(up, UNDO)), { id: 'leaks' });
  for (let backend = 0; backend < 3; backend += 1) {
    for (const setting of ["DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "search_path = 'pg_catalog'", "TimeZone = 'Asia/Tokyo'"]) {
      await bench.ports.session.query(z.unknown(), `set ${setting}`);
    }
  }
  expect(await runPhase(bench.ports)({ ...run, phase: 'only' })).toEqual({ done: true });
  expect(await bench.sql("select day ~ '^....-..-..$' as iso, span, path from public.made")).toEqual([
    { iso: true, span: '01:30:00', path: 'public' },
  ]);
});
