import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';

export const WORKSPACE = '11111111-1111-4111-8111-111111111111';
export const OTHER_WORKSPACE = '22222222-2222-4222-8222-222222222222';
export const USER = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
export const OTHER_USER = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb';
export const FIELD = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
export const OTHER_FIELD = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';

type Row = Readonly<Record<string, unknown>>;

/** Two workspaces, each with one member and one field. */
export async function insertWorkspaces(client: Client): Promise<void> {
  await client.query(`insert into auth.users (id) values ('${USER}'), ('${OTHER_USER}')`);
  await client.query(`insert into workspaces (id, name) values ('${WORKSPACE}', 'one'), ('${OTHER_WORKSPACE}', 'two')`);
  await client.query(
    `insert into workspace_users (workspace_id, user_id) values ('${WORKSPACE}', '${USER}'), ('${OTHER_WORKSPACE}', '${OTHER_USER}')`,
  );
  await insert(client, 'custom_fields', { id: FIELD, workspace_id: WORKSPACE, name: 'roof', field_type: 'text' });
  await insert(client, 'custom_fields', { id: OTHER_FIELD, workspace_id: OTHER_WORKSPACE, name: 'roof', field_type: 'text' });
}

/** A contact; what `row` does not name is NULL, except its workspace, first name and dates. */
export async function insertContact(client: Client, row: Row = {}): Promise<string> {
  const id = randomUUID();
  await insert(client, 'contacts', { id, workspace_id: WORKSPACE, firstname: 'Ada', ...row });
  return id;
}

/** A value of `field` for a contact of its own. */
export async function insertValue(client: Client, value: string | null, row: Row = {}): Promise<string> {
  const id = randomUUID();
  const contact = row.contact_id ?? (await insertContact(client));
  await insert(client, 'contact_custom_fields', { id, contact_id: contact, field_id: FIELD, value, ...row });
  return id;
}

async function insert(client: Client, table: string, row: Row): Promise<void> {
  const columns = Object.keys(row).map(escapeIdentifier).join(', ');
  const values = Object.keys(row).map((_, index) => `$${index + 1}`);
  await client.query(`insert into ${table} (${columns}) values (${values.join(', ')})`, Object.values(row));
}

/** The one row of a table that has this id. */
export async function rowOf(client: Client, table: 'customers' | 'leads' | 'appointments' | 'customer_custom_fields', id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`select * from ${table} where ${table === 'customers' ? 'cst_id' : 'id'} = $1`, [id]);
  const [row] = rows;
  if (row === undefined) throw new Error(`${table} has no row ${id}`);
  return row;
}

export async function countOf(client: Client, query: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${query}`);
  return Number(rows[0]?.n);
}
