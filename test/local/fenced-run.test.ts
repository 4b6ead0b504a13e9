import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { type Engine, engineEnvironment, startEngine } from '../../local/engine.ts';
import { said } from '../support/fenced-crm.ts';
import { LIVE_PLAN, LIVE_SOURCE } from '../support/live-plan.ts';

// A plan with a fence through the whole definition, by the functions that would be deployed, beside an application with a role of its own.

const folder = mkdtempSync(join(tmpdir(), 'stepgate-fenced-'));
const assemblyFolder = join(tmpdir(), 'stepgate-assemblies');

const WRITES_BOTH = "has_table_privilege('crm_app', 'people', 'insert') and has_table_privilege('crm_app', 'customers', 'insert')";
const FENCED_PLAN = {
  ...LIVE_PLAN,
  'plan.yaml': (LIVE_PLAN['plan.yaml'] ?? '').replace('cutover: flag', 'cutover: flag, fence: true'),
  'before.sql':
    "--! check: application-writes-the-old-side, fail, no rows\nselect 1 as one where not has_table_privilege('crm_app', 'people', 'insert');\n",
  '3-cutover/up.sql': 'grant select, insert, update, delete on customers, leads, customer_calls to crm_app;\n',
  '3-cutover/undo.sql': 'revoke select, insert, update, delete on customers, leads, customer_calls from crm_app;\n',
  'after.sql': `--! check: application-writes-both-sides, fail, no rows
select 1 as one where not (${WRITES_BOTH});
--! check: owners-log-in, fail, no rows
select oid::bigint as oid from pg_roles where rolname = 'crm_owner_login' and not rolcanlogin;
--! check: nobody-said-stop, fail, no rows
select id from stops;
`,
};

const ROLES = `create role crm_app login password 'local'; create role crm_owners nologin; create role crm_owner_login login password 'local';
grant crm_owners to crm_owner_login; grant crm_owners to current_user with set true, inherit false;`;
const SOURCE = `${LIVE_SOURCE}
create table stops (id int primary key);
create table owned (id int); grant create on schema public to crm_owners; alter table owned owner to crm_owners;
create function touch() returns void language sql security definer as 'update people set tag = tag where false';
revoke execute on function touch() from public; grant execute on function touch() to crm_app;
grant select, insert, update, delete on towns, people, calls to crm_app; grant select on stops to crm_app;
grant usage on all sequences in schema public to crm_app;
alter default privileges in schema public grant select on tables to crm_app;
`;

/** Access lists, role attributes, memberships and default privileges, of everything that is not the plan's own. */
const RIGHTS = `with lists (what, owner, list) as (
  select concat_ws(' ', c.relkind, c.oid::regclass), c.relowner, coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'S') and c.relname !~ '^(customer|lead)'
  union all select concat_ws(' ', 'column', attrelid::regclass, attname), null, attacl from pg_attribute
    where attacl is not null and attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
  union all select 'schema ' || nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace where nspname = 'public'
  union all select concat_ws(' ', 'routine', oid::regprocedure), proowner, coalesce(proacl, acldefault('f', proowner)) from pg_proc where pronamespace = 'public'::regnamespace
  union all select concat_ws(' ', 'default', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), null, defaclacl from pg_default_acl
)
select concat_ws(' ', what, owner::regrole, array(select format('%s=%s*%s/%s', a.grantee::regrole, a.privilege_type, a.is_grantable, a.grantor::regrole) from aclexplode(list) a order by 1)::text) as line from lists
union all select concat_ws(' ', 'role', to_jsonb(r) - 'rolpassword' - 'oid') from pg_roles r where rolname !~ '^pg_'
union all select format('member %s of %s %s', member::regrole, roleid::regrole, to_jsonb(m) - 'oid') from pg_auth_members m
order by 1`;

let engine: Engine;
let migrator: Client;
/** What happens when a state is left. */
let watch: (state: string) => Promise<void> = async () => undefined;

async function compiled(): Promise<string> {
  const hazards = await compilePlan({ id: 'fenced', files: new Map(Object.entries(FENCED_PLAN)) });
  const files = Object.entries(FENCED_PLAN).map(([file, text]) => {
    const names = hazards.ok ? [] : hazards.faults.flatMap((fault) => (fault.file === file && fault.hazard != null ? [fault.hazard] : []));
    return [file, [...new Set(names)].map((name) => `--! allow: ${name} because the database is a test's\n`).join('') + text] as const;
  });
  const plan = await compilePlan({ id: 'fenced', files: new Map(files) });
  if (!plan.ok) throw new Error(plan.faults.map(describeFault).join('\n'));
  return plan.json;
}

let plans: ReadonlyMap<PlanId, string>;

async function start(): Promise<void> {
  engine = await startEngine({ folder, plans, assemblyFolder, onStateExited: async ({ state }) => watch(state) });
  Object.assign(process.env, engineEnvironment(engine));
  migrator = new Client({ connectionString: engine.psqlUrl });
  migrator.on('error', () => undefined);
  await migrator.connect();
}

async function stop(): Promise<void> {
  await migrator.end();
  await engine.stop();
}

const environment = { ...process.env };
beforeAll(async () => {
  plans = new Map([[PlanId.parse('fenced'), await compiled()]]);
  await start();
  await migrator.query(ROLES);
}, 60_000);
afterAll(async () => {
  await stop();
  process.env = environment;
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  watch = async () => undefined;
  await migrator.query(`drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade;
alter default privileges in schema public revoke select on tables from crm_app; drop schema public cascade; create schema public; grant usage on schema public to public; ${SOURCE}`);
});

async function rights(): Promise<readonly string[]> {
  return (await migrator.query<{ line: string }>(RIGHTS)).rows.map(({ line }) => line);
}

async function application(): Promise<Client> {
  const url = new URL(engine.psqlUrl);
  Object.assign(url, { username: 'crm_app', password: 'local' });
  const client = new Client({ connectionString: url.href });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

let number = 0;
async function run(mode: string): Promise<{ readonly outcome: string; readonly cause: string }> {
  const sfn = new SFNClient({});
  number += 1;
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({
      stateMachineArn: engine.stack.stateMachineArn,
      name: `fenced-${mode}-${number}`,
      input: JSON.stringify({ plan: 'fenced', mode }),
    }),
  );
  for (;;) {
    const { status, error, cause, output } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'SUCCEEDED') return { outcome: JSON.parse(output ?? '{}').outcome, cause: '' };
    if (status !== 'RUNNING') return { outcome: error ?? status ?? '', cause: cause ?? '' };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const WRITE = "update people set name = name || '!' where id = 7";

/** What the application may write as states are left: SQLSTATEs, or 'done'. */
async function watched(mode: string): Promise<{ readonly outcome: string; readonly cause: string; readonly may: ReadonlyMap<string, string> }> {
  const app = await application();
  const may = new Map<string, string>();
  watch = async (state) => void may.set(state, await said(app, WRITE));
  try {
    return { ...(await run(mode)), may };
  } finally {
    watch = async () => undefined;
    await app.end();
  }
}

test('the application writes until the fence is up, not behind it, and again after the run; rights are as before but for what the plan granted', async () => {
  const before = await rights();
  const { outcome, cause, may } = await watched('execute');
  expect([outcome, cause]).toEqual(['migrated', '']);
  expect([...may].filter(([, one]) => one !== 'done').map(([state]) => state)).toEqual(
    expect.arrayContaining(['RaiseFence', 'CatchUp', 'RunPhase', 'VerifyTarget', 'CompleteRun']),
  );
  expect(['RunBackfill', 'RaiseFence', 'LowerFence', 'CloseRun'].map((state) => may.get(state))).toEqual(['done', '42501', 'done', 'done']);
  expect(await rights()).toEqual(before);
  expect((await migrator.query(`select ${WRITES_BOTH} as both`)).rows).toEqual([{ both: true }]);

  const back = await watched('rollback');
  expect([back.outcome, back.cause]).toEqual(['rolled-back', '']);
  expect(await rights()).toEqual(before);
}, 60_000);

test('a run that fails behind its fence is undone behind it, and rights are as before', async () => {
  const before = await rights();
  await migrator.query('insert into stops values (1)');
  const { outcome, cause, may } = await watched('execute');
  expect([outcome, cause]).toEqual(['rolled-back', expect.stringContaining('check nobody-said-stop failed')]);
  expect([may.get('DecideRecovery'), may.get('UndoPhase'), may.get('VerifyUndo'), may.get('LowerFence')]).toEqual([
    '42501',
    '42501',
    '42501',
    'done',
  ]);
  expect(await rights()).toEqual(before);
}, 60_000);

test('a run that is refused takes no right', async () => {
  await migrator.query('revoke insert on people from crm_app');
  const before = await rights();
  const { outcome, may } = await watched('execute');
  expect([outcome, [...new Set(may.values())]]).toEqual(['refused', ['done']]);
  expect(await rights()).toEqual(before);
}, 60_000);

/** An engine of another process, killed when its run has raised the fence. */
async function killedBehindTheFence(): Promise<void> {
  await stop();
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = join(folder, 'killed.mjs');
  writeFileSync(
    script,
    `import { SFNClient, StartExecutionCommand } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-sfn'))};
import { engineEnvironment, startEngine } from ${module('../../local/engine.ts')};
const engine = await startEngine({ folder: ${JSON.stringify(folder)}, plans: new Map(${JSON.stringify([...plans])}), assemblyFolder: ${JSON.stringify(assemblyFolder)},
  onStateExited: async ({ state }) => { if (state === 'RaiseFence') { console.log('fenced'); await new Promise(() => {}); } } });
Object.assign(process.env, engineEnvironment(engine));
await new SFNClient({}).send(new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name: 'killed-${++number}', input: '{"plan":"fenced","mode":"execute"}' }));
setInterval(() => {}, 1000);`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.kill('SIGKILL');
  await ended;
  await start();
}

test.each([
  { mode: 'execute', ends: 'migrated' },
  { mode: 'rollback', ends: 'rolled-back' },
])(
  'a run that is killed behind its fence leaves it up, and $mode goes on and lowers it',
  async ({ mode, ends }) => {
    const before = await rights();
    await killedBehindTheFence();
    const app = await application();
    expect(await said(app, WRITE)).toBe('42501');
    expect(await rights()).not.toEqual(before);
    expect(await run(mode)).toEqual({ outcome: ends, cause: '' });
    expect(await said(app, WRITE)).toBe('done');
    expect(await rights()).toEqual(before);
    await app.end();
  },
  90_000,
);
