import { expect, test } from 'vitest';
import { evaluate } from '../../support/plan-run.ts';
import { oldDatabaseForEachTest } from './old-database.ts';
import { countOf, insertContact, insertValue, OTHER_FIELD, OTHER_WORKSPACE, rowOf, USER } from './old-rows.ts';

const old = oldDatabaseForEachTest();

test('an empty source gives empty tables and passes every check', async () => {
  expect((await evaluate(old.db, old.plan.before)).filter((result) => result.status === 'fail' || result.status === 'warn')).toEqual([]);
  await old.migrate();
  await old.expectEverythingThere();
  expect(await countOf(old.db, 'customers')).toBe(0);
});

test('the product is the first that stands in the tags as a whole word, in any case', async () => {
  const products: readonly (readonly [string | null, string])[] = [
    ['solar', 'SOLAR'],
    ['Solar', 'SOLAR'],
    ['SOLAR panel', 'SOLAR'],
    ['hvac', 'HVAC'],
    ['new;Hvac', 'HVAC'],
    ['roofing', 'ROOFING'],
    ['solar,hvac', 'SOLAR'],
    ['hvac,solar', 'SOLAR'],
    ['solarium', 'DEFAULT'],
    ['nonsolar', 'DEFAULT'],
    ['solarium, roofing', 'ROOFING'],
    ['misc4', 'DEFAULT'],
    ['', 'DEFAULT'],
    [null, 'DEFAULT'],
  ];
  const made = [];
  for (const [tags, product] of products) made.push({ tags, product, id: await insertContact(old.db, { tags, lead_status: 'new' }) });
  await old.migrate();
  for (const { tags, product, id } of made) expect([tags, (await rowOf(old.db, 'leads', id)).productid]).toEqual([tags, product]);
  await old.expectEverythingThere();
});

test('a status of 1 to 4 is the stage, a later one stays at stage 4, any other starts at 1', async () => {
  const statuses = [
    { status: null, stg_id: 1, apptset: false, verified: false, confirmed: false },
    { status: -1, stg_id: 1, apptset: false, verified: false, confirmed: false },
    { status: 0, stg_id: 1, apptset: false, verified: false, confirmed: false },
    { status: 1, stg_id: 1, apptset: false, verified: false, confirmed: false },
    { status: 2, stg_id: 2, apptset: false, verified: false, confirmed: false },
    { status: 3, stg_id: 3, apptset: false, verified: false, confirmed: false },
    { status: 4, stg_id: 4, apptset: true, verified: false, confirmed: false },
    { status: 5, stg_id: 4, apptset: true, verified: true, confirmed: false },
    { status: 6, stg_id: 4, apptset: true, verified: true, confirmed: true },
    { status: 7, stg_id: 4, apptset: true, verified: true, confirmed: true },
    { status: 2_147_483_647, stg_id: 4, apptset: true, verified: true, confirmed: true },
  ];
  const made = [];
  for (const { status, ...lead } of statuses) {
    made.push({ ...lead, id: await insertContact(old.db, { appointment_status_id: status, appointment_date: '2026-03-01T12:00:00Z' }) });
  }
  await old.migrate();
  for (const { id, stg_id, ...flags } of made) {
    const ever = { everset: flags.apptset, eververified: flags.verified, everconfirmed: flags.confirmed };
    expect(await rowOf(old.db, 'leads', id)).toMatchObject({ stg_id, ...flags, ...ever, issued: false, sat: false, sold: false });
    expect(await rowOf(old.db, 'appointments', id)).toMatchObject({
      ...flags,
      dates_estimated: flags.apptset,
      issued: false,
      sat: false,
      sold: false,
    });
  }
  await old.expectEverythingThere();
});

test('a contact has a lead for its status, empty or not, and for an appointment alone, and else none', async () => {
  const status = await insertContact(old.db, { lead_status: 'won' });
  const empty = await insertContact(old.db, { lead_status: '' });
  const appointment = await insertContact(old.db, { appointment_date: '2026-03-01T12:00:00Z' });
  const both = await insertContact(old.db, { lead_status: 'lost', appointment_date: '2026-03-01T12:00:00Z' });
  const neither = await insertContact(old.db, { appointment_status_id: 3, tags: 'solar' });
  await old.migrate();
  expect((await rowOf(old.db, 'leads', status)).disposition).toBe('won');
  expect((await rowOf(old.db, 'leads', empty)).disposition).toBe('');
  expect((await rowOf(old.db, 'leads', appointment)).disposition).toBe('appointment_only');
  expect((await rowOf(old.db, 'leads', both)).disposition).toBe('lost');
  expect(await countOf(old.db, `leads where customer_id = '${neither}'`)).toBe(0);
  expect(await countOf(old.db, `customers where cst_id = '${neither}'`)).toBe(1);
  expect((await rowOf(old.db, 'appointments', appointment)).lead_id).toBe(appointment);
  expect(await countOf(old.db, 'appointments')).toBe(2);
  await old.expectEverythingThere();
});

test('a result of 1 to 4 is the disposition, and no disposition is invented for another', async () => {
  const names: readonly (readonly [number | null, string | null])[] = [
    [null, null],
    [0, null],
    [1, 'Show'],
    [2, 'No Show'],
    [3, 'Cancelled'],
    [4, 'Reschedule'],
    [5, null],
    [9, null],
  ];
  const made = [];
  for (const [result, disposition] of names) {
    made.push({ disposition, id: await insertContact(old.db, { appointment_result_id: result, appointment_date: '2026-03-01T12:00:00Z' }) });
  }
  await old.migrate();
  for (const { id, disposition } of made) expect((await rowOf(old.db, 'appointments', id)).disposition).toBe(disposition);
});

test('an estimated date is marked, and exists only for a step that was taken', async () => {
  const confirmed = await insertContact(old.db, { appointment_status_id: 6, appointment_date: '2026-03-29T12:00:00Z' });
  const verified = await insertContact(old.db, { appointment_status_id: 5, appointment_date: '2026-03-29T12:00:00Z' });
  const open = await insertContact(old.db, { appointment_status_id: 3, appointment_date: '2026-03-29T12:00:00Z' });
  // The clocks of this zone go forward in the 24 hours before.
  await old.db.query(`set timezone to 'Europe/Berlin'`);
  await old.migrate();
  const at = (iso: string): Date => new Date(iso);
  expect(await rowOf(old.db, 'appointments', confirmed)).toMatchObject({
    setdate: at('2026-03-28T12:00:00Z'),
    verifieddate: at('2026-03-29T08:00:00Z'),
    confirmeddate: at('2026-03-29T11:00:00Z'),
    dates_estimated: true,
  });
  expect(await rowOf(old.db, 'appointments', verified)).toMatchObject({
    verifieddate: at('2026-03-29T08:00:00Z'),
    confirmeddate: null,
    dates_estimated: true,
  });
  expect(await rowOf(old.db, 'appointments', open)).toMatchObject({ setdate: null, verifieddate: null, confirmeddate: null, dates_estimated: false });
});

test('a row says who made it and which contact it was', async () => {
  const id = await insertContact(old.db, {
    workspace_id: OTHER_WORKSPACE,
    created_by: USER,
    lead_status: 'new',
    appointment_date: '2026-03-01T12:00:00Z',
  });
  await old.migrate();
  const expected = { workspace_id: OTHER_WORKSPACE, created_by: USER, migrated_from_contact_id: id };
  expect(await rowOf(old.db, 'customers', id)).toMatchObject({ ...expected, cst_id: id });
  expect(await rowOf(old.db, 'leads', id)).toMatchObject({ ...expected, id, customer_id: id });
  expect(await rowOf(old.db, 'appointments', id)).toMatchObject({ ...expected, id, lead_id: id });
});

test('a value of a field that another workspace owns is carried over and named by a warning', async () => {
  const id = await insertValue(old.db, 'slate', { field_id: OTHER_FIELD });
  const warning = (await evaluate(old.db, old.plan.before)).find((result) => result.name === 'custom-values-of-another-workspace');
  expect(warning).toMatchObject({ status: 'warn', samples: [id] });
  await old.migrate();
  expect(await rowOf(old.db, 'customer_custom_fields', id)).toMatchObject({ field_id: OTHER_FIELD, value: 'slate' });
  await old.expectEverythingThere();
});

test('a contact becomes no second customer, lead or appointment, and a customer may have many leads of its own', async () => {
  const id = await insertContact(old.db, { lead_status: 'new', appointment_date: '2026-03-01T12:00:00Z' });
  await old.migrate();
  const copies = [
    'insert into customers (workspace_id, migrated_from_contact_id) select workspace_id, migrated_from_contact_id from customers',
    'insert into leads (workspace_id, customer_id, migrated_from_contact_id) select workspace_id, customer_id, migrated_from_contact_id from leads',
    `insert into appointments (workspace_id, lead_id, apptdate, migrated_from_contact_id)
      select workspace_id, lead_id, apptdate, migrated_from_contact_id from appointments`,
  ];
  for (const copy of copies) await expect(old.db.query(copy)).rejects.toMatchObject({ code: '23505' });
  await old.db.query('insert into leads (workspace_id, customer_id) select workspace_id, cst_id from customers, generate_series(1, 3)');
  expect(await countOf(old.db, `leads where customer_id = '${id}'`)).toBe(4);
  expect((await evaluate(old.db, old.plan.after)).filter((result) => result.status === 'fail')).toEqual([]);
});
