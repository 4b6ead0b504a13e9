import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HAZARD_NAMES, HAZARDS, type HazardName } from '../../../../core/plan/hazards/hazard.ts';
import { type PlanServer, startPlanServer } from '../../../support/plan-database.ts';
import { compileExample, faultsIn } from './example-plan.ts';
import { shownHazards } from './hazards-page.ts';

let server: PlanServer;
let client: Client;
beforeAll(async () => {
  server = await startPlanServer();
  await server.createDatabase('locks');
  client = await server.connect('locks');
});
afterAll(() => server?.stop());

/** What the bad examples of docs/hazards.md find there. */
const FOUND = [
  'create table customers (id bigint primary key)',
  'create domain price as numeric',
  'create table orders (id bigint primary key, total numeric, note text, closed_at timestamptz, customer_id bigint, shop text, price price)',
  "alter table orders add column city text not null default ''",
  'alter table orders add column number bigint',
  'create index orders_total on orders (total)',
  'alter table orders add constraint total_is_positive check (total >= 0)',
  'create table notes (id bigint generated always as identity primary key, order_id bigint)',
  'create table drafts (id bigint)',
  'create table visits (id bigint, seen_at timestamptz) partition by range (seen_at)',
  'create table visits_2026 (id bigint, seen_at timestamptz)',
  `create function note_order() returns trigger language plpgsql set search_path = '' as 'begin return new; end'`,
  'create trigger note_order after insert on orders for each row execute function note_order()',
  'create view open_orders as select id, total from orders where closed_at is null',
  'create materialized view sales as select id, total from orders',
];

/** What is not there yet when the bad example makes it, or stands in its way. */
const WITHOUT: Readonly<Partial<Record<HazardName, RegExp>>> = {
  CHECK_SCAN: /total_is_positive/,
  VALIDATED_TOO_EARLY: /total_is_positive/,
  TABLE_REWRITE: /number/,
  REQUIRED_COLUMN: /city/,
  COLUMN_TYPE_CHANGE: /total >= 0|view/,
  FOREIGN_KEY_LOCKS: /table notes/,
  INDEX_BLOCKS_WRITES: /index/,
  TRIGGER_ADDED: /note_order/,
};

/** The lock, and the table, that the compiler tells of in a bad example. */
async function toldLock(name: HazardName): Promise<{ readonly sql: string; readonly table: string | null; readonly lock: string | null }> {
  const bad = shownHazards().find((one) => one.name === name)?.bad ?? {};
  const file = (await faultsIn(bad))[0]?.file ?? '';
  const result = await compileExample({ ...bad, [file]: `--! allow: ${name} because it is an example\n${bad[file]}` });
  const found = result.ok ? result.plan.accepted.find(({ hazard }) => hazard === name) : undefined;
  return { sql: bad[file] ?? '', table: found?.table?.name ?? null, lock: found?.lock ?? null };
}

test.each(HAZARD_NAMES.filter((name) => HAZARDS[name].lock !== null))('PostgreSQL takes the lock that %s tells of', async (name) => {
  const { sql, table, lock } = await toldLock(name);
  if (lock === null) return;
  await client.query(`create schema ${name}; set search_path = ${name}`);
  for (const statement of FOUND) if (!WITHOUT[name]?.test(statement)) await client.query(statement);
  await client.query('begin');
  try {
    await client.query(sql);
    // What is dropped has no name any more.
    const { rows } = await client.query<{ relname: string | null; mode: string }>(
      'select c.relname, l.mode from pg_locks l left join pg_class c on c.oid = l.relation where l.pid = pg_backend_pid()',
    );
    const taken = rows.filter(({ relname }) => table === null || relname === table).map(({ mode }) => mode);
    expect(taken).toContain(lock);
  } finally {
    await client.query('rollback');
  }
});
