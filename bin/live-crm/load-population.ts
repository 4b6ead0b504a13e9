import type { Pool } from 'pg';
import { asText, COLUMN_NAMES, type CrmColumn, type CrmContact, newContact, placeOf, remember } from './crm-contact.ts';
import type { CrmPopulation, CrmWorkspace } from './plan-calls.ts';

/** Reads some contacts of the old side, spread over the table, the same ones each time, with what they hold. */
export async function loadPopulation(db: Pool, contacts: number): Promise<CrmPopulation> {
  const { rows: workspaces } = await db.query<CrmWorkspace>(`
    select u.workspace_id as id, min(u.user_id::text) as user,
      array(select f.id::text from custom_fields f where f.workspace_id = u.workspace_id order by f.id limit 8) as fields
    from workspace_users u group by u.workspace_id order by u.workspace_id`);
  const { rows } = await db.query<ContactRow>(
    `select c.id as key, c.workspace_id as workspace, ${OLD_COLUMNS},
      (select jsonb_object_agg(v.field_id, jsonb_build_object('id', v.id, 'text', v.value)) from contact_custom_fields v where v.contact_id = c.id) as custom
    from contacts c order by md5(c.id::text) limit $1`,
    [contacts],
  );
  return { workspaces, contacts: rows.map(contactOf) };
}

type ContactRow = { readonly [column in CrmColumn]?: string | null } & {
  readonly key: string;
  readonly workspace: string;
  readonly custom: Readonly<Record<string, { readonly id: string; readonly text: string | null }>> | null;
};

const OLD_COLUMNS = COLUMN_NAMES.flatMap((name) => {
  const { old, type } = placeOf(name);
  return old === null ? [] : [`${asText(`c.${old}`, type)} as "${name}"`];
}).join(', ');

function contactOf(row: ContactRow): CrmContact {
  const contact = newContact(row.key, row.workspace);
  for (const column of COLUMN_NAMES) {
    const value = row[column];
    if (value !== undefined) remember(contact, column, { value, by: undefined });
  }
  for (const [field, { id, text }] of Object.entries(row.custom ?? {})) {
    contact.customValues.set(field, { id, text });
    contact.planned.customFields.add(field);
  }
  Object.assign(contact.planned, { hasStatus: (row.status ?? null) !== null, hasAppointment: (row.appointment ?? null) !== null });
  return contact;
}
