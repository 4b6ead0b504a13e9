import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrmClient, startCrmClient } from '../../../bin/live-crm/crm-client.ts';
import { lostWrites } from '../../../bin/live-crm/lost-writes.ts';
import { type PlanServer, runFile, startPlanServer } from '../../support/plan-database.ts';
import { migrate, shippedPlan } from '../../support/plan-run.ts';
import { FIELD, insertContact, insertValue, insertWorkspaces, OTHER_FIELD, OTHER_WORKSPACE } from './old-rows.ts';

/** Enough for every kind of call to come several times. */
const CALLS = 600;

let server: PlanServer;
beforeAll(async () => {
  server = await startPlanServer();
  await server.createDatabase('old_side');
  const owner = await server.connect('old_side');
  await runFile(owner, 'lead-centric', 'demo/source.sql');
  await insertWorkspaces(owner);
  for (let i = 0; i < 60; i += 1) {
    const contact = { id: idOf(i), ...(i % 2 ? {} : { workspace_id: OTHER_WORKSPACE }), lead_status: i % 3 ? 'new' : null };
    await insertContact(owner, { ...contact, appointment_date: i % 4 ? null : '2026-03-01T12:00:00Z' });
    if (i % 5 === 0) await insertValue(owner, 'slate', { contact_id: idOf(i), field_id: i % 2 ? FIELD : OTHER_FIELD });
  }
  await owner.query(`grant select, insert, update, delete on contacts, contact_custom_fields to application;
    grant select on workspaces, workspace_users, custom_fields to application; grant usage on schema auth to application`);
  await server.disconnect('old_side');
});
afterAll(() => server.stop());

const idOf = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;

interface Live {
  readonly owner: Client;
  readonly crm: CrmClient;
}

/** The application on a database of its own. */
async function withCrm<T>(seed: number, work: (live: Live) => Promise<T>): Promise<T> {
  const name = `crm_${randomUUID()}`;
  await server.createDatabase(name, 'old_side');
  const [owner, crm] = [
    await server.connect(name),
    await startCrmClient({ url: server.urlOf(name, 'application'), seed, callsPerSecond: null, contacts: 50 }),
  ];
  try {
    return await work({ owner, crm });
  } finally {
    await crm.stop();
    await server.disconnect(name);
  }
}

test('the application works on the old side alone: no call fails, and what it wrote is there', async () => {
  await withCrm(1, async ({ owner, crm }) => {
    await crm.make(CALLS);
    const figures = crm.figures();
    expect(figures).toMatchObject({ calls: CALLS, failed: 0, failures: [], late: 0 });
    expect(figures.committedWrites).toBeGreaterThan(CALLS / 2);
    expect(figures.p50Ms).toBeLessThanOrEqual(figures.p99Ms);
    expect(await lostWrites(owner, crm.contacts, 'old')).toEqual([]);
    expect(crm.figures()).toMatchObject({ calls: 0, failed: 0 });
  });
});

test('the application works on the new side alone, below row-level security', async () => {
  await withCrm(2, async ({ owner, crm }) => {
    await migrate(owner, await shippedPlan('lead-centric'));
    await crm.use('new');
    await crm.make(CALLS);
    expect(crm.figures()).toMatchObject({ calls: CALLS, failed: 0, failures: [] });
    expect(await lostWrites(owner, crm.contacts, 'new')).toEqual([]);
    expect(await lostWrites(owner, crm.contacts, 'old')).not.toEqual([]);
  });
});

test('the same seed makes the same calls, however long each of them takes', async () => {
  const rows = (seed: number) =>
    withCrm(seed, async ({ owner, crm }) => {
      await crm.make(300);
      const { rows: found } = await owner.query(
        `select (to_jsonb(c) - 'updated_at' - 'created_at')::text as row from contacts c union all
        select (to_jsonb(v) - 'updated_at' - 'created_at')::text from contact_custom_fields v order by 1`,
      );
      return found;
    });
  const [first, again, other] = [await rows(3), await rows(3), await rows(4)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test.each([
  { name: 'a value that is overwritten', spoil: `update contacts set city = 'elsewhere' where id = $1`, what: 'city' },
  { name: 'a row that is gone', spoil: 'delete from contacts where id = $1', what: 'contact' },
  { name: 'a row that is back', spoil: 'insert into contacts (id, workspace_id) select $1, id from workspaces limit 1', what: 'deletion' },
])('the comparison finds $name', async ({ spoil, what }) => {
  await withCrm(5, async ({ owner, crm }) => {
    await crm.make(CALLS);
    const found = [...crm.contacts].find(({ isGone, values }) => isGone === (what === 'deletion') && values.get('city')?.by === 'old');
    await owner.query('delete from contact_custom_fields where contact_id = $1', [found?.key]);
    await owner.query(spoil, [found?.key]);
    const lost = (await lostWrites(owner, crm.contacts, 'old')).filter((one) => !one.what.startsWith('custom value'));
    expect(lost.map((one) => ({ what: one.what, key: one.key }))).toEqual([{ what, key: found?.key }]);
  });
});

test('a call that is refused is counted as failed, with its reason, and not remembered', async () => {
  await withCrm(6, async ({ owner, crm }) => {
    await owner.query('revoke update on contacts from application');
    await crm.make(100);
    const { failed, failures } = crm.figures();
    expect(failed).toBeGreaterThan(10);
    expect(failures.join('\n')).toMatch(/\d+ × set on the old side, (read committed|repeatable read): 42501 permission denied for table contacts/);
    expect(await lostWrites(owner, crm.contacts, 'old')).toEqual([]);
  });
});

test('calls come at their pace until the application stops', async () => {
  const name = 'crm_paced';
  await server.createDatabase(name, 'old_side');
  const crm = await startCrmClient({ url: server.urlOf(name, 'application'), seed: 7, callsPerSecond: 200, contacts: 50 });
  const begun = performance.now();
  while (crm.begun() < 60) await new Promise((resolve) => setImmediate(resolve));
  await crm.stop();
  const { calls, failed } = crm.figures();
  expect(failed).toBe(0);
  expect(calls).toBeGreaterThan(20);
  expect(calls).toBeLessThanOrEqual((performance.now() - begun) / 5 + 2);
});

test('an application whose connections all wait for a lock ends all the same when it is stopped', async () => {
  const name = 'crm_stuck';
  await server.createDatabase(name, 'old_side');
  const owner = await server.connect(name);
  const crm = await startCrmClient({ url: server.urlOf(name, 'application'), seed: 8, callsPerSecond: 200, contacts: 50 });
  await owner.query('begin; lock table contacts');
  while (crm.underWay() < 64) await new Promise((resolve) => setImmediate(resolve));
  const begun = crm.begun();
  await crm.stop(200);
  expect(crm.begun()).toBe(begun);
  await crm.stop(200);
  await server.disconnect(name);
});
