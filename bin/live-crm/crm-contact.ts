/** Where a call goes: the tables of before the migration, or those of after. */
export type Side = 'old' | 'new';

/** What the application knows of one person; the object stays the same when the person's key changes. */
export interface CrmContact {
  key: string;
  readonly workspace: string;
  /** What was committed last, by column and side; a column that a side has never been given is not there. */
  readonly values: Map<CrmColumn, Expected>;
  /** Custom values by their field. */
  readonly customValues: Map<string, CustomValue>;
  /** Leads beside the one that the contact itself is; only the new side can hold them. */
  readonly ownLeads: Set<string>;
  /** As it will be when every call planned so far is done; what is chosen next depends on it. */
  readonly planned: { hasStatus: boolean; hasAppointment: boolean; readonly customFields: Set<string> };
  isGone: boolean;
  /** A commit got no answer: nobody can say which value is right. */
  isUncertain: boolean;
}

export interface Expected {
  old?: string | null;
  new?: string | null;
  /** Who wrote last; undefined for what was there before. */
  by?: Side;
}

export interface CustomValue {
  id: string;
  text: string | null;
  by?: Side;
}

/** Where a column of the application lies on each side; null where a side has none. */
export interface ColumnPlace {
  readonly old: string | null;
  readonly new: { readonly table: 'customers' | 'leads' | 'appointments'; readonly column: string } | null;
  readonly type: 'text' | 'integer' | 'instant' | 'numeric';
  /** What the new side shows for what the old side holds, where that is not the same. */
  readonly shown?: (value: string | null) => string | null;
  /** Whether the new side's value reaches the old side. */
  readonly isCarriedBack: boolean;
}

const customers = (column: string) => ({ table: 'customers', column }) as const;
const leads = (column: string) => ({ table: 'leads', column }) as const;
const shared = (old: string, to: ColumnPlace['new']): ColumnPlace => ({ old, new: to, type: 'text', isCarriedBack: true });

/** Written down here once more on purpose: a comparison that asked the plan for its mapping would find nothing that the plan has wrong. */
export const COLUMNS = {
  firstname: shared('firstname', customers('firstname')),
  lastname: shared('lastname', customers('lastname')),
  email: shared('email', customers('email')),
  phone: shared('phone_number', customers('phone1')),
  address: shared('st_address', customers('address1')),
  city: shared('city', customers('city')),
  status: { ...shared('lead_status', leads('disposition')), shown: (value) => value ?? 'appointment_only' },
  source: { ...shared('lead_source', leads('source')), shown: (value) => value ?? 'Unknown' },
  appointment: { ...shared('appointment_date', { table: 'appointments', column: 'apptdate' }), type: 'instant' },
  priority: { old: 'priority', new: leads('priority'), type: 'integer', shown: (value) => value ?? '3', isCarriedBack: false },
  tags: { old: 'tags', new: null, type: 'text', isCarriedBack: false },
  secondPhone: { old: null, new: customers('phone2'), type: 'text', isCarriedBack: false },
  score: { old: null, new: leads('lead_score'), type: 'numeric', isCarriedBack: false },
} as const satisfies Readonly<Record<string, ColumnPlace>>;

export type CrmColumn = keyof typeof COLUMNS;

export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly CrmColumn[];

/** `COLUMNS` is exact so that its names are known; this is one of its places as what they have in common. */
export function placeOf(column: CrmColumn): ColumnPlace {
  return COLUMNS[column];
}

/** Text that both sides give for the same value. */
export function asText(expression: string, type: ColumnPlace['type']): string {
  return type === 'instant' ? `to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')` : `${expression}::text`;
}

export function newContact(key: string, workspace: string): CrmContact {
  const planned = { hasStatus: false, hasAppointment: false, customFields: new Set<string>() };
  return { key, workspace, values: new Map(), customValues: new Map(), ownLeads: new Set(), planned, isGone: false, isUncertain: false };
}

export function oldValue(contact: CrmContact, column: CrmColumn): string | null {
  return contact.values.get(column)?.old ?? null;
}

/** The mapping's rule: a contact is a lead when it has a status or an appointment. */
export function hasLead(contact: CrmContact): boolean {
  return oldValue(contact, 'status') !== null || oldValue(contact, 'appointment') !== null;
}

/** Whether the new side has the row that holds the column. */
export function isOnNewSide(contact: CrmContact, column: CrmColumn): boolean {
  const table = placeOf(column).new?.table;
  if (table === undefined || contact.isGone) return false;
  if (table === 'appointments') return oldValue(contact, 'appointment') !== null;
  return table === 'customers' || hasLead(contact);
}

/** What both sides hold from now on. */
export function remember(
  contact: CrmContact,
  column: CrmColumn,
  { value, by }: { readonly value: string | null; readonly by: Side | undefined },
): void {
  const place = placeOf(column);
  const before = contact.values.get(column);
  const shown = place.shown?.(value) ?? value;
  const isOldToo = by !== 'new' || place.isCarriedBack;
  contact.values.set(column, {
    ...(isOldToo ? { old: value } : before?.old === undefined ? {} : { old: before.old }),
    ...(place.new === null ? {} : { new: shown }),
    ...(by === undefined ? {} : { by }),
  });
  if (!hasLead(contact)) forgetLead(contact);
}

/** What only the new side knew of a lead goes with the lead. */
function forgetLead({ values }: CrmContact): void {
  values.delete('score');
  const priority = values.get('priority');
  if (priority !== undefined) values.set('priority', { ...priority, new: COLUMNS.priority.shown(priority.old ?? null) });
}
