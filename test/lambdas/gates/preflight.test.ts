import { CreateDBClusterCommand, CreateDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { rdsClient } from '../../../adapters/aws-clients.ts';
import { longSessions } from '../../../adapters/catalog.ts';
import { GateRefusedError } from '../../../core/errors.ts';
import type { Finding } from '../../../core/run/journal.ts';
import type { Mode } from '../../../core/run/mode.ts';
import { sessionFindings } from '../../../core/run/preflight.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { preflight } from '../../../lambdas/gates/preflight.ts';
import { snapshotPort, statePorts } from '../../../lambdas/middleware/ports.ts';
import { beginRun, type Deployed, deploy, emptyDatabase, entries, refusal, runPhases } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
  await bench.sql('create role other nologin; grant other to migrator; grant create on database crm to other');
});
afterAll(() => bench?.close());
beforeEach(() => emptyDatabase(bench, SMALL_SOURCE));

async function look(mode: Mode = 'dry-run', deployed = plan) {
  const input = reading(deployed, { mode, id: 'looked' });
  const visit = () => preflight({ ...bench.ports, snapshots: bench.snapshots })({ ...input, planState: 'fresh', asked: NOTHING_ASKED });
  return { visit, findings: async (): Promise<readonly Finding[]> => (await entries(bench, input as never, 'preflight'))[0]?.findings ?? [] };
}

async function reasons(mode: Mode = 'dry-run', deployed = plan): Promise<string> {
  const { visit } = await look(mode, deployed);
  const error = await refusal(visit());
  expect(error).toBeInstanceOf(GateRefusedError);
  return error.message;
}

test('Preflight run twice and beside itself finds nothing wrong, and writes nothing', async () => {
  const { visit, findings } = await look();
  const before = await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  const [one, other] = await Promise.all([visit(), visit()]);
  expect(other).toEqual(one);
  expect(await bench.sql('select pg_snapshot_xmax(pg_current_snapshot())::text as next')).toEqual(before);
  expect(await bench.sql("select to_regnamespace('stepgate')::text as ledger")).toEqual([{ ledger: null }]);
  expect((await findings()).filter((finding) => finding.status === 'fail')).toEqual([]);
  expect((await findings()).map((finding) => finding.name)).toEqual(
    expect.arrayContaining(['cluster', 'data-api', 'writer', 'engine-version', 'privileges', 'settings', 'sessions', 'table', 'names', 'mapping']),
  );
});

test.each(['dry-run', 'backup', 'execute', 'rollback'] as const)('mode %s passes on a database as the plan wants it', async (mode) => {
  expect(await (await look(mode)).visit()).toMatchObject({ findings: expect.any(Number) });
});

test.each([
  { what: 'a table', taken: 'create table customers (id int)', said: 'table public.customers is already there' },
  { what: 'a view in a table’s place', taken: 'create view customers as select 1', said: 'table public.customers is already there' },
  { what: 'a type in a table’s place', taken: "create type customers as enum ('a')", said: 'table public.customers is already there' },
  { what: 'a sequence in an index’s place', taken: 'create sequence customers_zip', said: 'index public.customers_zip is already there' },
  { what: 'an index', taken: 'create index customers_age on people (age)', said: 'index public.customers_age is already there' },
  { what: 'a column', taken: 'alter table people add column is_moved int', said: 'column is_moved of public.people is already there' },
])('$what that is in the way is named', async ({ taken, said }) => {
  await bench.sql(taken);
  expect(await reasons()).toContain(said);
});

const MORE = {
  ...SMALL_PLAN,
  '1-schema/up.sql': `${SMALL_PLAN['1-schema/up.sql']}create schema extra;
create sequence numbers;
create type mood as enum ('low');
create function twice(n int) returns int language sql return n * 2;
create view seen as select id from people;
create policy everyone on people using (true);
alter table people enable row level security;
`,
};

test.each([
  { what: 'schema', taken: 'create schema extra', said: 'schema extra is already there' },
  { what: 'sequence', taken: 'create sequence numbers', said: 'sequence public.numbers is already there' },
  { what: 'type', taken: 'create domain mood as text', said: 'type public.mood is already there' },
  { what: 'function', taken: 'create function twice(n text) returns text language sql return n', said: 'function public.twice is already there' },
  { what: 'view', taken: 'create table seen (id int)', said: 'view public.seen is already there' },
  { what: 'policy', taken: 'create policy everyone on people using (false)', said: 'policy everyone of public.people is already there' },
])('a $what of a name that the plan creates is in the way', async ({ taken, said }) => {
  await bench.sql(taken);
  expect(await reasons('dry-run', await deploy(bench, MORE))).toContain(said);
  await bench.sql('drop schema if exists extra');
});

test('a generated column that a transfer would fill is named, unless the plan makes it a plain one', async () => {
  await bench.sql('create table there (id bigint generated always as identity primary key, age int)');
  const copy = { '1-copy/there.sql': '--! into: there\n--! from: people\n--! key: id\n--! sync: none\nselect p.id, p.age from people p;\n' };
  const plain = 'title: Into a table that is there\nphases:\n  - { id: copy, transfers: [there] }\n';
  const generated = await deploy(bench, { 'plan.yaml': plain, ...copy });
  expect(await reasons('dry-run', generated)).toMatch(/mapping: 1-copy\/there\.sql:\d+: public\.there\.id is generated by the database/);
  const lifted = {
    'plan.yaml': 'title: Lifted\nphases:\n  - { id: plain }\n  - { id: copy, transfers: [there] }\n',
    '1-plain/up.sql': '--! allow: DEFAULT_DROPPED because the transfer fills it\nalter table there alter column id drop identity;\n',
    '1-plain/undo.sql': 'alter table there alter column id add generated always as identity;\n',
    '2-copy/there.sql': copy['1-copy/there.sql'],
  };
  expect(await (await look('dry-run', await deploy(bench, lifted))).visit()).toMatchObject({ findings: expect.any(Number) });
});

test('names of phases that are begun are the plan’s own', async () => {
  const run = await beginRun(bench, plan, { id: 'begun' });
  await runPhases(bench.ports, run, 'copy');
  expect(await (await look('execute')).visit()).toMatchObject({ findings: expect.any(Number) });
});

test.each([
  { what: 'a driving table that is missing', change: 'alter table people rename to persons', said: 'public.people is not there' },
  { what: 'a lookup table that is missing', change: 'alter table towns rename to cities', said: 'relation "towns" does not exist' },
  { what: 'a column that is missing', change: 'alter table people rename column age to years', said: 'column p.age does not exist' },
  {
    what: 'a table that may not be read',
    change: 'alter table people owner to other; revoke other from migrator',
    said: 'public.people may not be read',
  },
  {
    what: 'a table that hides rows',
    change:
      'grant create on schema public to other; alter table people enable row level security; alter table people owner to other; set role other; grant select on people to migrator; reset role; revoke other from migrator',
    said: 'public.people hides rows by row-level security',
  },
  {
    what: 'a key that may be null',
    change: 'alter table people drop constraint people_pkey; alter table people alter column id drop not null',
    said: 'public.people.id may be null',
  },
])('$what is named', async ({ change, said }) => {
  await bench.sql('grant all on schema public to other');
  await bench.sql(change);
  try {
    expect(await reasons()).toContain(said);
  } finally {
    await bench.sql('grant other to migrator');
  }
});

test('a column that is missing is not taken for one that the plan creates because its error names that too', async () => {
  const files = {
    ...SMALL_PLAN,
    '1-schema/up.sql': `${SMALL_PLAN['1-schema/up.sql']}alter table towns add column full_name text;\n`,
    '1-schema/undo.sql': `alter table towns drop column full_name;\n${SMALL_PLAN['1-schema/undo.sql']}`,
  };
  await bench.sql('alter table people rename column age to years');
  expect(await reasons('dry-run', await deploy(bench, files))).toContain('column p.age does not exist');
});

test('what an earlier phase makes is not missing', async () => {
  const files = {
    'plan.yaml': 'title: Two steps\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n',
    '1-schema/up.sql': `create type mood as enum ('low');
create table staged (id bigint primary key, name text);
create table customers (id bigint primary key, name text, mood mood);
`,
    '1-schema/undo.sql': 'drop table customers;\ndrop table staged;\ndrop type mood;\n',
    '2-copy/rows.sql':
      "--! into: customers\n--! from: staged\n--! key: id\n--! sync: none\nselect s.id, s.name, 'low'::mood as mood from staged s;\n",
  };
  expect(await (await look('dry-run', await deploy(bench, files))).visit()).toMatchObject({ findings: expect.any(Number) });
});

test('every reason is told at once, and those of verify are its own', async () => {
  await bench.sql('create table customers (id bigint); alter table towns rename to cities; alter table people add column is_moved int');
  const all = await reasons();
  for (const said of ['table public.customers is already there', 'column is_moved', 'relation "towns" does not exist']) expect(all).toContain(said);
  const verify = await reasons('verify');
  expect(verify).not.toContain('is already there');
  expect(verify).toContain('public.customers.id is not the table’s key'.replace('’', "'"));
});

test.each([
  {
    what: 'a role that may not create schemas',
    change: 'revoke create on database crm from migrator; revoke create on database crm from other',
    back: 'grant create on database crm to migrator; grant create on database crm to other',
    said: 'may not create schemas',
  },
  {
    what: 'a role whose statements are ended',
    change: "alter role migrator set statement_timeout = '5s'",
    back: 'alter role migrator reset statement_timeout',
    said: 'statement_timeout = 5000',
  },
  {
    what: 'a database that refuses writes',
    change: 'alter database crm set default_transaction_read_only = on',
    back: 'set default_transaction_read_only = off; alter database crm reset default_transaction_read_only',
    said: 'default_transaction_read_only = on',
  },
])('$what is named, for a run that changes something', async ({ change, back, said }) => {
  await bench.sql(change);
  // Backends of the pool keep what they began with, as on AWS.
  await bench.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rds-data-api'");
  try {
    for (let backend = 0; backend < 3; backend += 1) await bench.ports.session.readOnly(async () => undefined).catch(() => undefined);
    expect(await reasons('execute')).toContain(said);
    expect(await (await look('dry-run')).visit()).toMatchObject({ findings: expect.any(Number) });
  } finally {
    await bench.sql(back);
    await bench.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rds-data-api'");
    for (let backend = 0; backend < 3; backend += 1) await bench.ports.session.readOnly(async () => undefined).catch(() => undefined);
  }
});

test('transactions that have been open for long are named, old ones refused', async () => {
  await bench.sql('begin; select 1');
  const sessions = await bench.ports.session.readOnly((query) => longSessions(query, -1));
  await bench.sql('commit');
  expect(sessions).toEqual(expect.arrayContaining([expect.objectContaining({ role: 'migrator', state: 'idle in transaction' })]));
  const [session] = sessions;
  if (session === undefined) throw new Error('a session is open');
  expect(sessionFindings([{ ...session, seconds: 61 }])).toMatchObject([{ status: 'warn' }]);
  expect(sessionFindings([{ ...session, seconds: 301 }])).toMatchObject([
    { status: 'fail', advice: expect.stringContaining('pg_terminate_backend') },
  ]);
  expect(sessionFindings([])).toMatchObject([{ status: 'pass' }]);
});

test('a cluster whose Data API is off, and one that is not available, are told with what to do', async () => {
  const rds = rdsClient();
  await rds.send(
    new CreateDBClusterCommand({
      DBClusterIdentifier: 'off',
      Engine: 'aurora-postgresql',
      DatabaseName: 'crm',
      MasterUsername: 'migrator',
      ManageMasterUserPassword: true,
    }),
  );
  const environment = {
    ...bench.environment,
    STEPGATE_CLUSTER_ID: 'off',
    STEPGATE_CLUSTER_ARN: bench.environment.STEPGATE_CLUSTER_ARN.replace(/[^:]+$/, 'off'),
  };
  const deps = { ...statePorts(environment), snapshots: snapshotPort(environment) };
  const visit = () => preflight(deps)({ ...reading(plan, { mode: 'dry-run', id: 'off' }), planState: 'fresh', asked: NOTHING_ASKED });
  const creating = await refusal(visit());
  expect(creating).toBeInstanceOf(GateRefusedError);
  for (const said of ['cluster is creating', 'Data API is off', 'enable-http-endpoint', 'writer is none']) expect(creating.message).toContain(said);
  await rds.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: 'off-1',
      DBClusterIdentifier: 'off',
      DBInstanceClass: 'db.t4g.medium',
      Engine: 'aurora-postgresql',
    }),
  );
  const small = await refusal(visit());
  expect(small.message).toContain('class db.t4g.medium');
});

test('a secret that is wrong is said as what it is', async () => {
  const environment = { ...bench.environment, STEPGATE_SECRET_ARN: `${bench.environment.STEPGATE_SECRET_ARN}x` };
  const visit = preflight({ ...statePorts(environment), snapshots: bench.snapshots })({
    ...reading(plan, { mode: 'dry-run', id: 'secret' }),
    planState: 'fresh',
    asked: NOTHING_ASKED,
  });
  expect(await refusal(visit)).toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining('SecretsErrorException') });
});

test('a dry run of a plan that was interrupted names the later phases that have changed since', async () => {
  const first = await beginRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first, 'indexes');
  await bench.sql('update stepgate.lock set run_id = null');
  const named = async (deployed: Deployed) => {
    const { visit, findings } = await look('dry-run', deployed);
    await Promise.all([visit(), visit()]);
    return (await findings()).filter(({ name }) => name === 'changed-phases').map(({ status, found }) => `${status}: ${found}`);
  };
  expect(await named(plan)).toEqual([]);
  const later = await deploy(bench, { ...SMALL_PLAN, '4-owners/up.sql': `${SMALL_PLAN['4-owners/up.sql']}comment on table customers is 'later';\n` });
  expect(await named(later)).toEqual(['warn: phases still to come have changed since the run that stopped: owners']);
});

test('verify of a database in which the plan is not executed names the table that is missing', async () => {
  expect(await reasons('verify')).toContain('public.customers is not there');
});

test('a live transfer says what goes both ways, and is refused over a trigger that writes what it carries', async () => {
  const live = await deploy(bench, {
    ...SMALL_PLAN,
    'plan.yaml': `${SMALL_PLAN['plan.yaml']?.replace('{ id: owners }', '{ id: owners, cutover: flag }')}`,
    '2-copy/customers.sql': (SMALL_PLAN['2-copy/customers.sql'] ?? '').replace('sync: none', 'sync: both'),
  });
  const { visit, findings } = await look('dry-run', live);
  await visit();
  const said = (await findings()).filter(({ name }) => name === 'sync').map(({ status, found }) => `${status} ${found.replace(/^\S+ /, '')}`);
  expect(said).toContain('pass transfer customers goes both ways with id, age');
  expect(said).toContainEqual(expect.stringMatching(/^info transfer customers: full_name goes forward only: an expression makes it/));
  await bench.sql(`create function touch() returns trigger language plpgsql as 'begin new.age := 1; return new; end';
create trigger touch before update on people for each row execute function touch()`);
  expect(await reasons('execute', live)).toContain('trigger touch of public.people (function touch) writes age');
  expect(await (await look('verify', plan)).visit().catch((error: Error) => error.message)).not.toContain('touch');
});
