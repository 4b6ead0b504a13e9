import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CompiledPlan } from '../../../core/plan/compiled-plan.ts';
import type { CheckResult } from '../../../core/run/journal.ts';
import type { PlanServer } from '../../support/plan-database.ts';
import { runFile, startPlanServer } from '../../support/plan-database.ts';
import { compare, evaluate, migrate, SAME, shippedPlan, transfersOf, undo } from '../../support/plan-run.ts';
import { countOf } from './old-rows.ts';

/** A check over 45,230 contacts takes tens of milliseconds; a query that grows with the square of the rows takes minutes. */
const SLOWEST_CHECK_MS = 3000;

let server: PlanServer;
let plan: CompiledPlan;
let db: Client;
let before: readonly CheckResult[];

beforeAll(async () => {
  plan = await shippedPlan('lead-centric');
  server = await startPlanServer();
  await server.createDatabase('demo');
  db = await server.connect('demo');
  await runFile(db, 'lead-centric', 'demo/source.sql');
  await runFile(db, 'lead-centric', 'demo/generate.sql');
  before = await evaluate(db, plan.before);
  await migrate(db, plan);
});
afterAll(() => server.stop());

// Digests of the rows that the team's own generator makes, computed once with psql.
test.each([
  { table: 'auth.users', columns: 'u', order: 'id', rows: 200, digest: 'a73e038e666d97190f05b11a96e31319' },
  { table: 'workspaces', columns: '(id, name)', order: 'id', rows: 156, digest: '2420e57cd827c1bffe6ff5679f305002' },
  { table: 'workspace_users', columns: 'u', order: 'workspace_id, user_id', rows: 311, digest: 'd32cbb047d323fd1220221b472f82d4f' },
  { table: 'contacts', columns: 'u', order: 'id', rows: 45_230, digest: 'd76403d4d4d64f9706931acf3ce8adac' },
  {
    table: 'custom_fields',
    columns: '(id, workspace_id, name, field_type, options)',
    order: 'id',
    rows: 1247,
    digest: 'fec76a8fa4ef4c18496610ccd0e1a553',
  },
  { table: 'contact_custom_fields', columns: 'u', order: 'id', rows: 78_345, digest: '902bc7319ba9e31976a646448b817d68' },
])('the demo makes the same $rows rows of $table each time', async ({ table, columns, order, rows, digest }) => {
  await db.query(`set timezone to 'UTC'`);
  const answer = await db.query(
    `select count(*)::integer as rows, md5(string_agg(${columns}::text, '|' order by ${order})) as digest from ${table} u`,
  );
  expect(answer.rows).toEqual([{ rows, digest }]);
});

test.each([
  { what: 'customers', from: 'customers', rows: 45_230 },
  { what: 'leads', from: 'leads', rows: 38_927 },
  { what: 'leads of contacts with a status, empty or not', from: `leads where disposition <> 'appointment_only'`, rows: 36_151 },
  { what: 'leads of contacts with an appointment alone', from: `leads where disposition = 'appointment_only'`, rows: 2776 },
  { what: 'appointments', from: 'appointments', rows: 13_656 },
  { what: 'custom values', from: 'customer_custom_fields', rows: 78_345 },
  { what: 'leads with a status of 5, 6 or 7, at stage 4', from: leadsOf('c.appointment_status_id > 4 and l.stg_id = 4'), rows: 4083 },
  { what: 'leads tagged solarium, which is no product', from: leadsOf(`c.tags = 'solarium' and l.productid = 'DEFAULT'`), rows: 349 },
  { what: 'leads tagged Solar, which is one', from: leadsOf(`c.tags = 'Solar' and l.productid = 'SOLAR'`), rows: 688 },
  { what: 'leads of two products, the first of which counts', from: leadsOf(`c.tags = 'solar,hvac' and l.productid = 'SOLAR'`), rows: 1103 },
  { what: 'phones longer than 20 characters', from: 'customers where length(phone1) > 20', rows: 471 },
  { what: 'customers without a date of creation', from: 'customers where created_at is null and dateadded is null', rows: 9 },
])('the demo has $rows $what', async ({ from, rows }) => {
  expect(await countOf(db, from)).toBe(rows);
});

/** Those that the team's own script made too: of a contact with a status. */
function leadsOf(condition: string): string {
  return `leads l join contacts c using (id) where c.lead_status is not null and ${condition}`;
}

test('every row and column of the demo is in the target by value, both ways', async () => {
  for (const transfer of transfersOf(plan)) expect([transfer.id, await compare(db, transfer)]).toEqual([transfer.id, SAME]);
});

test('the demo passes each check that blocks, and is warned of its dirt', () => {
  expect(before.filter((result) => result.status === 'fail')).toEqual([]);
  expect(before.filter((result) => result.status === 'warn').map((result) => [result.name, result.total])).toEqual([
    ['well-formed-emails', 45_230],
    ['phones-of-ten-characters-or-more', 45_230],
    ['contacts-with-a-lead-status', 45_230],
    ['contacts-with-first-and-last-name', 45_230],
    ['results-that-have-a-name', 11_365],
  ]);
  expect(before.find((result) => result.name === 'well-formed-emails')?.scopes).toHaveLength(156);
});

test('the demo has the risks of its assessment', () => {
  const measured = (name: string): unknown => before.find((result) => result.name === name)?.measures;
  expect(measured('risks')).toEqual([
    { name: 'workspaces with fewer than 70 % well-formed e-mails', value: '12' },
    { name: 'workspaces with more than 5 % of all contacts', value: '5' },
    { name: 'custom fields with choices or dependencies', value: '23' },
    { name: 'contacts whose tags name several products', value: '1368' },
  ]);
  expect(measured('custom-field-usage')).toContainEqual({
    name: 'multiselect',
    value: '23 fields in 23 workspaces, 0 of them unused, 6609 values',
  });
});

test('the migrated demo passes every check, each in little time', async () => {
  const after = await evaluate(db, plan.after);
  expect(after.filter((result) => result.status === 'fail' || result.status === 'warn')).toEqual([]);
  expect([...before, ...after].filter((result) => result.durationMs > SLOWEST_CHECK_MS)).toEqual([]);
});

test('the plan builds 25 indexes, all valid, and each foreign key of the new tables has one', async () => {
  const indexes = plan.phases.find((phase) => phase.id === 'indexes');
  expect(indexes).toMatchObject({ kind: 'long' });
  expect(indexes?.kind === 'long' ? indexes.up : []).toHaveLength(25);
  const { rows } = await db.query(`
    select k.conrelid::regclass::text || ' ' || k.conname as without_index
    from pg_constraint k
    where k.contype = 'f' and k.conrelid::regclass::text ~ '^(customers|leads|appointments|(customer|lead|appointment)_custom_fields)$'
    and not exists (
      select from pg_index i
      where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1] and i.indpred is null and i.indisvalid
    )`);
  expect(rows).toEqual([]);
});

test.each([
  { query: `customers where email = 'contact77@example27.com'`, index: 'customers_email' },
  { query: `customers where phone1 = '+14150000077'`, index: 'customers_phone1' },
  { query: `customers where zip = '00077'`, index: 'customers_zip' },
  { query: `customers where workspace_id = md5('ws1')::uuid order by dateadded desc limit 20`, index: 'customers_workspace_added' },
  {
    query: `customers where workspace_id = md5('ws1')::uuid order by left(lastname, 100), left(firstname, 100) limit 20`,
    index: 'customers_workspace_name',
  },
  { query: `leads where workspace_id = md5('ws1')::uuid and stg_id = 4 order by priority limit 20`, index: 'leads_workspace_stage' },
  { query: `leads where customer_id = md5('contact77')::uuid`, index: 'leads_customer' },
  {
    query: `appointments where workspace_id = md5('ws1')::uuid and apptdate between '2026-05-01' and '2026-05-02'`,
    index: 'appointments_workspace_day',
  },
  { query: `customer_custom_fields where customer_id = md5('contact77')::uuid`, index: 'customer_custom_fields_customer_id_field_id_key' },
])('below row-level security, $index serves: $query', async ({ query, index }) => {
  await db.query('grant usage on schema auth to application');
  await db.query('grant select on workspace_users, customers, leads, appointments, customer_custom_fields to application');
  const application = await server.connect('demo', 'application');
  const { rows } = await application.query<{ 'QUERY PLAN': string }>(`explain select * from ${query}`);
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(
    new RegExp(`Index Scan (Backward )?using ${index} |Bitmap Index Scan on ${index} `),
  );
});

test('each new table is vacuumed, and the planner knows what is in it', async () => {
  const statistics = plan.phases.find((phase) => phase.id === 'statistics');
  expect(statistics?.kind === 'long' ? statistics.up.map(({ proof }) => 'table' in proof && proof.table).toSorted() : []).toEqual([
    'appointment_custom_fields',
    'appointments',
    'customer_custom_fields',
    'customers',
    'lead_custom_fields',
    'leads',
  ]);
  const { rows } = await db.query(`select relname from pg_class c
    where relkind = 'r' and relallvisible > 0 and exists (select from pg_stats s where s.tablename = c.relname)
    and relname ~ '^(customer|lead|appointment)' order by 1`);
  expect(rows.map((row) => row.relname)).toEqual(['appointments', 'customer_custom_fields', 'customers', 'leads']);
});

test('an undo of the whole demo takes seconds, since each deleted row finds its children by an index', async () => {
  await server.disconnect('demo');
  await server.createDatabase('demo_undone', 'demo');
  const client = await server.connect('demo_undone');
  await client.query(`set statement_timeout to '15s'`);
  await undo(client, plan);
  expect(await countOf(client, 'contacts')).toBe(45_230);
});
