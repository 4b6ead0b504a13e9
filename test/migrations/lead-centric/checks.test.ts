import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Check, CompiledPlan } from '../../../core/plan/compiled-plan.ts';
import type { CheckResult } from '../../../core/run/journal.ts';
import type { PlanServer } from '../../support/plan-database.ts';
import { runFile, startPlanServer } from '../../support/plan-database.ts';
import { evaluate, migrate, shippedPlan } from '../../support/plan-run.ts';
import { insertContact, insertValue, insertWorkspaces, OTHER_WORKSPACE, WORKSPACE } from './old-rows.ts';

let server: PlanServer;
let plan: CompiledPlan;
let old: Client;
let migrated: Client;

beforeAll(async () => {
  plan = await shippedPlan('lead-centric');
  server = await startPlanServer();
  await server.createDatabase('old_schema');
  const client = await server.connect('old_schema');
  await runFile(client, 'lead-centric', 'demo/source.sql');
  await insertWorkspaces(client);
  const contact = {
    lastname: 'Lovelace',
    email: 'ada@example.com',
    phone_number: '+14155550123',
    lead_status: 'new',
    lead_source: 'web',
    appointment_date: '2026-03-01T12:00:00Z',
    appointment_status_id: 6,
    appointment_result_id: 1,
  };
  for (let i = 0; i < 2; i += 1) await insertValue(client, 'slate', { contact_id: await insertContact(client, contact) });
  await insertContact(client, { ...contact, workspace_id: OTHER_WORKSPACE });
  await server.disconnect('old_schema');
  await server.createDatabase('migrated', 'old_schema');
  old = await server.connect('old_schema');
  migrated = await server.connect('migrated');
  await migrate(migrated, plan);
});
afterAll(() => server.stop());

beforeEach(async () => {
  await old.query('begin');
  await migrated.query('begin');
  return async () => {
    await old.query('rollback');
    await migrated.query('rollback');
  };
});

/** What the named check says; the other checks may not even run on a database that is spoiled. */
async function ask(client: Client, checks: readonly Check[], name: string): Promise<CheckResult | undefined> {
  const [result] = await evaluate(
    client,
    checks.filter((check) => check.name === name),
  );
  return result;
}

test('a clean database passes every check before the run and after it', async () => {
  const before = await evaluate(old, plan.before);
  const after = await evaluate(migrated, afterwards());
  expect([...before, ...after].filter((result) => result.status !== 'pass' && result.status !== 'info')).toEqual([]);
});

const WITHOUT_KEYS = 'alter table contacts drop constraint contacts_created_by_fkey, drop constraint contacts_workspace_id_fkey';
const NOBODY = '00000000-0000-4000-8000-000000000000';

test.each([
  { spoil: 'alter table contacts rename column lead_source to origin', check: 'columns-that-the-plan-reads', samples: ['contacts.lead_source'] },
  { spoil: 'alter table contacts alter column updated_at type timestamp', check: 'columns-that-the-plan-reads', samples: ['contacts.updated_at'] },
  { spoil: 'alter table contacts alter column priority type bigint', check: 'columns-that-the-plan-reads', samples: ['contacts.priority'] },
  { spoil: 'drop table workspace_users', check: 'columns-that-the-plan-reads', samples: ['workspace_users.workspace_id', 'workspace_users.user_id'] },
  { spoil: 'drop function auth.uid()', check: 'function-that-the-policies-call', samples: ['auth.uid() returning uuid'] },
  { spoil: 'drop schema auth cascade', check: 'function-that-the-policies-call', samples: ['auth.uid() returning uuid'] },
  { spoil: `${WITHOUT_KEYS}; delete from workspaces where id = '${OTHER_WORKSPACE}'`, check: 'contacts-without-a-workspace' },
  {
    spoil: `${WITHOUT_KEYS}; update contacts set created_by = '${NOBODY}' where workspace_id = '${OTHER_WORKSPACE}'`,
    check: 'contacts-made-by-nobody-known',
  },
  {
    spoil: `update contacts set appointment_date = '4714-11-24 00:00+00 BC' where workspace_id = '${OTHER_WORKSPACE}'`,
    check: 'appointments-that-no-day-precedes',
  },
  {
    spoil: `alter table contact_custom_fields drop constraint contact_custom_fields_contact_id_fkey;
      update contact_custom_fields set contact_id = '${NOBODY}' where id = (select min(id::text)::uuid from contact_custom_fields)`,
    check: 'custom-values-without-a-contact',
  },
  {
    spoil: `alter table contact_custom_fields drop constraint contact_custom_fields_field_id_fkey;
      update contact_custom_fields set field_id = '${NOBODY}' where id = (select min(id::text)::uuid from contact_custom_fields)`,
    check: 'custom-values-without-a-field',
  },
  {
    spoil: `alter table contact_custom_fields drop constraint contact_custom_fields_contact_id_field_id_key;
      insert into contact_custom_fields (contact_id, field_id, value) select contact_id, field_id, 'again' from contact_custom_fields limit 1`,
    check: 'second-values-of-one-field',
  },
])('before the run, $check fails after: $spoil', async ({ spoil, check, samples }) => {
  await old.query(spoil);
  const result = await ask(old, plan.before, check);
  expect(result).toMatchObject({ status: 'fail', bad: samples?.length ?? 1 });
  if (samples !== undefined) expect(result?.samples.toSorted()).toEqual(samples.toSorted());
});

test('before the run, a role is named that could not use the new tables', async () => {
  await old.query('grant select on contacts to application');
  expect(await ask(old, plan.before, 'roles-that-cannot-tell-who-asks')).toMatchObject({ status: 'warn', bad: 1, samples: ['application'] });
  await old.query('grant usage on schema auth to application; grant select on workspace_users to application');
  expect(await ask(old, plan.before, 'roles-that-cannot-tell-who-asks')).toMatchObject({ status: 'pass' });
});

test.each([
  { unreachable: 1, of: 100, status: 'pass' },
  { unreachable: 2, of: 100, status: 'fail' },
  { unreachable: 2, of: 199, status: 'fail' },
])('$unreachable contacts of $of without name, e-mail and phone: $status', async ({ unreachable, of, status }) => {
  await old.query('delete from contacts');
  await old.query(
    `insert into contacts (workspace_id, firstname, lastname, email)
     select '${WORKSPACE}', case when i > ${unreachable} then 'Ada' end, '', ' ' from generate_series(1, ${of}) i`,
  );
  const result = await ask(old, plan.before, 'contacts-that-can-be-reached');
  expect(result).toMatchObject({ status, bad: unreachable, total: of });
  expect(result?.scopes).toEqual(
    expect.arrayContaining([
      { scope: WORKSPACE, valid: of - unreachable, total: of },
      { scope: OTHER_WORKSPACE, valid: 0, total: 0 },
    ]),
  );
});

test.each([
  { spoil: `update contacts set email = 'not-an-email'`, check: 'well-formed-emails' },
  { spoil: `update contacts set email = null`, check: 'well-formed-emails' },
  { spoil: `update contacts set phone_number = '555-12'`, check: 'phones-of-ten-characters-or-more' },
  { spoil: `update contacts set lead_status = ''`, check: 'contacts-with-a-lead-status' },
  { spoil: `update contacts set lastname = ' '`, check: 'contacts-with-first-and-last-name' },
  { spoil: `update contacts set appointment_status_id = 8`, check: 'statuses-that-have-a-stage' },
  { spoil: `update contacts set appointment_result_id = 9`, check: 'results-that-have-a-name' },
])('before the run, $check warns, and does not block, after: $spoil', async ({ spoil, check }) => {
  await old.query(`${spoil} where workspace_id = '${WORKSPACE}'`);
  expect(await ask(old, plan.before, check)).toMatchObject({ status: 'warn', bad: 2, total: 3 });
});

/** What is checked when every phase has run: at the moment of the cutover, and after it. */
const afterwards = () => [...(plan.phases.find(({ id }) => id === 'cutover')?.verify ?? []), ...plan.after];

const ONE = (table: string, key = 'id'): string => `${key} = (select min(${key}::text)::uuid from ${table})`;

test.each([
  { spoil: `delete from customers where ${ONE('customers', 'cst_id')}`, check: 'customers-per-workspace' },
  { spoil: `delete from leads where ${ONE('leads')}`, check: 'contacts-without-their-lead' },
  { spoil: `update contacts set lead_status = null, appointment_date = null where ${ONE('contacts')}`, check: 'leads-that-no-contact-has' },
  { spoil: `delete from appointments where ${ONE('appointments')}`, check: 'contacts-without-their-appointment' },
  {
    spoil: `update customers set workspace_id = '${OTHER_WORKSPACE}' where workspace_id = '${WORKSPACE}'`,
    check: 'leads-away-from-their-customer',
    bad: 2,
  },
  { spoil: `update leads set workspace_id = '${WORKSPACE}' where workspace_id = '${OTHER_WORKSPACE}'`, check: 'appointments-away-from-their-lead' },
  {
    spoil: `alter table customer_custom_fields drop constraint customer_custom_fields_customer_id_fkey;
      update customer_custom_fields set customer_id = '${NOBODY}' where ${ONE('customer_custom_fields')}`,
    check: 'customer-values-without-a-customer',
  },
  {
    spoil: `alter table customer_custom_fields drop constraint customer_custom_fields_field_id_fkey;
      update customer_custom_fields set field_id = '${NOBODY}' where ${ONE('customer_custom_fields')}`,
    check: 'customer-values-without-a-field',
  },
  { spoil: `update leads set stg_id = 1 where ${ONE('leads')}`, check: 'stages-that-went-back' },
  { spoil: `update appointments set dates_estimated = false where ${ONE('appointments')}`, check: 'estimates-that-look-like-facts' },
  { spoil: `update customers set email = 'n/a' where ${ONE('customers', 'cst_id')}`, check: 'badly-formed-emails-that-were-not-there-before' },
  {
    spoil: `alter table leads drop constraint leads_customer_id_fkey;
      alter table leads add constraint leads_customer_id_fkey foreign key (customer_id) references customers (cst_id) not valid`,
    check: 'foreign-keys-that-are-not-valid',
  },
])('after the run, $check fails after: $spoil', async ({ spoil, check, bad }) => {
  await migrated.query(spoil);
  expect(await ask(migrated, afterwards(), check)).toMatchObject({ status: 'fail', bad: bad ?? 1 });
});

test.each([
  { spoil: `update customers set phone1 = '911' where ${ONE('customers', 'cst_id')}`, check: 'short-phones-that-were-not-there-before' },
  {
    spoil: `update customers set firstname = '', lastname = null, email = null where ${ONE('customers', 'cst_id')}`,
    check: 'customers-without-name-and-email-that-were-not-there-before',
  },
  { spoil: `update leads set source = 'fax' where ${ONE('leads')}`, check: 'workspaces-whose-lead-sources-changed' },
])('after the run, $check warns after: $spoil', async ({ spoil, check }) => {
  await migrated.query(spoil);
  expect(await ask(migrated, afterwards(), check)).toMatchObject({ status: 'warn', bad: 1 });
});

test('an index that a concurrent build left invalid fails the check after the run', async () => {
  await server.createDatabase('invalid_index');
  const client = await server.connect('invalid_index');
  await client.query('create table customers (email text)');
  await client.query(`insert into customers values ('a'), ('a')`);
  await expect(client.query('create unique index concurrently customers_email on customers (email)')).rejects.toMatchObject({ code: '23505' });
  expect(await ask(client, plan.after, 'indexes-that-are-not-valid')).toMatchObject({ status: 'fail', samples: ['customers_email'] });
});

test.each(['before', 'after'] as const)('no check %s the run shows what a person typed', async (moment) => {
  const [client, checks] = moment === 'before' ? [old, plan.before] : [migrated, afterwards()];
  await client.query(`update contacts set email = 'secret', firstname = 'secret', phone_number = 'secret', lead_status = 'secret', tags = 'secret'`);
  const results = await evaluate(client, checks);
  expect(JSON.stringify(results.map(({ samples, scopes, measures }) => ({ samples, scopes, measures })))).not.toContain('secret');
});
