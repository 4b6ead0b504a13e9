import { randomBytes } from 'node:crypto';
import { withClient } from '../seed-database.ts';

export const APPLICATION_ROLE = 'crm_application';

/**
 * Makes a role as the application has one: it owns nothing, and reads and writes the old tables. Gives the URL to connect with.
 *
 * What it needs beside that for the new side is what migrations/lead-centric/README.md asks for before the run; the new tables are the plan's to grant.
 */
export async function makeApplicationRole(ownerUrl: string): Promise<string> {
  const password = randomBytes(12).toString('hex');
  await withClient(ownerUrl, async (client) => {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [APPLICATION_ROLE]);
    await client.query(`${rowCount === 0 ? 'create' : 'alter'} role ${APPLICATION_ROLE} login password '${password}'`);
    await client.query(`grant select, insert, update, delete on contacts, contact_custom_fields to ${APPLICATION_ROLE};
      grant select on workspaces, workspace_users, custom_fields to ${APPLICATION_ROLE};
      grant usage on schema auth to ${APPLICATION_ROLE}`);
  });
  const url = new URL(ownerUrl);
  url.username = APPLICATION_ROLE;
  url.password = password;
  return url.href;
}
