import type { Client } from 'pg';
import { asText, COLUMN_NAMES, type CrmColumn, type CrmContact, isOnNewSide, placeOf, type Side } from './crm-contact.ts';

/** Something that the application has committed and a side does not hold. */
export interface LostWrite {
  readonly side: Side;
  readonly what: string;
  readonly key: string;
  readonly expected: string | null;
  readonly found: string | null;
}

/**
 * Compares what the application has committed with what one side holds, as the owner of the tables, by queries of its own.
 *
 * Neither the plan nor a table of ours is asked.
 */
export async function lostWrites(owner: Client, contacts: ReadonlySet<CrmContact>, side: Side): Promise<readonly LostWrite[]> {
  const known = [...contacts].filter(({ isUncertain }) => !isUncertain);
  const rows = await rowsOf(owner, side, known);
  const customs = await customsOf(owner, side, known);
  const leads = side === 'new' ? await leadsOf(owner, known) : new Set<string>();
  return known.flatMap((contact) => [
    ...lostColumns(contact, side, rows.get(contact.key)),
    ...lostCustoms(contact, side, customs.get(contact.key) ?? {}),
    ...(side === 'new' && !contact.isGone ? lostLeads(contact, leads) : []),
  ]);
}

type Row = Readonly<Record<string, string | null>>;

function lostColumns(contact: CrmContact, side: Side, row: Row | undefined): readonly LostWrite[] {
  const { key, isGone, values } = contact;
  if (isGone) return row === undefined ? [] : [{ side, what: 'deletion', key, expected: null, found: 'a row' }];
  if (row === undefined) return [{ side, what: 'contact', key, expected: 'a row', found: null }];
  return COLUMN_NAMES.flatMap((column) => {
    const expected = values.get(column)?.[side];
    if (side === 'new' && !isOnNewSide(contact, column)) return lostAbsence(contact, column, row);
    const found = row[column] ?? null;
    return expected === undefined || expected === found ? [] : [{ side, what: column, key, expected, found }];
  });
}

/** A contact that is no lead any more, or has no appointment, has no row there. */
function lostAbsence({ key }: CrmContact, column: CrmColumn, row: Row): readonly LostWrite[] {
  const found = row[column] ?? null;
  const isOfMapping = column === 'status' || column === 'appointment';
  return isOfMapping && found !== null ? [{ side: 'new', what: `no ${column}`, key, expected: null, found }] : [];
}

function lostCustoms({ key, isGone, customValues }: CrmContact, side: Side, found: Row): readonly LostWrite[] {
  // A customer that is marked as deleted may keep them.
  if (isGone && side === 'new') return [];
  const expected: Row = isGone ? {} : Object.fromEntries([...customValues].map(([field, { id, text }]) => [field, `${id} ${text}`]));
  const fields = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...fields].flatMap((field) => {
    const [wanted, is] = [expected[field] ?? null, found[field] ?? null];
    return wanted === is ? [] : [{ side, what: `custom value of ${field}`, key, expected: wanted, found: is }];
  });
}

function lostLeads({ key, ownLeads }: CrmContact, found: ReadonlySet<string>): readonly LostWrite[] {
  return [...ownLeads].filter((id) => !found.has(id)).map((id) => ({ side: 'new', what: `lead ${id}`, key, expected: 'a row', found: null }));
}

async function rowsOf(owner: Client, side: Side, contacts: readonly CrmContact[]): Promise<ReadonlyMap<string, Row>> {
  const { rows } = await owner.query<Row & { readonly key: string }>(side === 'old' ? OLD_ROWS : NEW_ROWS, [contacts.map(({ key }) => key)]);
  return new Map(rows.map((row) => [row.key, row]));
}

const OLD_ROWS = `select c.id as key, ${columnsOn('old')} from contacts c where c.id = any($1::uuid[])`;

/** The lead and the appointment that the contact itself is have its key. */
const NEW_ROWS = `select customers.cst_id as key, ${columnsOn('new')} from customers
left join leads on leads.id = customers.cst_id and leads.deleted_at is null
left join appointments on appointments.id = customers.cst_id and appointments.deleted_at is null
where customers.deleted_at is null and customers.cst_id = any($1::uuid[])`;

function columnsOn(side: Side): string {
  return COLUMN_NAMES.flatMap((name) => {
    const { old, new: place, type } = placeOf(name);
    const column = side === 'old' ? old && `c.${old}` : place && `${place.table}.${place.column}`;
    return column === null ? [] : [`${asText(column, type)} as "${name}"`];
  }).join(', ');
}

async function customsOf(owner: Client, side: Side, contacts: readonly CrmContact[]): Promise<ReadonlyMap<string, Row>> {
  const [table, contact, text] =
    side === 'old' ? ['contact_custom_fields', 'contact_id', 'v.value::text'] : ['customer_custom_fields', 'customer_id', `v.value #>> '{}'`];
  const { rows } = await owner.query<{ key: string; field: string; found: string }>(
    `select v.${contact} as key, v.field_id as field, concat(v.id, ' ', coalesce(${text}, 'null')) as found
    from ${table} v where v.${contact} = any($1::uuid[])`,
    [contacts.map(({ key }) => key)],
  );
  const byContact = new Map<string, Record<string, string>>();
  for (const { key, field, found } of rows) byContact.set(key, { ...byContact.get(key), [field]: found });
  return byContact;
}

async function leadsOf(owner: Client, contacts: readonly CrmContact[]): Promise<ReadonlySet<string>> {
  const { rows } = await owner.query<{ id: string }>('select id from leads where id = any($1::uuid[])', [
    contacts.flatMap(({ ownLeads }) => [...ownLeads]),
  ]);
  return new Set(rows.map(({ id }) => id));
}
