import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isFenced, ledgerFence, owningLogins } from '../../../adapters/fence.ts';
import { ConfigurationError, GateRefusedError, StaleTokenError, StatementFailedError } from '../../../core/errors.ts';
import type { ChangingRun } from '../../../core/run/envelope.ts';
import { fencing, holdLock, loginAs, makeCrm, makeRoles, rights, said } from '../../support/fenced-crm.ts';
import { refusal, retried, until } from '../../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

// The states, through `fencing`: 'lambdas/gates/raise-fence.ts', 'lambdas/finish/lower-fence.ts'.

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await makeRoles(bench);
});
afterAll(() => bench?.close());
beforeEach(() => makeCrm(bench));

async function fenceEntries({ run }: { readonly run: ChangingRun }) {
  return (await bench.ports.journal.readAll(run.id)).flatMap((entry) => (entry.kind === 'fence' ? [entry] : []));
}

/** A transactional phase of the plan, as RunPhase calls it. */
async function runUp({ run }: { readonly run: ChangingRun }, statements: readonly string[]): Promise<void> {
  const up = statements.map((sql, index) => ({ sql, number: index + 1, file: 'up.sql', line: index + 1 }));
  await bench.sql(`insert into stepgate.plan (plan, digest) values ('${run.plan}', '${run.digest}') on conflict do nothing`);
  const [row] = await bench.sql<{ said: string }>(
    `select stepgate.run_phase('${run.id}', ${run.token}, '${run.plan}', 'cutover', 1, '${run.digest}', $up$${JSON.stringify(up)}$up$, '[]', '[]') as said`,
  );
  expect([row?.said, await bench.sql('select message from stepgate.failure')]).toEqual(['applied', []]);
}

test('while the fence is up an application may read and not write, and then everything is as before', async () => {
  const [app, before, run] = [await loginAs(bench, 'crm_app'), await rights(bench), await holdLock(bench)];
  const { raise, lower } = fencing(bench);
  expect(await raise(run)).toMatchObject({ done: true, roles: 0, ended: 0 });
  const writes = [
    "insert into contacts (name) values ('x')",
    "update contacts set name = 'x' where id = 1",
    'delete from calls',
    "select nextval('calls_id_seq')",
    "update named set name = 'x' where id = 1",
    'create table shadow (id int)',
  ];
  for (const sql of writes) expect([sql, await said(app, sql)]).toEqual([sql, '42501']);
  expect(await said(app, 'select count(*) from contacts join named using (id)')).toBe('done');
  expect(await bench.sql("insert into contacts (name) values ('the run') returning name")).toEqual([{ name: 'the run' }]);
  expect(await lower(run)).toMatchObject({ wasUp: true, stuck: 0 });
  expect(await rights(bench)).toEqual(before);
  expect(await said(app, writes[0] ?? '')).toBe('done');
  await app.end();
});

test('who owns a table could give itself the right back, so it loses its login and its sessions, and gets the login back', async () => {
  await bench.sql('grant create on schema public to crm_owners; alter table calls owner to crm_owners');
  const [owner, app, before, run] = [
    await loginAs(bench, 'crm_owner_login'),
    await loginAs(bench, 'crm_app'),
    await rights(bench),
    await holdLock(bench),
  ];
  const { raise, lower } = fencing(bench);
  expect(await raise(run)).toMatchObject({ roles: 1 });
  expect(await said(owner, 'select 1')).not.toBe('done');
  await expect(loginAs(bench, 'crm_owner_login')).rejects.toMatchObject({ code: '28000' });
  expect([await said(app, 'delete from calls'), await said(app, 'select count(*) from calls')]).toEqual(['42501', 'done']);
  const [up] = (await fenceEntries(run)).filter(({ status }) => status === 'up');
  expect(up).toMatchObject({
    roles: [{ role: 'crm_owner_login', why: 'is a member of crm_owners, which owns table public.calls' }],
    passing: ['rdsadmin'],
  });
  await lower(run);
  expect(await rights(bench)).toEqual(before);
  await (await loginAs(bench, 'crm_owner_login')).end();
  await app.end();
});

test('a role that the migrator may not keep out refuses the fence, is named, and nothing is changed', async () => {
  await bench.superuser(
    'drop role if exists crm_stranger; create role crm_stranger login; create table theirs (id int); alter table theirs owner to crm_stranger',
  );
  const [before, run] = [await rights(bench), await holdLock(bench)];
  const error = await refusal(fencing(bench).raise(run));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toBe(
    'fence: role crm_stranger could write on, since it owns table public.theirs, and role migrator may not take its login: grant crm_stranger to migrator with admin option',
  );
  expect(await rights(bench)).toEqual(before);
  expect(await bench.sql('select from stepgate.fence')).toEqual([]);
  expect(await fencing(bench).lower(run)).toEqual({ wasUp: false, stuck: 0 });
  await bench.superuser('drop table theirs; drop role crm_stranger');
});

test('a transaction that has written is waited for; one that only reads is not, and goes on', async () => {
  const [app, reader, run] = [await loginAs(bench, 'crm_app'), await loginAs(bench, 'crm_report'), await holdLock(bench)];
  await app.query("begin; insert into contacts (name) values ('in flight')");
  await reader.query('begin isolation level repeatable read; select count(*) from contacts');
  const { raise, lower } = fencing(bench, { jumpMs: 0 });
  let isUp = false;
  const raising = raise(run).then((answer) => {
    isUp = true;
    return answer;
  });
  await until(bench, 'exists (select from stepgate.fence where watched_from is not null)');
  expect([await said(app, "insert into contacts (name) values ('too late')"), isUp]).toEqual(['42501', false]);
  await app.query('rollback; begin');
  expect(await raising).toMatchObject({ ended: 0 });
  expect(await said(reader, 'select count(*) from contacts')).toBe('done');
  await lower(run);
  await Promise.all([app.end(), reader.end()]);
});

test('a transaction that does not end is ended after twenty seconds, and named', async () => {
  const [app, run] = [await loginAs(bench, 'crm_app'), await holdLock(bench)];
  await app.query("begin; insert into contacts (name) values ('never committed')");
  const { raise, lower } = fencing(bench, { jumpMs: 7000 });
  expect(await raise(run)).toMatchObject({ ended: 1 });
  const [, up] = await fenceEntries(run);
  expect(up ?? (await fenceEntries(run))[0]).toMatchObject({ ended: [{ role: 'crm_app', state: 'idle in transaction' }] });
  expect(await bench.sql("select from contacts where name = 'never committed'")).toEqual([]);
  await lower(run);
});

test('both states run twice and beside themselves; a run that goes on takes the fence of a dead one over', async () => {
  const before = await rights(bench);
  const { raise, lower } = fencing(bench);
  const run = await holdLock(bench);
  const beside = (state: () => Promise<unknown>) => Promise.all([retried(state), retried(state)]);
  await beside(() => raise(run));
  await raise(run);
  const fenced = await rights(bench);
  const next = await holdLock(bench, 'next');
  expect(await refusal(raise(run))).toBeInstanceOf(StaleTokenError);
  expect(await refusal(lower(run))).toBeInstanceOf(StaleTokenError);
  await raise(next);
  expect(await rights(bench)).toEqual(fenced);
  await beside(() => lower(next));
  expect(await lower(next)).toEqual({ wasUp: false, stuck: 0 });
  expect(await rights(bench)).toEqual(before);
});

test('a run that dies between raising and waiting leaves what the next one, or a person, lowers', async () => {
  const before = await rights(bench);
  const run = await holdLock(bench);
  await ledgerFence(bench.ports.session).raise(run.run);
  expect(await isFenced(bench.ports.session, run.run.plan)).toBe(false);
  await bench.sql("select stepgate.lower_fence('crm')");
  expect(await rights(bench)).toEqual(before);

  const next = await holdLock(bench, 'next');
  await ledgerFence(bench.ports.session).raise(next.run);
  const last = await holdLock(bench, 'last');
  await fencing(bench).raise(last);
  expect(await isFenced(bench.ports.session, last.run.plan)).toBe(true);
  await fencing(bench).lower(last);
  expect(await rights(bench)).toEqual(before);
});

test('what others change while the fence is up stays and is named; what is gone is passed over', async () => {
  await bench.sql('create role crm_temp login; grant insert on contacts to crm_temp; create table old (id int); grant insert on old to crm_app');
  const run = await holdLock(bench);
  const { raise, lower } = fencing(bench);
  await raise(run);
  await bench.sql(
    'drop table old; drop role crm_temp; grant delete on calls to crm_report; revoke usage on schema public from public; grant usage on schema public to crm_app, crm_report',
  );
  await lower(run);
  const [down] = (await fenceEntries(run)).filter(({ status }) => status === 'lowered');
  expect(down).toMatchObject({
    stoodMs: expect.closeTo(5_000, -4),
    notes: [
      'done by hand meanwhile, and left: grant DELETE on table public.calls to crm_report',
      expect.stringMatching(/^role \d+ is gone, and with it what it could do with table public.contacts$/),
      'table public.old is gone',
    ],
  });
  const app = await loginAs(bench, 'crm_app');
  expect(await said(app, "insert into calls (note) values ('again')")).toBe('done');
  expect(await bench.sql("select has_table_privilege('crm_report', 'calls', 'delete') as kept")).toEqual([{ kept: true }]);
  await app.end();
});

test('what may not be given back any more is named, and given back on a later visit', async () => {
  const before = await rights(bench);
  const run = await holdLock(bench);
  const { raise, lower } = fencing(bench);
  await raise(run);
  await bench.sql('grant create on schema public to crm_owners; alter table calls owner to crm_owners; revoke crm_owners from current_user');
  const error = await refusal(lower(run));
  expect(error).toBeInstanceOf(StatementFailedError);
  expect(error.message).toContain('on table public.calls to crm_app');
  await bench.sql(
    'grant crm_owners to current_user with set true, inherit true; alter table calls owner to current_user; grant crm_owners to current_user with inherit false; revoke create on schema public from crm_owners',
  );
  expect(await lower(run)).toEqual({ wasUp: true, stuck: 0 });
  expect(await rights(bench)).toEqual(before);
});

test('a phase behind the fence changes the grants that will be in force, and what it makes is behind the fence, too', async () => {
  const [app, run] = [await loginAs(bench, 'crm_app'), await holdLock(bench)];
  const { raise, lower } = fencing(bench);
  await raise(run);
  await runUp(run, [
    'create table leads (id int primary key)',
    'grant select, insert on leads to crm_app',
    'revoke insert, delete on contacts from crm_app',
    'alter table calls rename to past_calls',
  ]);
  expect([await said(app, 'insert into leads values (1)'), await said(app, 'select * from leads')]).toEqual(['42501', 'done']);
  expect(await said(app, 'delete from past_calls')).toBe('42501');
  await lower(run);
  expect(await said(app, 'insert into leads values (1)')).toBe('done');
  expect(await said(app, 'delete from contacts')).toBe('42501');
  expect([await said(app, 'update contacts set name = name'), await said(app, 'delete from past_calls')]).toEqual(['done', 'done']);
  await app.end();
});

test('what an undo is held against does not see the fence', async () => {
  const lines = async () => (await bench.sql('select line from stepgate.unfenced_objects() order by 1')).map(({ line }) => line);
  const [before, run] = [await lines(), await holdLock(bench)];
  const { raise, lower } = fencing(bench);
  await raise(run);
  const fenced = await rights(bench);
  expect(await lines()).toEqual(before);
  expect(await rights(bench)).toEqual(fenced);
  await lower(run);
  expect(await lines()).toEqual(before);
});

test('a function that writes with its owner’s rights cannot be called, and one that only reads can', async () => {
  await bench.sql(`create function add_call() returns void language sql security definer as 'insert into calls (note) values (null)';
create function count_calls() returns bigint stable language sql security definer as 'select count(*) from calls'`);
  const [app, before, run] = [await loginAs(bench, 'crm_app'), await rights(bench), await holdLock(bench)];
  const { raise, lower } = fencing(bench);
  await raise(run);
  expect([await said(app, 'select add_call()'), await said(app, 'select count_calls()')]).toEqual(['42501', 'done']);
  await lower(run);
  expect(await rights(bench)).toEqual(before);
  await app.end();
});

test('the fence of another plan that is still up refuses this one', async () => {
  await fencing(bench).raise(await holdLock(bench, 'first', 'other'));
  const error = await refusal(fencing(bench).raise(await holdLock(bench)));
  expect(error.message).toContain("the fence of plan other is still up: npx stepgate rollback other, or select stepgate.lower_fence('other')");
  await bench.sql("select stepgate.lower_fence('other')");
});

test('neither a reader nor a writer waits for a lock of the fence, and no write fails but by it', async () => {
  const [reader, writer, raiser, run] = [
    await loginAs(bench, 'crm_report'),
    await loginAs(bench, 'crm_app'),
    await bench.connect(),
    await holdLock(bench),
  ];
  // What waits for a lock at all, fails.
  for (const client of [reader, writer]) await client.query("set lock_timeout = '1ms'");
  const calls = async () => [await said(reader, 'select count(*) from contacts'), await said(writer, 'update contacts set name = name')];
  const steps = [
    `raise_fence('${run.run.id}', ${run.run.token}, 'crm')`,
    `settle_fence('${run.run.id}', ${run.run.token}, 'crm', false)`,
    "lower_fence('crm')",
  ];
  const seen: (readonly string[])[] = [];
  for (const step of steps) {
    await raiser.query('begin');
    await raiser.query(`select stepgate.${step}`);
    seen.push(await calls());
    await raiser.query('commit');
  }
  seen.push(await calls());
  expect(seen).toEqual([
    ['done', 'done'],
    ['done', '42501'],
    ['done', '42501'],
    ['done', 'done'],
  ]);
  await Promise.all([reader.end(), writer.end(), raiser.end()]);
});

test('preflight names who would be shut out, and whom the migrator may not shut out', async () => {
  await bench.superuser(
    'create role crm_stranger login; create table theirs (id int); alter table theirs owner to crm_stranger; alter table calls owner to crm_owners',
  );
  expect(await bench.ports.session.readOnly(owningLogins)).toEqual([
    { role: 'crm_owner_login', why: 'is a member of crm_owners, which owns calls', isOurs: true },
    { role: 'crm_stranger', why: 'owns theirs', isOurs: false },
  ]);
  await bench.superuser('drop table theirs; drop role crm_stranger');
});

const WHO_WRITES = `select r.rolname, c.relname from pg_roles r join pg_roles s on pg_has_role(r.oid, s.oid, 'member') cross join pg_class c
where r.rolname like 'crm%' and r.rolcanlogin and c.relnamespace = 'public'::regnamespace and (
  c.relkind in ('r', 'v') and (has_table_privilege(s.oid, c.oid, 'insert, update, delete, truncate') or has_any_column_privilege(s.oid, c.oid, 'insert, update'))
  or c.relkind = 'S' and has_sequence_privilege(s.oid, c.oid, 'usage, update'))
union all select rolname, 'schema public' from pg_roles where rolname like 'crm%' and rolcanlogin and has_schema_privilege(oid, 'public', 'create')`;

interface Grant {
  readonly grantee: string;
  readonly object: string;
  readonly isGrantable: boolean;
}

function grantText({ grantee, object, isGrantable }: Grant): string {
  const right = object.endsWith('seq') ? 'usage on sequence' : object.startsWith('schema') ? 'create on' : 'insert, update on';
  const what = object === 'contacts (name)' ? 'update (name) on contacts' : `${right} ${object}`;
  return `grant ${what} to ${grantee}${isGrantable && grantee !== 'public' ? ' with grant option' : ''}`;
}

test('whatever was granted by whomever, nobody can write while the fence is up, and all of it comes back', async () => {
  const grant = fc.record({
    grantee: fc.constantFrom('crm_app', 'crm_report', 'crm_owner_login', 'crm_owners', 'public'),
    object: fc.constantFrom('contacts', 'calls', 'named', 'contacts (name)', 'calls_id_seq', 'schema public'),
    isGrantable: fc.boolean(),
    by: fc.constantFrom('migrator', 'crm_app', 'crm_owners'),
  });
  const migrator = await bench.connect();
  await fc.assert(
    fc.asyncProperty(fc.array(grant, { minLength: 3, maxLength: 12 }), fc.boolean(), async (grants, isOwned) => {
      await makeCrm(bench, isOwned ? 'grant create on schema public to crm_owners; alter table calls owner to crm_owners' : '');
      const app = await loginAs(bench, 'crm_app');
      for (const one of grants) {
        await migrator.query(one.by === 'crm_owners' ? 'set role crm_owners' : 'reset role');
        await said(one.by === 'crm_app' ? app : migrator, grantText(one));
      }
      await app.end();
      const [before, run] = [await rights(bench), await holdLock(bench)];
      const { raise, lower } = fencing(bench);
      await raise(run);
      expect(await bench.sql(WHO_WRITES)).toEqual([]);
      await lower(run);
      expect(await rights(bench)).toEqual(before);
    }),
    { numRuns: 6 },
  );
  await migrator.end();
});

test('no fence goes up without its dead man’s schedule, and it goes with the fence', async () => {
  const [before, run] = [await rights(bench), await holdLock(bench)];
  const calls: string[] = [];
  const at = (what: string) => async () => {
    const [fences] = await bench.sql<{ count: number }>('select count(*)::int from stepgate.fence');
    calls.push(`${what} beside ${fences?.count}`);
  };
  const none = fencing(bench, { deadMan: { set: () => Promise.reject(new ConfigurationError('no schedules today')), remove: at('removed') } });
  expect(await refusal(none.raise(run))).toBeInstanceOf(ConfigurationError);
  expect(await rights(bench)).toEqual(before);
  const { raise, lower } = fencing(bench, { deadMan: { set: at('set'), remove: at('removed') } });
  for (const visit of [raise, raise, lower, lower]) await visit(run);
  expect(calls).toEqual(['set beside 0', 'set beside 1', 'removed beside 0', 'removed beside 0']);
});
