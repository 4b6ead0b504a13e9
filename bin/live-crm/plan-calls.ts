import type { CrmCall } from './crm-call.ts';
import { COLUMN_NAMES, type CrmColumn, type CrmContact, newContact, placeOf, type Side } from './crm-contact.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Who uses the application, and what a contact of theirs can be given. */
export interface CrmWorkspace {
  readonly id: string;
  readonly user: string;
  readonly fields: readonly string[];
}

/** The application's data as it will be when the calls planned so far are done. */
export interface CrmPopulation {
  readonly contacts: CrmContact[];
  readonly workspaces: readonly CrmWorkspace[];
}

/** Of a hundred calls; the rest are reads. */
const SHARES = { set: 40, add: 8, remove: 4, 'change-key': 1, 'set-custom': 9, 'remove-custom': 2, 'add-lead': 3 } as const;

/** Half of the calls go to the first few contacts, so that several calls meet at one row. */
const HOT_CONTACTS = 24;

/** One call in so many is a transaction at REPEATABLE READ. */
const STRICT_ONE_IN = 5;

const ROWS_OF_ONE_STATEMENT = 5;

/**
 * Chooses the next call.
 *
 * What is chosen depends on the seed and on the calls chosen before, never on how long a call took: the same seed makes the same calls.
 */
export function planCall(
  population: CrmPopulation,
  random: SeededRandom,
  { number, side }: { readonly number: number; readonly side: Side },
): CrmCall {
  const base: Planned = { number, side, isolation: random.below(STRICT_ONE_IN) === 0 ? 'repeatable read' : 'read committed' };
  const kind = chooseKind(random);
  if (kind === 'add') return planAdd(population, random, base);
  const contact = chooseContact(population, random);
  if (kind === 'set') return planSet(population, random, { ...base, contact });
  return (
    planOther(population, random, { ...base, kind, contact }) ?? {
      ...{ side, isolation: base.isolation, kind: 'read', contact },
      column: random.oneOf(columnsOn(side, contact)) ?? 'firstname',
    }
  );
}

type Planned = Pick<CrmCall, 'side' | 'isolation'> & { readonly number: number };

/** Undefined where the contact, or the side, has nothing for it. */
function planOther(
  { contacts, workspaces }: CrmPopulation,
  random: SeededRandom,
  { number, kind, contact, ...base }: Planned & { readonly kind: CrmCall['kind']; readonly contact: CrmContact },
): CrmCall | undefined {
  const { customFields } = contact.planned;
  switch (kind) {
    case 'remove':
      // Some must be left.
      if (contacts.length <= HOT_CONTACTS) return undefined;
      contacts.splice(contacts.indexOf(contact), 1);
      return { ...base, kind, contact, isMarked: base.side === 'new' && random.below(2) === 0 };
    case 'change-key':
      // A foreign key of the old side holds the key of a contact that has custom values.
      return base.side === 'new' || customFields.size > 0 ? undefined : { ...base, kind, contact, key: random.uuid() };
    case 'set-custom': {
      const field = random.oneOf(workspaces.find(({ id }) => id === contact.workspace)?.fields ?? []);
      if (field === undefined) return undefined;
      customFields.add(field);
      return { ...base, kind, contact, field, id: random.uuid(), text: customText(number) };
    }
    case 'remove-custom': {
      const field = random.oneOf([...customFields]);
      if (field === undefined) return undefined;
      customFields.delete(field);
      return { ...base, kind, contact, field };
    }
    case 'add-lead':
      return base.side === 'old' ? undefined : { ...base, kind, contact, id: random.uuid(), number };
    default:
      return undefined;
  }
}

function planSet(population: CrmPopulation, random: SeededRandom, { contact, number, ...base }: Planned & { readonly contact: CrmContact }): CrmCall {
  const column = random.oneOf(columnsOn(base.side, contact)) ?? 'firstname';
  const isWide = (column === 'city' || column === 'address') && random.below(4) === 0;
  const others = population.contacts.filter(({ workspace }) => workspace === contact.workspace).slice(0, ROWS_OF_ONE_STATEMENT);
  const contacts = isWide ? [...new Set([contact, ...others])] : [contact];
  const isCleared = column === 'appointment' && base.side === 'old' && random.below(4) === 0;
  if (column === 'status') contact.planned.hasStatus = true;
  if (column === 'appointment') contact.planned.hasAppointment = !isCleared;
  return { ...base, kind: 'set', contacts, column, value: isCleared ? null : writtenValue(column, number) };
}

function planAdd(population: CrmPopulation, random: SeededRandom, { number, ...base }: Planned): CrmCall {
  const workspace = population.workspaces[random.below(population.workspaces.length)]?.id ?? '';
  const contact = newContact(random.uuid(), workspace);
  const isLead = base.side === 'old' && random.below(2) === 0;
  const hasAppointment = base.side === 'old' && random.below(3) === 0;
  const columns: readonly CrmColumn[] = [
    ...(['firstname', 'email', 'phone'] as const),
    ...(isLead ? (['status'] as const) : []),
    ...(hasAppointment ? (['appointment'] as const) : []),
  ];
  Object.assign(contact.planned, { hasStatus: isLead, hasAppointment });
  population.contacts.push(contact);
  return { ...base, kind: 'add', contact, values: new Map(columns.map((column) => [column, writtenValue(column, number)])) };
}

function chooseContact({ contacts }: CrmPopulation, random: SeededRandom): CrmContact {
  const among = random.below(2) === 0 ? Math.min(HOT_CONTACTS, contacts.length) : contacts.length;
  const found = contacts[random.below(among)];
  if (found === undefined) throw new Error('the live application has no contacts to work with; fill the database first');
  return found;
}

function chooseKind(random: SeededRandom): CrmCall['kind'] {
  let left = random.below(100);
  for (const [kind, share] of Object.entries(SHARES) as [keyof typeof SHARES, number][]) {
    left -= share;
    if (left < 0) return kind;
  }
  return 'read';
}

/** What the side has a row for. An appointment is made on the old side; the new one moves it. */
function columnsOn(side: Side, { planned }: CrmContact): readonly CrmColumn[] {
  return COLUMN_NAMES.filter((column) => {
    const place = placeOf(column);
    if (side === 'old') return place.old !== null;
    if (place.new?.table === 'appointments') return planned.hasAppointment;
    return place.new?.table === 'customers' || (place.new?.table === 'leads' && (planned.hasStatus || planned.hasAppointment));
  });
}

/** A value that no other call writes, so that one that is lost is known by its number. */
function writtenValue(column: CrmColumn, number: number): string {
  switch (column) {
    case 'email':
      return `call${number}@example.com`;
    case 'phone':
    case 'secondPhone':
      return `+1415${String(number).padStart(7, '0')}`;
    case 'appointment':
      return new Date(Date.UTC(2026, 5, 1) + number * 60_000).toISOString();
    case 'priority':
      return String(number);
    case 'score':
      return (number % 1000).toFixed(2);
    default:
      return `${column} of call ${number}`;
  }
}

/** Texts that JSON, SQL or a careless cast would change. */
function customText(number: number): string {
  return [`text ${number}`, `{"call": ${number}}`, `null ${number}`, `00${number}`, `"quoted" \\ ${number}\t😀`][number % 5] ?? '';
}
