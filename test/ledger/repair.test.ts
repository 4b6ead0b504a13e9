import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INSTALL_SQL } from '../../adapters/ledger-install.ts';
import { TransferId } from '../../core/ids.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';
import type { CarriedColumn } from '../../core/transfer/carried-columns.ts';
import { repairSql } from '../../core/transfer/sync/repair-sql.ts';
import type { SyncCatalog } from '../../core/transfer/sync/sync-catalog.ts';
import { type PlanServer, startPlanServer } from '../support/plan-database.ts';

let server: PlanServer;
let db: Client;
beforeAll(async () => {
  server = await startPlanServer();
  await server.createDatabase('repair');
  db = await server.connect('repair');
  await db.query(INSTALL_SQL);
  await db.query(`update stepgate.lock set token = 1, run_id = 'r'`);
});
afterAll(() => server?.stop());

const SELECT = `select p.id, p.name as full_name, p.email, case p.status when 1 then 'low' else 'high' end as level from people as p`;

beforeEach(async () => {
  await db.query(`drop schema public cascade; create schema public;
truncate stepgate.sync_journal, stepgate.conflict, stepgate.quarantine, stepgate.written;
create table people (id bigint primary key, name text not null, email varchar(20), status int, is_active boolean not null default true);
create table customers (id bigint primary key, full_name text, email varchar(20), level text, note text default 'native', deleted_at timestamptz);
insert into people values (1, 'Ada', 'a@x', 1), (2, 'Bob', 'b@x', 2), (3, 'Cy', 'c@x', 1);
insert into customers (id, full_name, email, level) ${SELECT}`);
});

const covering: Transfer = {
  file: '2-copy/customers.sql',
  line: 1,
  id: TransferId.parse('customers'),
  select: SELECT,
  into: { schema: 'public', name: 'customers' },
  from: { schema: 'public', name: 'people' },
  keys: [{ target: 'id', source: 'id' }],
  columns: ['id', 'full_name', 'email', 'level'],
  sync: 'both',
  deletes: { kind: 'hard' },
  quarantine: [],
  parallel: 1,
  driving: { before: SELECT.split('people')[0] ?? '', after: ' as p' },
  lookups: [],
  plain: [
    { column: 'full_name', source: 'name' },
    { column: 'email', source: 'email' },
  ],
  inverses: [],
  isCovering: true,
};
const active: Transfer = { ...covering, select: `${SELECT} where p.is_active`, isCovering: false };
const soft: Transfer = { ...covering, deletes: { kind: 'soft', column: 'deleted_at' } };

const CARRIED: readonly CarriedColumn[] = [
  { source: 'name', expression: '"full_name"', columns: ['full_name'], isInverse: false },
  { source: 'email', expression: '"email"', columns: ['email'], isInverse: false },
];

const CATALOG: SyncCatalog = {
  tables: new Map([['"public"."customers"', { columns: new Map([['is_gone', { type: 'boolean', isBinaryEqual: true }]]), partitions: [] }]]),
};

interface Entry {
  readonly key: string | null;
  readonly side: 'source' | 'target';
  readonly op: 'insert' | 'update' | 'delete' | 'truncate';
  readonly reason?: string;
  readonly columns?: readonly string[];
  readonly transfer?: string;
  readonly movedFrom?: string;
}

async function journal(...entries: readonly Entry[]): Promise<void> {
  for (const { key, side, op, reason = 'isolation', columns = null, transfer = 'customers', movedFrom = null } of entries) {
    await db.query(
      'insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, moved_from) values ($1, $2, $3, $4, $5, $6, $7, $8)',
      ['small', transfer, side, key, op, reason, columns, movedFrom],
    );
  }
}

async function repair(transfer: Transfer, carried = CARRIED, limit = 500): Promise<{ repaired: number; left: number; failed: number }> {
  const texts = JSON.stringify(repairSql({ transfer, carried, catalog: CATALOG }));
  const { rows } = await db.query<{ answer: string }>('select stepgate.repair_keys($1, 1, $2, $3, 1000000, $4, $5, 60000) as answer', [
    'r',
    'small',
    transfer.id,
    limit,
    texts,
  ]);
  return JSON.parse(rows[0]?.answer ?? '{}');
}

async function values(text: string): Promise<readonly unknown[][]> {
  return (await db.query({ text, rowMode: 'array' })).rows;
}

const targets = () => values('select id::int, full_name, email, level from customers where deleted_at is null order by id');
const sources = () => values('select id::int, name, email, status from people order by id');

describe('what the source says', () => {
  test('a row that the mapping lost goes from the target, one that it gained comes', async () => {
    await db.query("delete from people where id = 1; insert into people values (4, 'Di', 'd@x', 1)");
    await journal({ key: '1', side: 'source', op: 'delete', reason: 'removed' }, { key: '4', side: 'source', op: 'insert' });
    expect(await repair(covering)).toEqual({ repaired: 2, left: 0, failed: 0 });
    expect(await targets()).toEqual([
      [2, 'Bob', 'b@x', 'high'],
      [3, 'Cy', 'c@x', 'low'],
      [4, 'Di', 'd@x', 'low'],
    ]);
  });

  test('a row that a condition leaves out goes from the target', async () => {
    await db.query('update people set is_active = false where id = 2');
    await journal({ key: '2', side: 'source', op: 'update', reason: 'removed' });
    await repair(active);
    expect(await values('select id::int from customers order by id')).toEqual([[1], [3]]);
  });

  test('only the columns that the journal names are set', async () => {
    await db.query("update people set name = 'Ann', email = 'n@x', status = 2 where id = 1; update customers set note = 'mine'");
    await journal({ key: '1', side: 'source', op: 'update', columns: ['full_name', 'level'] });
    await repair(covering);
    expect(await values('select full_name, email, level, note from customers where id = 1')).toEqual([['Ann', 'a@x', 'high', 'mine']]);
  });

  test('an entry without columns means all of them', async () => {
    await db.query("update people set name = 'Ann', email = null, status = 2 where id = 1");
    await journal({ key: '1', side: 'source', op: 'update' });
    await repair(covering);
    expect(await values('select full_name, email, level from customers where id = 1')).toEqual([['Ann', null, 'high']]);
  });

  test('an entry without a key means every row', async () => {
    await db.query("delete from people; insert into people values (9, 'Zed', null, 1)");
    await journal({ key: null, side: 'source', op: 'truncate', reason: 'failed' });
    expect(await repair(covering)).toEqual({ repaired: 4, left: 0, failed: 0 });
    expect(await targets()).toEqual([[9, 'Zed', null, 'low']]);
  });

  test('a forward-only column that the new side wrote stays', async () => {
    await db.query("update people set status = 2 where id = 1; update customers set level = 'special' where id = 1");
    await journal(
      { key: '1', side: 'target', op: 'update', reason: 'not-carried', columns: ['level'] },
      { key: '1', side: 'source', op: 'update', columns: ['level'] },
    );
    await repair(covering);
    expect(await values('select level from customers where id = 1')).toEqual([['special']]);
  });

  test('with soft deletes a row is marked, and unmarked with its present values when it is back', async () => {
    await db.query('delete from people where id = 1');
    await journal({ key: '1', side: 'source', op: 'delete', reason: 'removed' });
    await repair(soft);
    expect(await values('select id::int, deleted_at is not null, full_name from customers where id = 1')).toEqual([[1, true, 'Ada']]);
    await db.query("insert into people values (1, 'Ada II', null, 2)");
    await journal({ key: '1', side: 'source', op: 'insert' });
    await repair(soft);
    expect(await values('select deleted_at, full_name, email, level, note from customers where id = 1')).toEqual([
      [null, 'Ada II', null, 'high', 'native'],
    ]);
  });

  test('a mark may be a boolean', async () => {
    await db.query('alter table customers add column is_gone boolean not null default false; delete from people where id = 1');
    const flagged: Transfer = { ...covering, deletes: { kind: 'soft', column: 'is_gone' } };
    await journal({ key: '1', side: 'source', op: 'delete', reason: 'removed' });
    await repair(flagged);
    expect(await values('select is_gone from customers order by id')).toEqual([[true], [false], [false]]);
    await db.query("insert into people values (1, 'Ada II', null, 2)");
    await journal({ key: '1', side: 'source', op: 'insert' });
    await repair(flagged);
    expect(await values('select is_gone, full_name from customers where id = 1')).toEqual([[false, 'Ada II']]);
  });

  test('a row that a rule refuses goes to the quarantine with its original, and comes back when the rule lets it', async () => {
    const strict: Transfer = { ...covering, quarantine: [{ condition: "email is null -- 'nobody'", line: 7 }] };
    await db.query('update people set email = null where id = 1');
    await journal({ key: '1', side: 'source', op: 'update' });
    await repair(strict);
    expect(await values('select id::int from customers order by id')).toEqual([[2], [3]]);
    expect(await values("select key, reason, original ->> 'name' from stepgate.quarantine")).toEqual([['1', "email is null -- 'nobody'", 'Ada']]);
    await db.query("update people set email = 'new' where id = 1");
    await journal({ key: '1', side: 'source', op: 'update' });
    await repair(strict);
    expect(await targets()).toContainEqual([1, 'Ada', 'new', 'low']);
    expect(await values('select * from stepgate.quarantine')).toEqual([]);
  });
});

/** As the trigger on keys leaves them. */
function moved(side: 'source' | 'target', from: string, to: string): readonly [Entry, Entry] {
  const entry = { side, reason: 'removed' } as const;
  return [
    { ...entry, key: from, op: 'delete' },
    { ...entry, key: to, op: 'insert', movedFrom: from },
  ];
}

describe('a row that got another key', () => {
  test('takes along what waited for a repair under the old one', async () => {
    await db.query(
      "update people set id = 50, email = 'z@x', name = 'Ann' where id = 1; update customers set id = 50, full_name = 'Eve' where id = 1",
    );
    await journal(
      { key: '1', side: 'source', op: 'update', reason: 'failed', columns: ['email'] },
      { key: '1', side: 'target', op: 'update', reason: 'failed', columns: ['full_name'] },
      ...moved('target', '1', '50'),
    );
    await repair(covering);
    expect((await sources()).at(-1)).toEqual([50, 'Eve', 'z@x', 1]);
    expect((await targets()).at(-1)).toEqual([50, 'Eve', 'z@x', 'low']);
    expect(await values('select count(*)::int from stepgate.sync_journal')).toEqual([[0]]);
  });

  test('has its forward-only columns derived again, though their change was noted for the old key later', async () => {
    await db.query('update people set id = 50, status = 2 where id = 1; update customers set id = 50 where id = 1');
    await journal(...moved('target', '1', '50'), { key: '1', side: 'source', op: 'update', columns: ['level'] });
    await repair(covering);
    expect(await targets()).toContainEqual([50, 'Ada', 'a@x', 'high']);
  });

  test('on the new side alone is followed by its source row, which keeps what is its own', async () => {
    await db.query('update customers set id = 50 where id = 1; update customers set id = 51 where id = 50');
    await journal(...moved('target', '1', '50'), ...moved('target', '50', '51'));
    await repair(covering);
    expect(await sources()).toContainEqual([51, 'Ada', 'a@x', 1]);
    expect(await values('select count(*)::int from people')).toEqual([[3]]);
  });

  test('on the old side alone is followed by its target row, which keeps what is its own', async () => {
    await db.query("update customers set note = 'mine' where id = 1; update people set id = 50 where id = 1");
    await journal(...moved('source', '1', '50'));
    await repair(covering);
    expect(await values('select id::int, note from customers where id in (1, 50)')).toEqual([[50, 'mine']]);
  });

  test('back to the first one is where it was', async () => {
    await journal(...moved('target', '1', '50'), ...moved('target', '50', '1'));
    await repair(covering);
    expect([await sources(), (await targets()).length]).toEqual([expect.arrayContaining([[1, 'Ada', 'a@x', 1]]), 3]);
  });
});

describe('what the new side says', () => {
  test('its pending columns are carried back, and only those', async () => {
    await db.query("update customers set full_name = 'Ann', email = 'n@x' where id = 1");
    await journal({ key: '1', side: 'target', op: 'update', reason: 'failed', columns: ['full_name'] });
    await repair(covering);
    expect(await sources()).toContainEqual([1, 'Ann', 'a@x', 1]);
  });

  test('of an inverse the source column is made of the target columns as they then are', async () => {
    const inverse: CarriedColumn = {
      source: 'name',
      expression: "split_part(full_name, '|', 1) || email",
      columns: ['full_name', 'email'],
      isInverse: true,
    };
    await db.query("update customers set full_name = 'Ann|X', email = 'E' where id = 1");
    await journal({ key: '1', side: 'target', op: 'update', columns: ['full_name', 'email'] });
    await repair(covering, [inverse]);
    expect(await sources()).toContainEqual([1, 'AnnE', 'a@x', 1]);
  });

  test('a row that is new there makes one in a source that is covered, and one that went there goes', async () => {
    await db.query("insert into customers (id, full_name, email) values (7, 'Gil', 'g@x'); delete from customers where id = 2");
    await journal({ key: '7', side: 'target', op: 'insert' }, { key: '2', side: 'target', op: 'delete' });
    await repair(covering);
    expect(await sources()).toEqual([
      [1, 'Ada', 'a@x', 1],
      [3, 'Cy', 'c@x', 1],
      [7, 'Gil', 'g@x', null],
    ]);
    expect(await values('select count(*)::int from stepgate.sync_journal')).toEqual([[0]]);
  });

  test('where a condition leaves rows out neither is carried back, and both stay as the new side has them', async () => {
    await db.query("insert into customers (id, full_name) values (7, 'Gil'); delete from customers where id = 2");
    await journal({ key: '7', side: 'target', op: 'insert' }, { key: '2', side: 'target', op: 'delete' });
    await repair(active);
    await journal({ key: '7', side: 'target', op: 'update', columns: ['email'] }, { key: '2', side: 'source', op: 'update' });
    await repair(active);
    expect(await values('select id::int from customers order by id')).toEqual([[1], [3], [7]]);
    expect(await values('select id::int from people order by id')).toEqual([[1], [2], [3]]);
    expect(await values('select key, op, reason from stepgate.sync_journal order by id')).toEqual([
      ['7', 'insert', 'not-carried'],
      ['2', 'delete', 'not-carried'],
    ]);
  });

  test('a forward-only column that waited for a repair is kept and listed as not carried', async () => {
    await db.query("update customers set level = 'special' where id = 1");
    await journal({ key: '1', side: 'target', op: 'update', columns: ['level'] });
    await repair(covering);
    expect(await values('select level from customers where id = 1')).toEqual([['special']]);
    expect(await values('select reason, columns from stepgate.sync_journal')).toEqual([['not-carried', ['level']]]);
  });
});

describe('what both sides say', () => {
  test.each([
    { later: 'source', name: 'Old' },
    { later: 'target', name: 'New' },
  ] as const)('the $later side wins a column that it changed last, and both values are kept', async ({ later, name }) => {
    await db.query("update people set name = 'Old', status = 2 where id = 1; update customers set full_name = 'New', email = 'n@x' where id = 1");
    const entries: Entry[] = [
      { key: '1', side: 'source', op: 'update', columns: ['full_name', 'level'] },
      { key: '1', side: 'target', op: 'update', columns: ['full_name', 'email'] },
    ];
    await journal(...(later === 'target' ? entries : entries.toReversed()));
    await repair(covering);
    expect(await sources()).toContainEqual([1, name, 'n@x', 2]);
    expect(await targets()).toContainEqual([1, name, 'n@x', 'high']);
    expect(
      await values('select key, column_name, source_value #>> array[]::text[], target_value #>> array[]::text[], kept from stepgate.conflict'),
    ).toEqual([['1', 'full_name', 'Old', 'New', later]]);
  });

  test('a deletion wins over an update of the other side, whose values are kept', async () => {
    await db.query("delete from people where id = 1; update customers set full_name = 'New' where id = 1");
    await journal({ key: '1', side: 'source', op: 'delete', reason: 'removed' }, { key: '1', side: 'target', op: 'update', columns: ['full_name'] });
    await repair(covering);
    expect(await values('select count(*)::int from customers where id = 1')).toEqual([[0]]);
    expect(await values("select column_name, target_value #>> '{}', kept from stepgate.conflict")).toEqual([['full_name', 'New', 'source']]);
  });
});

describe('how keys are taken', () => {
  test('a key that fails keeps its entries with the error, and the others are done', async () => {
    await db.query("alter table customers add unique (email); update people set email = 'b@x' where id = 1; update people set name = name || '!'");
    await journal(...['1', '2', '3'].map((key): Entry => ({ key, side: 'source', op: 'update' })));
    expect(await repair(covering)).toEqual({ repaired: 2, left: 1, failed: 1 });
    expect(await targets()).toEqual([
      [1, 'Ada', 'a@x', 'low'],
      [2, 'Bob!', 'b@x', 'high'],
      [3, 'Cy!', 'c@x', 'low'],
    ]);
    expect(await values("select key, refused like '23505: %' from stepgate.sync_journal")).toEqual([['1', true]]);
  });

  test('keys that failed come after those that did not', async () => {
    await db.query('alter table customers add check (id <> 1 or level <> $$high$$); update people set status = 2 where id in (1, 3)');
    await journal({ key: '1', side: 'source', op: 'update' });
    await repair(covering);
    await journal({ key: '3', side: 'source', op: 'update' });
    expect(await repair(covering, CARRIED, 1)).toEqual({ repaired: 1, left: 1, failed: 0 });
  });

  test('rows that somebody holds are passed over, and the others are done', async () => {
    await db.query("update people set name = name || '!'");
    await journal(...['1', '2', '3'].map((key): Entry => ({ key, side: 'source', op: 'update' })));
    const holder = await server.connect('repair');
    await holder.query('begin; select from people where id = 1 for update; select from customers where id = 2 for update');
    expect(await repair(covering)).toEqual({ repaired: 1, left: 2, failed: 0 });
    expect(await repair(covering)).toEqual({ repaired: 0, left: 2, failed: 0 });
    await holder.query('rollback');
    expect(await repair(covering)).toEqual({ repaired: 2, left: 0, failed: 0 });
  });

  test('what the plan wrote is noted for the target, not for the source', async () => {
    await db.query("update customers set full_name = 'New' where id = 1; update people set name = 'Old' where id = 2");
    await journal({ key: '1', side: 'target', op: 'update' }, { key: '2', side: 'source', op: 'update' });
    await repair(covering);
    expect(await values('select table_oid::regclass::text from stepgate.written')).toEqual([['customers']]);
  });

  test('a repair under another isolation level than read committed is refused', async () => {
    await db.query('begin isolation level repeatable read');
    await expect(repair(covering)).rejects.toThrow('a repair needs read committed');
    await db.query('rollback');
  });

  test.each(["it's", 'a[[keys b]]', 'x\\1', '[[open]]', 'ü "q", {}', ''])('a text key %j is found again', async (key) => {
    await db.query(
      'drop table people, customers; create table people (k text primary key, v text); create table customers (k text primary key, v text)',
    );
    await db.query('insert into people values ($1, $$x$$), ($$other$$, $$y$$)', [key]);
    await journal({ key, side: 'source', op: 'insert' });
    const select = 'select p.k, p.v from people as p';
    const text: Transfer = { ...covering, select, keys: [{ target: 'k', source: 'k' }], columns: ['k', 'v'], plain: [{ column: 'v', source: 'v' }] };
    const carried: readonly CarriedColumn[] = [{ source: 'v', expression: '"v"', columns: ['v'], isInverse: false }];
    await repair(text, carried);
    expect(await values('select * from customers')).toEqual([[key, 'x']]);
    await db.query("update customers set v = 'z'");
    await journal({ key, side: 'target', op: 'update' });
    await repair(text, carried);
    expect(await values("select v from people where k <> 'other'")).toEqual([['z']]);
  });

  test('a key of several columns is found again', async () => {
    await db.query(`drop table people, customers;
create table people (a text, b int, v text, primary key (a, b)); create table customers (x text, y int, v text, primary key (x, y));
insert into people values ('p, "q"', 1, 'one'), ('p, "q"', 2, 'two'), ('r', 1, 'three'); insert into customers values ('r', 1, 'stale'), ('gone', 3, 'old')`);
    const pairs: Transfer = {
      ...covering,
      select: 'select p.a as x, p.b as y, p.v from people as p',
      keys: [
        { target: 'x', source: 'a' },
        { target: 'y', source: 'b' },
      ],
      columns: ['x', 'y', 'v'],
    };
    const keys = [['p, "q"', '1'], ['p, "q"', '2'], ['r', '1'], ['gone', '3']]; // biome-ignore format: one line
    for (const key of keys) {
      await db.query(
        "insert into stepgate.sync_journal (plan, transfer, side, key, op, reason) select 'small', 'customers', 'source', json_build_array($1::text, $2::text)::text, 'update', 'failed'",
        key,
      );
    }
    expect(await repair(pairs, [])).toEqual({ repaired: 4, left: 0, failed: 0 });
    expect(await values('select x, y, v from customers order by 1, 2')).toEqual([
      ['p, "q"', 1, 'one'],
      ['p, "q"', 2, 'two'],
      ['r', 1, 'three'],
    ]);
  });
});
