import type { PoolClient, QueryResult } from 'pg';
import { escapeIdentifier } from 'pg';
import type { CrmCall } from './crm-call.ts';
import { asText, type CrmColumn, type CrmContact, placeOf, type Side } from './crm-contact.ts';

/** The database answered, and not what it should have: another number of rows, or not what was written last. */
export class WrongAnswerError extends Error {
  override readonly name = 'WrongAnswerError';
}

/** The row is not there (yet). */
export class NoSuchRowError extends WrongAnswerError {}

/** Makes the call's statements in the transaction that is open, and checks each answer. */
export async function runCall(db: PoolClient, call: CrmCall): Promise<void> {
  switch (call.kind) {
    case 'read':
      return read(db, call.side, call);
    case 'set':
      return set(db, call.side, call);
    case 'add':
      return add(db, call.side, call);
    case 'remove':
      return remove(db, call.side, call);
    case 'change-key':
      return demandRows(await db.query('update contacts set id = $1, updated_at = now() where id = $2', [call.key, call.contact.key]), 1);
    case 'set-custom':
      return setCustom(db, call.side, call);
    case 'remove-custom':
      return demandRows(await db.query(`delete from ${customTable(call.side)} where id = $1`, [customId(call)]), 1);
    case 'add-lead':
      return addLead(db, call);
  }
}

type CallOf<Kind extends CrmCall['kind']> = Extract<CrmCall, { readonly kind: Kind }>;

async function read(db: PoolClient, side: Side, { contact, column }: CallOf<'read'>): Promise<void> {
  const place = placeOn(side, column);
  const { rows } = await db.query<{ value: string | null }>(
    `select ${asText(place.column, place.type)} as value from ${place.table} where ${place.key} = $1${place.alive}`,
    [contact.key],
  );
  if (rows.length !== 1) throw new NoSuchRowError(`${place.table} has ${rows.length} rows for one key`);
  const expected = contact.values.get(column);
  // What the other side wrote may be on its way.
  if (expected?.by === side && expected[side] !== undefined && !contact.isUncertain) demandValue(rows[0]?.value, expected[side], place);
}

async function set(db: PoolClient, side: Side, { contacts, column, value }: CallOf<'set'>): Promise<void> {
  const place = placeOn(side, column);
  const keys = contacts.map(({ key }) => key);
  demandRows(
    await db.query(`update ${place.table} set ${place.column} = $1, updated_at = now() where ${place.key} = any($2::uuid[])${place.alive}`, [
      value,
      keys,
    ]),
    keys.length,
  );
  const { rows } = await db.query<{ value: string | null }>(
    `select ${asText(place.column, place.type)} as value from ${place.table} where ${place.key} = any($1::uuid[])`,
    [keys],
  );
  for (const row of rows) demandValue(row.value, value, place);
}

async function add(db: PoolClient, side: Side, { contact, values }: CallOf<'add'>): Promise<void> {
  const places = [...values].map(([column, value]) => ({ ...placeOn(side, column), value }));
  const [table, key] = side === 'old' ? ['contacts', 'id'] : ['customers', 'cst_id'];
  const columns = [key, 'workspace_id', ...places.map(({ column }) => column)].join(', ');
  const marks = Array.from({ length: places.length + 2 }, (_, index) => `$${index + 1}`).join(', ');
  const given = [contact.key, contact.workspace, ...places.map(({ value }) => value)];
  demandRows(await db.query(`insert into ${table} (${columns}) values (${marks})`, given), 1);
}

async function remove(db: PoolClient, side: Side, { contact, isMarked }: CallOf<'remove'>): Promise<void> {
  if (side === 'old') {
    demandRows(await db.query('delete from contacts where id = $1', [contact.key]), 1);
  } else if (isMarked) {
    demandRows(await db.query('update customers set deleted_at = now() where cst_id = $1 and deleted_at is null', [contact.key]), 1);
  } else {
    demandRows(await db.query('delete from customers where cst_id = $1', [contact.key]), 1);
  }
}

async function setCustom(db: PoolClient, side: Side, call: CallOf<'set-custom'>): Promise<void> {
  const { contact, field, id, text } = call;
  const table = customTable(side);
  const value = side === 'old' ? '$1' : 'to_jsonb($1::text)';
  const isThere = contact.customValues.has(field);
  const written = isThere
    ? await db.query(`update ${table} set value = ${value}, updated_at = now() where id = $2`, [text, customId(call)])
    : await db.query(
        `insert into ${table} (value, id, ${side === 'old' ? 'contact_id' : 'customer_id'}, field_id, created_at) values (${value}, $2, $3, $4, now())`,
        [text, id, contact.key, field],
      );
  demandRows(written, 1);
}

/** A second sale to the same customer, which the old side has no place for. */
async function addLead(db: PoolClient, { contact, id, number }: CallOf<'add-lead'>): Promise<void> {
  const text = `insert into leads (id, customer_id, workspace_id, source, entrydate, created_at) values ($1, $2, $3, $4, now(), now())`;
  demandRows(await db.query(text, [id, contact.key, contact.workspace, `call ${number}`]), 1);
}

interface PlaceOnSide {
  readonly table: 'contacts' | 'customers' | 'leads' | 'appointments';
  readonly key: string;
  readonly column: string;
  readonly type: 'text' | 'integer' | 'instant' | 'numeric';
  /** Leaves out what is marked as deleted, as the application's every query does. */
  readonly alive: string;
}

function placeOn(side: Side, name: CrmColumn): PlaceOnSide {
  const { old, new: fresh, type } = placeOf(name);
  const column = side === 'old' ? old : (fresh?.column ?? null);
  if (column === null) throw new Error(`the ${side} side has no ${name}`);
  const table = side === 'old' ? 'contacts' : (fresh?.table ?? 'customers');
  const alive = table === 'customers' || table === 'leads' ? ' and deleted_at is null' : '';
  return { table, key: table === 'customers' ? 'cst_id' : 'id', column: escapeIdentifier(column), type, alive };
}

function customTable(side: Side): string {
  return side === 'old' ? 'contact_custom_fields' : 'customer_custom_fields';
}

function customId({ contact, field }: { readonly contact: CrmContact; readonly field: string }): string {
  const found = contact.customValues.get(field);
  if (found === undefined) throw new WrongAnswerError('a custom value that was written is not known');
  return found.id;
}

function demandRows({ rowCount, command }: QueryResult, expected: number): void {
  if (rowCount === expected) return;
  const said = `${command} reached ${rowCount} rows, ${expected} were meant`;
  throw rowCount === 0 ? new NoSuchRowError(said) : new WrongAnswerError(said);
}

function demandValue(found: string | null | undefined, expected: string | null, { table, column }: PlaceOnSide): void {
  if (found !== expected) throw new WrongAnswerError(`${table}.${column} gives ${JSON.stringify(found)}, written was ${JSON.stringify(expected)}`);
}
