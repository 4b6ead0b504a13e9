import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CompiledPlan } from '../../../core/plan/compiled-plan.ts';
import { catalogOf } from '../../support/catalog.ts';
import type { PlanServer } from '../../support/plan-database.ts';
import { runFile, startPlanServer } from '../../support/plan-database.ts';
import { compare, migrate, SAME, shippedPlan, transfersOf, undo } from '../../support/plan-run.ts';
import { countOf, insertContact, insertValue, insertWorkspaces, rowOf, WORKSPACE } from './old-rows.ts';

let server: PlanServer;
let plan: CompiledPlan;

beforeAll(async () => {
  plan = await shippedPlan('lead-centric');
  server = await startPlanServer();
  await server.createDatabase('old_schema');
  const client = await server.connect('old_schema');
  await runFile(client, 'lead-centric', 'demo/source.sql');
  await insertWorkspaces(client);
  const contact = await insertContact(client, { lead_status: 'new', appointment_date: '2026-03-01T12:00:00Z', created_at: null });
  await insertContact(client, { workspace_id: WORKSPACE, email: '' });
  await insertValue(client, 'slate', { contact_id: contact });
  await client.query('create view busy_contacts as select id from contacts where appointment_date is not null');
  await client.query('grant select on contacts to application');
  await server.disconnect('old_schema');
});
afterAll(() => server.stop());

async function copyOf(name: string): Promise<Client> {
  await server.createDatabase(name, 'old_schema');
  return server.connect(name);
}

/** All rows of the old tables, as text. */
async function oldRows(client: Client): Promise<readonly unknown[]> {
  const tables = ['auth.users', 'workspaces', 'workspace_users', 'contacts', 'custom_fields', 'contact_custom_fields'];
  const all = tables.map((table) => `select '${table}' as table, to_jsonb(t)::text as row from ${table} t`).join(' union all ');
  return (await client.query(`${all} order by 1, 2`)).rows;
}

test('an undo leaves the catalog and the rows as they were, without context_type and context_config', async () => {
  const client = await copyOf('undone');
  const before = { catalog: await catalogOf(client), rows: await oldRows(client) };
  await migrate(client, plan);
  const migrated = await catalogOf(client);
  expect(migrated.filter((line) => line.startsWith('column public.custom_fields')).join('\n')).toMatch(/context_type[\s\S]*context_config/);
  expect(migrated.filter((line) => line.startsWith('policy '))).toHaveLength(24);
  await undo(client, plan);
  expect(await catalogOf(client)).toEqual(before.catalog);
  expect(await oldRows(client)).toEqual(before.rows);
});

test('a second migration after an undo gives the same as the first', async () => {
  const client = await copyOf('redone');
  await migrate(client, plan);
  const first = await catalogOf(client);
  await undo(client, plan);
  await migrate(client, plan);
  expect(await catalogOf(client)).toEqual(first);
  for (const transfer of transfersOf(plan)) expect([transfer.id, await compare(client, transfer)]).toEqual([transfer.id, SAME]);
});

test('an undo works after the application has used the new tables', async () => {
  const client = await copyOf('used');
  const before = await catalogOf(client);
  await migrate(client, plan);
  await client.query(`with c as (insert into customers (workspace_id, lastname) values ('${WORKSPACE}', 'Native') returning cst_id)
    insert into leads (workspace_id, customer_id) select '${WORKSPACE}', cst_id from c, generate_series(1, 3)`);
  await client.query(`insert into lead_custom_fields (lead_id, field_id, value) select l.id, f.id, '1' from leads l, custom_fields f`);
  await client.query(`update custom_fields set context_type = 'lead'`);
  await undo(client, plan);
  expect(await catalogOf(client)).toEqual(before);
});

test('an undo of each phase leaves the catalog of before that phase', async () => {
  const client = await copyOf('by_phase');
  const catalogs: (readonly string[])[] = [];
  for (const phase of plan.phases) {
    catalogs.push(await catalogOf(client));
    await migrate(client, { ...plan, phases: [phase] });
  }
  for (const phase of plan.phases.toReversed()) {
    await undo(client, { ...plan, phases: [phase] });
    expect({ phase: phase.id, catalog: await catalogOf(client) }).toEqual({ phase: phase.id, catalog: catalogs.pop() });
  }
});

test.each([
  { what: 'changed', change: 'update contacts set city = $$Elsewhere$$ where created_at is null', found: { missing: 0, extra: 0, different: 1 } },
  { what: 'deleted', change: 'delete from contacts where created_at is null', found: { missing: 0, extra: 1, different: 0 } },
  { what: 'added', change: `insert into contacts (workspace_id) values ('${WORKSPACE}')`, found: { missing: 1, extra: 0, different: 0 } },
])('a contact that is $what after the copy is found by the comparison', async ({ what, change, found }) => {
  const client = await copyOf(`contact_${what}`);
  await migrate(client, plan);
  await client.query(change);
  const [customers] = transfersOf(plan);
  expect(customers && (await compare(client, customers))).toEqual(found);
});

test('a change to any column that the plan fills, its key apart, is found by the comparison', async () => {
  const client = await copyOf('tampered');
  await client.query(`update contacts set created_by = (select min(id::text)::uuid from auth.users), firstname = 'Ada', email = 'a@example.com',
    lastname = 'L', phone_number = '1', st_address = '1', city = 'c', state = 's', zip = 'z', appointment_status_id = 6, appointment_result_id = 1`);
  await client.query(`update contact_custom_fields set created_by = (select min(id::text)::uuid from auth.users)`);
  await insertContact(client, { lead_status: 'won', appointment_date: '2026-03-02T12:00:00Z' });
  await migrate(client, plan);
  for (const transfer of transfersOf(plan)) {
    for (const column of transfer.columns.filter((name) => name !== transfer.keys[0].target)) {
      await client.query('begin');
      const table = transfer.into.name;
      await client.query(`update ${table} set ${column} = ${await otherValue(client, table, column)} where ${transfer.keys[0].target} =
        (select max(${transfer.keys[0].target}::text)::uuid from ${table} where ${column} is not null)`);
      const { missing, extra, different } = await compare(client, transfer);
      expect({ column: `${table}.${column}`, found: missing + extra + different > 0 }).toEqual({ column: `${table}.${column}`, found: true });
      await client.query('rollback');
    }
  }
});

/** An expression that differs from the column's value, and that its constraints allow. */
async function otherValue(client: Client, table: string, column: string): Promise<string> {
  const references: Readonly<Record<string, string>> = {
    workspace_id: `(select id from workspaces where id <> ${table}.workspace_id limit 1)`,
    customer_id: `(select cst_id from customers where cst_id <> ${table}.customer_id limit 1)`,
    lead_id: `(select id from leads where id <> ${table}.lead_id limit 1)`,
    field_id: `(select id from custom_fields where id <> ${table}.field_id limit 1)`,
    created_by: 'null',
  };
  const byType: Readonly<Record<string, string>> = {
    text: `${column} || '~'`,
    uuid: 'gen_random_uuid()',
    integer: `${column} + 1`,
    boolean: `not ${column}`,
    jsonb: `to_jsonb('~'::text)`,
    'timestamp with time zone': `coalesce(${column} + interval '1 microsecond', now())`,
  };
  const { rows } = await client.query<{ type: string }>(
    `select format_type(atttypid, null) as type from pg_attribute where attrelid = '${table}'::regclass and attname = '${column}'`,
  );
  const expression = references[column] ?? byType[rows[0]?.type ?? ''];
  if (expression === undefined) throw new Error(`no other value for ${table}.${column}, of type ${rows[0]?.type}`);
  return expression;
}

test('what the plan did not carry over is still in the old tables', async () => {
  const client = await copyOf('kept');
  const id = await insertContact(client, { lead_status: 'new', tags: 'solar,hvac', appointment_status_id: 7, appointment_result_id: 9 });
  await migrate(client, plan);
  const { rows } = await client.query('select tags, appointment_status_id, appointment_result_id from contacts where id = $1', [id]);
  expect(rows).toEqual([{ tags: 'solar,hvac', appointment_status_id: 7, appointment_result_id: 9 }]);
  expect((await rowOf(client, 'leads', id)).migrated_from_contact_id).toBe(id);
  expect(await countOf(client, 'contacts')).toBe(3);
});
