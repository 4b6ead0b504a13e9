import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PlanServer } from '../../support/plan-database.ts';
import { runFile, startPlanServer } from '../../support/plan-database.ts';
import { migrate, shippedPlan } from '../../support/plan-run.ts';
import {
  countOf,
  FIELD,
  insertContact,
  insertValue,
  insertWorkspaces,
  OTHER_FIELD,
  OTHER_USER,
  OTHER_WORKSPACE,
  USER,
  WORKSPACE,
} from './old-rows.ts';

const TABLES = ['customers', 'leads', 'appointments', 'customer_custom_fields', 'lead_custom_fields', 'appointment_custom_fields'] as const;
type Table = (typeof TABLES)[number];

let server: PlanServer;
let migrator: Client;
/** A role as an application has: it owns nothing, and says by a claim who uses it. */
let application: Client;
const own = { contact: '', spare: '' };
const foreign = { contact: '', spare: '' };

beforeAll(async () => {
  server = await startPlanServer();
  await server.createDatabase('crm');
  migrator = await server.connect('crm');
  await runFile(migrator, 'lead-centric', 'demo/source.sql');
  await insertWorkspaces(migrator);
  for (const [side, workspace, field] of [
    [own, WORKSPACE, FIELD],
    [foreign, OTHER_WORKSPACE, OTHER_FIELD],
  ] as const) {
    const contact = { workspace_id: workspace, lead_status: 'new', appointment_date: '2026-03-01T12:00:00Z' };
    side.contact = await insertContact(migrator, contact);
    side.spare = await insertContact(migrator, contact);
    await insertValue(migrator, 'slate', { contact_id: side.contact, field_id: field });
  }
  await migrator.query('grant usage on schema auth to application');
  await migrator.query(`grant select on workspace_users to application`);
  // The cutover gives it on the new tables what it has on the old ones.
  await migrator.query('grant select, insert, update, delete on contacts, contact_custom_fields to application');
  await migrate(migrator, await shippedPlan('lead-centric'));
  for (const [side, field] of [
    [own, FIELD],
    [foreign, OTHER_FIELD],
  ] as const) {
    await migrator.query(`insert into lead_custom_fields (lead_id, field_id) values ('${side.contact}', '${field}')`);
    await migrator.query(`insert into appointment_custom_fields (appointment_id, field_id) values ('${side.contact}', '${field}')`);
  }
  application = await server.connect('crm', 'application');
});
afterAll(() => server.stop());

beforeEach(() => application.query('begin'));
afterEach(() => application.query('rollback'));

async function actAs(user: string): Promise<void> {
  await application.query(`select set_config('request.jwt.claim.sub', $1, true)`, [user]);
}

/** A condition that holds for the rows of one side only. */
function rowsOf(side: typeof own, table: Table): string {
  const keys = `('${side.contact}', '${side.spare}')`;
  const column = { customers: 'cst_id', leads: 'id', appointments: 'id', customer_custom_fields: 'customer_id', lead_custom_fields: 'lead_id' };
  return `${table === 'appointment_custom_fields' ? 'appointment_id' : column[table]} in ${keys}`;
}

/** An insert of a new row of a workspace, with owners of the same workspace unless others are given. */
function insertInto(table: Table, side: typeof own, workspace: string): string {
  const field = side === own ? FIELD : OTHER_FIELD;
  switch (table) {
    case 'customers':
      return `insert into customers (workspace_id) values ('${workspace}')`;
    case 'leads':
      return `insert into leads (workspace_id, customer_id) values ('${workspace}', '${side.contact}')`;
    case 'appointments':
      return `insert into appointments (workspace_id, lead_id, apptdate) values ('${workspace}', '${side.contact}', now())`;
    case 'customer_custom_fields':
      return `insert into customer_custom_fields (customer_id, field_id) values ('${side.spare}', '${field}')`;
    case 'lead_custom_fields':
      return `insert into lead_custom_fields (lead_id, field_id) values ('${side.spare}', '${field}')`;
    case 'appointment_custom_fields':
      return `insert into appointment_custom_fields (appointment_id, field_id) values ('${side.spare}', '${field}')`;
  }
}

/** An update that gives one's own rows to the other workspace. */
function giveAway(table: Table): string {
  const owner = { customer_custom_fields: 'customer_id', lead_custom_fields: 'lead_id', appointment_custom_fields: 'appointment_id' };
  const change =
    table === 'customers' || table === 'leads' || table === 'appointments'
      ? `workspace_id = '${OTHER_WORKSPACE}'`
      : `${owner[table]} = '${foreign.spare}'`;
  return `update ${table} set ${change} where ${rowsOf(own, table)}`;
}

const eachTable = TABLES.map((table) => ({ table }));

test.each(eachTable)('a member sees the rows of $table in the own workspace and no other', async ({ table }) => {
  await actAs(USER);
  expect(await countOf(application, `${table} where ${rowsOf(own, table)}`)).toBeGreaterThan(0);
  expect(await countOf(application, `${table} where ${rowsOf(foreign, table)}`)).toBe(0);
  await actAs(OTHER_USER);
  expect(await countOf(application, `${table} where ${rowsOf(own, table)}`)).toBe(0);
  expect(await countOf(application, `${table} where ${rowsOf(foreign, table)}`)).toBeGreaterThan(0);
});

test('nobody sees an appointment that live sync has marked as deleted, nor its custom fields', async () => {
  await migrator.query(`update appointments set deleted_at = now() where id = '${own.contact}'`);
  try {
    await actAs(USER);
    expect(await countOf(application, `appointments where ${rowsOf(own, 'appointments')}`)).toBe(1);
    expect(await countOf(application, `appointment_custom_fields where ${rowsOf(own, 'appointment_custom_fields')}`)).toBe(0);
    expect((await application.query(`update appointments set disposition = 'Show' where id = '${own.contact}'`)).rowCount).toBe(0);
  } finally {
    await migrator.query(`update appointments set deleted_at = null where id = '${own.contact}'`);
  }
});

test.each(eachTable)('nobody sees, changes, deletes or adds a row of $table without a claim', async ({ table }) => {
  expect(await countOf(application, table)).toBe(0);
  expect((await application.query(`update ${table} set updated_at = now()`)).rowCount).toBe(0);
  expect((await application.query(`delete from ${table}`)).rowCount).toBe(0);
  await expect(application.query(insertInto(table, own, WORKSPACE))).rejects.toMatchObject({ code: '42501' });
});

test.each(eachTable)('a stranger to all workspaces sees no row of $table', async ({ table }) => {
  await actAs('cccccccc-cccc-4ccc-8ccc-cccccccccccc');
  expect(await countOf(application, table)).toBe(0);
});

test.each(eachTable)('a member adds a row of $table to the own workspace', async ({ table }) => {
  await actAs(USER);
  expect((await application.query(insertInto(table, own, WORKSPACE))).rowCount).toBe(1);
});

test.each(eachTable)('a row of $table for another workspace is refused', async ({ table }) => {
  await actAs(USER);
  await expect(application.query(insertInto(table, foreign, OTHER_WORKSPACE))).rejects.toMatchObject({ code: '42501' });
});

test.each([{ table: 'leads' }, { table: 'appointments' }] as const)(
  'a row of $table in the own workspace below an owner in another is refused',
  async ({ table }) => {
    await actAs(USER);
    await expect(application.query(insertInto(table, foreign, WORKSPACE))).rejects.toMatchObject({ code: '42501' });
  },
);

test.each(eachTable)('a member changes the own rows of $table and no others', async ({ table }) => {
  await actAs(USER);
  const { rowCount } = await application.query(`update ${table} set updated_at = now() where ${rowsOf(own, table)}`);
  expect(rowCount).toBeGreaterThan(0);
  expect((await application.query(`update ${table} set updated_at = now() where ${rowsOf(foreign, table)}`)).rowCount).toBe(0);
});

test.each(eachTable)('to give a row of $table to another workspace is refused', async ({ table }) => {
  await actAs(USER);
  await expect(application.query(giveAway(table))).rejects.toMatchObject({ code: '42501' });
});

test.each(eachTable)('a member deletes the own rows of $table and no others', async ({ table }) => {
  await actAs(USER);
  expect((await application.query(`delete from ${table} where ${rowsOf(foreign, table)}`)).rowCount).toBe(0);
  expect((await application.query(`delete from ${table} where ${rowsOf(own, table)}`)).rowCount).toBeGreaterThan(0);
});

test.each(eachTable)('the migrator owns $table, is no superuser, and sees every row', async ({ table }) => {
  const { rows } = await migrator.query(`select rolsuper or rolbypassrls as privileged from pg_roles where rolname = current_user`);
  expect(rows).toEqual([{ privileged: false }]);
  await migrator.query('set row_security to off'); // fails instead of filtering
  expect(await countOf(migrator, `${table} where ${rowsOf(own, table)}`)).toBeGreaterThan(0);
  expect(await countOf(migrator, `${table} where ${rowsOf(foreign, table)}`)).toBeGreaterThan(0);
});

test.each(eachTable)('a query on $table asks who the user is once, not once per row', async ({ table }) => {
  await actAs(USER);
  const { rows } = await application.query<{ 'QUERY PLAN': string }>(`explain (verbose) select * from ${table}`);
  const explained = rows.map((row) => row['QUERY PLAN']);
  const asking = explained.flatMap((line, index) => (line.includes('current_setting') ? [index] : []));
  expect(asking.length).toBeGreaterThan(0);
  for (const index of asking) expect(explained.slice(index - 2, index).join(' ')).toMatch(/InitPlan/);
});
