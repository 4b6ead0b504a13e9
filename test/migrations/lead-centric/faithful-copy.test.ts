import { expect, test } from 'vitest';
import { evaluate } from '../../support/plan-run.ts';
import { oldDatabaseForEachTest } from './old-database.ts';
import { countOf, FIELD, insertContact, insertValue, rowOf } from './old-rows.ts';

const old = oldDatabaseForEachTest();

test('a source of NULL is Unknown, an empty one stays empty, and both stay apart in every other text', async () => {
  const none = await insertContact(old.db, { lead_status: 'new', lead_source: null, email: null, city: null });
  const empty = await insertContact(old.db, { lead_status: 'new', lead_source: '', email: '', city: '' });
  await old.migrate();
  expect((await rowOf(old.db, 'leads', none)).source).toBe('Unknown');
  expect((await rowOf(old.db, 'leads', empty)).source).toBe('');
  expect(await rowOf(old.db, 'customers', none)).toMatchObject({ email: null, city: null });
  expect(await rowOf(old.db, 'customers', empty)).toMatchObject({ email: '', city: '' });
  await old.expectEverythingThere();
});

test.each([
  { what: 'a phone with an extension', text: '+1 (415) 555-0123 ext. 4567' },
  { what: 'a city of 112 characters', text: 'Llanfair'.repeat(14) },
  { what: 'a zip with a remark', text: '94103-1234 (rear entrance)' },
  { what: 'letters and signs beyond ASCII', text: 'Zoë 😀 Ñandú-Müller \u202e\u0301 日本' },
  { what: 'quotes, backslashes, dollars and line ends', text: `O'Brien "x" \\ \\' $$ $1 ; -- /* \r\n\t` },
  { what: 'blanks around it', text: ' lead@space.com ' },
  { what: 'two million characters', text: Array.from({ length: 200_000 }, (_, i) => `${i * 7919}`.padStart(10, 'x')).join('') },
])('a text with $what arrives as it was, in every column', async ({ text }) => {
  const texts = { firstname: text, lastname: text, email: text, phone_number: text, st_address: text, city: text, state: text, zip: text };
  const id = await insertContact(old.db, { ...texts, lead_status: text, lead_source: text, tags: text });
  const value = await insertValue(old.db, text, { contact_id: id });
  await old.migrate();
  expect(await rowOf(old.db, 'customers', id)).toMatchObject({
    firstname: text,
    lastname: text,
    email: text,
    phone1: text,
    address1: text,
    city: text,
    state: text,
    zip: text,
    country: 'US',
  });
  expect(await rowOf(old.db, 'leads', id)).toMatchObject({ disposition: text, source: text });
  expect((await rowOf(old.db, 'customer_custom_fields', value)).value).toBe(text);
  await old.expectEverythingThere();
});

test.each([
  { what: 'in the zone of India', zone: 'Asia/Kolkata' },
  { what: 'in the zone of New York', zone: 'America/New_York' },
])('a run $what keeps each moment', async ({ zone }) => {
  const id = await insertContact(old.db, {
    appointment_date: '2026-01-01T09:00:00.123456Z',
    created_at: '2025-07-01T00:00:00Z',
    updated_at: '2025-11-02T05:30:00.000001Z',
  });
  await old.db.query(`set timezone to '${zone}'`);
  await old.migrate();
  await old.expectEverythingThere();
  const same = `customers c join appointments a on a.id = c.cst_id join contacts o on o.id = c.cst_id where c.cst_id = '${id}'
    and c.created_at = o.created_at and c.lastchanged = o.updated_at and a.apptdate = o.appointment_date`;
  expect(await countOf(old.db, same)).toBe(1);
});

test('a missing date stays missing, though the column has a default', async () => {
  const id = await insertContact(old.db, { created_at: null, updated_at: null, lead_status: 'new', appointment_date: '2026-03-01T12:00:00Z' });
  await old.migrate();
  expect(await rowOf(old.db, 'customers', id)).toMatchObject({ dateadded: null, lastchanged: null, created_at: null, updated_at: null });
  expect(await rowOf(old.db, 'leads', id)).toMatchObject({ entrydate: null, lastchangedon: null });
  expect(await rowOf(old.db, 'appointments', id)).toMatchObject({ lastchangeddate: null, created_at: null });
  expect((await rowOf(old.db, 'customers', id)).migration_timestamp).toBeInstanceOf(Date);
});

test.each([
  { date: 'infinity' },
  { date: '-infinity' },
  { date: '0044-03-15 12:00+00 BC' },
  { date: '4714-11-25 00:00+00 BC' },
  { date: '294276-12-31 23:59:59.999999+00' },
])('an appointment at $date is carried over', async ({ date }) => {
  await insertContact(old.db, { appointment_date: date, appointment_status_id: 7, created_at: date, updated_at: date });
  await old.migrate();
  await old.expectEverythingThere();
  expect(await countOf(old.db, 'appointments a join contacts c on c.id = a.id and c.appointment_date = a.apptdate')).toBe(1);
});

test('a priority is kept, however large, and a missing one is 3', async () => {
  const made = [];
  for (const priority of [2_147_483_647, -2_147_483_648, 0, 5])
    made.push({ priority, id: await insertContact(old.db, { priority, lead_status: 'new' }) });
  made.push({ priority: 3, id: await insertContact(old.db, { priority: null, lead_status: 'new' }) });
  await old.migrate();
  for (const { priority, id } of made) expect((await rowOf(old.db, 'leads', id)).priority).toBe(priority);
});

test('a custom value is the JSON string of its text, whatever the text looks like', async () => {
  const texts = [
    '',
    'null',
    'true',
    '007',
    '1e400',
    '{"a":1}',
    '["a","b"]',
    '"quoted"',
    'He said "hi" \\ tab\t',
    '\u2028 😀',
    '[object Object]',
    '{',
  ];
  const made = [];
  for (const text of texts) made.push({ text, id: await insertValue(old.db, text) });
  const none = await insertValue(old.db, null);
  await old.migrate();
  for (const { text, id } of made) expect((await rowOf(old.db, 'customer_custom_fields', id)).value).toBe(text);
  expect(await countOf(old.db, `customer_custom_fields where jsonb_typeof(value) = 'string'`)).toBe(texts.length);
  expect(await countOf(old.db, `customer_custom_fields where id = '${none}' and value is null`)).toBe(1);
  await old.expectEverythingThere();
});

test('a source with jsonb values, tags in an array and texts of limited length gives the same', async () => {
  await old.db.query(`alter table contact_custom_fields alter column value type jsonb using value::jsonb`);
  await old.db.query(`alter table contacts alter column tags type text[] using string_to_array(tags, ',')`);
  await old.db.query(
    `alter table contacts alter column firstname type varchar(50), alter column email type varchar(255), alter column lead_source type varchar(50)`,
  );
  await old.db.query(`alter table contacts alter column lead_status type varchar(50), alter column zip type varchar(20)`);
  const id = await insertContact(old.db, { tags: ['new', 'Solar'], lead_status: 'new', email: 'a@example.com' });
  const plain = await insertContact(old.db, { tags: ['solarium'], lead_status: 'new' });
  const number = await insertValue(old.db, '{"b": 1.50, "a": [null]}', { contact_id: id, field_id: FIELD });
  expect((await evaluate(old.db, old.plan.before)).filter((result) => result.status === 'fail')).toEqual([]);
  await old.migrate();
  expect((await rowOf(old.db, 'leads', id)).productid).toBe('SOLAR');
  expect((await rowOf(old.db, 'leads', plain)).productid).toBe('DEFAULT');
  expect(await countOf(old.db, `customer_custom_fields where id = '${number}' and value::text = '{"a": [null], "b": 1.50}'`)).toBe(1);
  await old.expectEverythingThere();
});
