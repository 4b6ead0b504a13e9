import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syncLedger } from '../../adapters/sync-ledger.ts';
import type { ChangingEnvelope } from '../../core/run/envelope.ts';
import { beginRun, type Deployed, deploy, emptyPlanDatabase } from '../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

const SOURCE = `
create table zones (code text primary key, title text);
create table people (id serial primary key, name text, mail varchar(20), status int, zone text references zones on delete set null on update cascade, seen timestamptz, native text default 'old');
create table customers (id int primary key, full_name text, email text, level text, zone_title text, seen timestamptz, note text default 'new');
create table actives (id int primary key references customers, name text);
insert into zones values ('n', 'North'), ('s', 'South');
insert into people (name, mail, status, zone) values ('Ada', 'ada@x', 1, 'n'), ('Bob', 'bob@x', 2, 's'), ('Cyd', null, null, null);
`;

const PLAN = {
  'plan.yaml': 'title: People become customers\nphases:\n  - { id: copy, transfers: [customers, actives] }\n  - { id: switch, cutover: flag }\n',
  '2-switch/up.sql': "comment on table customers is 'in use'",
  '2-switch/undo.sql': 'comment on table customers is null',
  '1-copy/customers.sql': `--! into: customers
--! from: people
--! key: id
--! sync: both
select p.id, p.name as full_name, p.mail::text as email, case p.status when 1 then 'one' else 'other' end as level, z.title as zone_title, p.seen
from people p left join zones z on z.code = p.zone;
`,
  '1-copy/actives.sql': `--! into: actives
--! from: people
--! key: id
--! sync: both
select p.id, p.name from people p where p.status is not null;
`,
};

const FILL = `insert into customers (id, full_name, email, level, zone_title, seen)
select p.id, p.name, p.mail, case p.status when 1 then 'one' else 'other' end, z.title, p.seen from people p left join zones z on z.code = p.zone;
insert into actives select id, name from people where status is not null;`;

let bench: Workbench;
let application: Client;
let input: ChangingEnvelope;
let deployed: Deployed;
let runs = 0;
beforeAll(async () => {
  bench = await openWorkbench();
  application = await bench.connect();
});
afterAll(async () => {
  await application?.end();
  await bench?.close();
});

/** A plan whose triggers stand on both sides, over a target that is filled. */
async function begin(source: string, plan: Readonly<Record<string, string>>, fill: string): Promise<void> {
  await emptyPlanDatabase(bench, source);
  deployed = await deploy(bench, plan);
  input = await beginRun(bench, deployed, { id: `run-${++runs}` });
  await bench.sql(fill);
  for (const side of ['source', 'target'] as const) await syncLedger(bench.ports.session).install(input.run, deployed.plan, { phase: 'copy', side });
}

/** What somebody sees in the transaction that wrote, which is then taken back. */
async function inTransaction<Result>(statements: string, look: () => Promise<Result>, isolation = 'read committed'): Promise<Result> {
  await application.query(`begin isolation level ${isolation}`);
  try {
    await application.query(statements);
    return await look();
  } finally {
    await application.query('rollback');
  }
}

async function rows(sql: string): Promise<readonly unknown[]> {
  return (await application.query({ text: sql, rowMode: 'array' })).rows;
}

/** What waits for a repair, but for rows that went, and lookups that changed. */
async function pending(): Promise<readonly unknown[]> {
  return rows(
    "select transfer, side, key, op, reason from stepgate.sync_journal where reason not in ('removed', 'not-carried') and key is not null order by id",
  );
}

/** Keys whose target row is not what an independent statement of the mapping gives. */
async function differences(): Promise<readonly unknown[]> {
  return rows(`select 'customers', coalesce(s.id, c.id) from (
  select p.id, p.name, p.mail, case when p.status = 1 then 'one' else 'other' end as level, (select title from zones where code = p.zone) as title, p.seen from people p) s
full join customers c on c.id = s.id
where (s.id, s.name, s.mail, s.level, s.title, s.seen) is distinct from (c.id, c.full_name, c.email, c.level, c.zone_title, c.seen)
union all
select 'actives', coalesce(s.id, a.id) from (select id, name from people where status is not null) s full join actives a on a.id = s.id
where (s.id, s.name) is distinct from (a.id, a.name)`);
}

function journal(): Promise<readonly unknown[]> {
  return rows("select transfer, side, key, op, reason, array_to_string(columns, ' '), sql_state from stepgate.sync_journal order by id");
}

describe('on the old side', () => {
  beforeAll(() => begin(SOURCE, PLAN, FILL));

  test.each([
    "update people set name = 'Ada L', status = 3 where id = 1",
    "update people set name = name || '!'",
    "insert into people (name, mail, status, zone) values ('Dan', 'd@x', 1, 's'), ('Eve', null, null, 'n')",
    'update people set status = 7 where id = 3',
    "update zones set title = 'Far ' || title",
    "update zones set code = 'nn' where code = 'n'",
    "insert into zones values ('w', 'West'); update people set zone = 'w'; update zones set title = 'Wild West' where code = 'w'",
    "alter table people drop constraint people_zone_fkey; update people set zone = 'e' where id = 3; insert into zones values ('e', 'East')",
    'alter table people drop constraint people_zone_fkey; truncate zones',
    "delete from zones where code = 'n'",
    "with more as (insert into people (name, status) values ('Fay', 1) returning id) update people set name = 'x' where id = 1",
    "insert into people (id, name) values (1, 'again') on conflict (id) do update set name = excluded.name, status = null",
    'update people set name = null, mail = null, status = null, zone = null, seen = now()',
  ])('%s reaches the new side, and leaves nothing to repair but what goes', async (statement) => {
    const found = await inTransaction(statement, async () => [await differences(), await pending()]);
    expect(found).toEqual([[], []]);
  });

  test.each([
    { statement: 'update people set status = null where id = 1', removed: [['actives', 'source', '1', 'update', 'removed', '', null]] },
    {
      statement: 'delete from people where id = 2',
      removed: [
        ['actives', 'source', '2', 'delete', 'removed', '', null],
        ['customers', 'source', '2', 'delete', 'removed', '', null],
      ],
    },
    {
      statement: 'truncate people',
      removed: [
        ['actives', 'source', null, 'truncate', 'removed', '', null],
        ['customers', 'source', null, 'truncate', 'removed', '', null],
      ],
    },
  ])('$statement takes the rows away, and the journal names them', async ({ statement, removed }) => {
    const [left, entries] = await inTransaction(statement, async () => [await differences(), await journal()] as const);
    expect(left).toEqual([]);
    expect(entries.map((entry) => (entry as readonly unknown[]).map((value) => value ?? null))).toEqual(
      removed.map((entry) => entry.map((value) => (value === '' ? null : value))),
    );
  });

  test('a row that gets another key keeps what is its own, in every target', async () => {
    const found = await inTransaction("update customers set note = 'mine'; update people set id = id + 10, name = name || '!'", async () => [
      await differences(),
      await rows('select id, full_name, note from customers order by id'),
      await journal(),
    ]);
    expect(found[0]).toEqual([]);
    expect(found[1]).toEqual([
      [11, 'Ada!', 'mine'],
      [12, 'Bob!', 'mine'],
      [13, 'Cyd!', 'mine'],
    ]);
    expect(new Set(found[2]?.map((entry) => (entry as readonly string[])[4]))).toEqual(new Set(['removed']));
  });

  test('a row that two cascades change in one statement is journalled, since nobody knows which image is the last', async () => {
    const entries = await inTransaction(
      `create table users (mail varchar(20) primary key); insert into users values ('u');
update people set mail = 'u', name = 'u' where id = 1;
alter table people add foreign key (mail) references users on delete set null not valid, add constraint named foreign key (name) references users on delete set null not valid;
delete from users`,
      pending,
    );
    expect(entries).toContainEqual(['customers', 'source', '1', 'update', 'isolation']);
  });

  test('an error in a target never reaches the application, and is journalled with its state', async () => {
    const found = await inTransaction(
      "alter table customers add check (full_name <> 'bad'); update people set name = 'bad', status = 9 where id = 1; update people set name = 'good' where id = 2",
      async () => [await rows('select name from people where id in (1, 2) order by id'), await differences(), await journal()],
    );
    expect(found).toEqual([[['bad'], ['good']], [['customers', 1]], [['customers', 'source', '1', 'update', 'failed', 'full_name level', '23514']]]);
  });

  test('where the mapping itself fails, the keys are journalled', async () => {
    const found = await inTransaction('alter table zones drop column title cascade; update people set name = name where id = 1', journal);
    expect(found).toEqual([['customers', 'source', '1', 'update', 'failed', null, '42703']]);
  });

  test.each(['repeatable read', 'serializable'])('at %s each key is journalled', async (isolation) => {
    const entries = await inTransaction("update people set name = 'RR' where id = 1; insert into people (name) values ('new')", journal, isolation);
    expect(entries).toEqual([
      ['customers', 'source', '1', 'update', 'isolation', 'full_name', null],
      ['actives', 'source', '1', 'update', 'isolation', 'name', null],
      ['customers', 'source', expect.any(String), 'insert', 'isolation', null, null],
    ]);
  });

  test.each([
    { isolation: 'repeatable read', statement: "update zones set title = 'Far ' || title", reason: 'isolation', state: null },
    {
      isolation: 'read committed',
      statement: "alter table customers add check (zone_title <> 'Far North') not valid; update zones set title = 'Far ' || title",
      reason: 'failed',
      state: '23514',
    },
  ])('a changed lookup at $isolation is one note ($reason), however many rows it has', async ({ isolation, statement, reason, state }) => {
    const entries = await inTransaction(statement, journal, isolation);
    expect(entries).toEqual([['customers', 'source', null, 'update', reason, null, state]]);
  });

  test("what a trigger of the application wrote deeper inside the statement is journalled, since the statement's own image is older", async () => {
    const entries = await inTransaction(
      `create function shout() returns trigger language plpgsql as $$ begin update people set name = upper(name) where id = new.id and name <> upper(name); return null; end $$;
create trigger shout after update on people for each row execute function shout();
update people set name = 'ada' where id = 1`,
      journal,
    );
    expect(new Set(entries.map((entry) => (entry as readonly string[])[4]))).toEqual(new Set(['isolation']));
  });

  test('a row whose insert the batch missed is inserted by its update', async () => {
    const left = await inTransaction(
      "set local stepgate.guard = '*'; delete from actives; delete from customers; set local stepgate.guard = ''; update people set name = 'x'",
      async () => [await differences(), await pending()],
    );
    expect(left).toEqual([[], []]);
  });
});

describe('on the new side', () => {
  beforeAll(() => begin(SOURCE, PLAN, FILL));

  test('a column that is carried reaches the old side, one that is not is journalled, and neither comes back', async () => {
    const found = await inTransaction("update customers set full_name = 'Ada N', level = 'vip', note = 'own' where id = 1", async () => [
      await rows('select name, mail, status, native from people where id = 1'),
      await rows('select full_name, level, note from customers where id = 1'),
      await rows('select name from actives where id = 1'),
      await journal(),
    ]);
    expect(found).toEqual([
      [['Ada N', 'ada@x', 1, 'old']],
      [['Ada N', 'vip', 'own']],
      [['Ada N']],
      [['customers', 'target', '1', 'update', 'not-carried', 'level', null]],
    ]);
  });

  test('what the old side cannot hold is journalled, and the application sees nothing of it', async () => {
    const found = await inTransaction("update customers set email = repeat('x', 30) where id = 1", async () => [
      await rows('select mail from people where id = 1'),
      await journal(),
    ]);
    expect(found).toEqual([[['ada@x']], [['customers', 'target', '1', 'update', 'failed', 'email', '22001']]]);
  });

  test('a new row makes one on the old side where every row of that has one here, with a key that the old side never draws', async () => {
    const found = await inTransaction(
      "insert into customers (full_name, email) values ('Dan', 'd@x'); insert into people (name) values ('Eve')",
      async () => [
        await rows('select id, name, mail from people where id > 3 order by id'),
        await rows('select id, full_name from customers where id > 3 order by id'),
        await journal(),
      ],
    );
    expect(found).toEqual([
      [
        [expect.any(Number), 'Dan', 'd@x'],
        [expect.any(Number), 'Eve', null],
      ],
      [
        [expect.any(Number), 'Dan'],
        [expect.any(Number), 'Eve'],
      ],
      [['customers', 'target', expect.any(String), 'update', 'not-carried', 'level', null]],
    ]);
  });

  test('a deletion goes back where every row of the old side has one here', async () => {
    const found = await inTransaction('delete from actives where id = 1; delete from customers where id = 1', async () => [
      await rows('select id from people order by id'),
      await rows('select id from customers order by id'),
      await journal(),
    ]);
    expect(found[0]).toEqual([[2], [3]]);
    expect(found[1]).toEqual([[2], [3]]);
    expect(found[2]).toEqual([
      ['actives', 'target', '1', 'delete', 'not-carried', null, null],
      ['actives', 'source', '1', 'delete', 'removed', null, null],
    ]);
  });

  test('a row of its own, and a deletion that the old side cannot follow, are journalled', async () => {
    const found = await inTransaction(
      "insert into actives values (3, 'Cyd'); update actives set name = 'Cy' where id = 3; delete from actives where id = 2; update people set name = 'B' where id = 2",
      async () => [await rows('select * from actives order by id'), await rows('select name from people where id > 1 order by id'), await journal()],
    );
    expect(found[0]).toEqual([
      [1, 'Ada'],
      [3, 'Cy'],
    ]);
    expect(found[1]).toEqual([['B'], ['Cy']]);
    expect(found[2]).toEqual([
      ['actives', 'target', '3', 'insert', 'not-carried', null, null],
      ['actives', 'target', '2', 'delete', 'not-carried', null, null],
    ]);
  });

  test('TRUNCATE takes the rows of the old side that have one here', async () => {
    const found = await inTransaction('truncate customers cascade', async () => [
      await rows('select count(*)::int from people'),
      await rows('select count(*)::int from customers'),
    ]);
    expect(found).toEqual([[[0]], [[0]]]);
  });

  test('a row that gets another key takes its old row along', async () => {
    const found = await inTransaction("delete from actives; update customers set id = 50, full_name = 'Fifty' where id = 1", async () => [
      await rows('select id, name, status, native from people order by id'),
      await differences(),
    ]);
    expect(found[0]).toEqual([
      [2, 'Bob', 2, 'old'],
      [3, 'Cyd', null, 'old'],
      [50, 'Fifty', 1, 'old'],
    ]);
  });

  test('at repeatable read a row that gets another key claims none of its columns', async () => {
    const entries = await inTransaction('delete from actives; update customers set id = 50 where id = 1', journal, 'repeatable read');
    expect(entries.filter((entry) => String(entry).startsWith('customers,'))).toEqual([
      ['customers', 'target', '1', 'delete', 'removed', null, null],
      ['customers', 'target', '50', 'insert', 'removed', null, null],
    ]);
  });

  test('touch triggers on both sides end, and what they made of a write is journalled', async () => {
    const entries = await inTransaction(
      `create function touch() returns trigger language plpgsql as $$ begin new.seen := clock_timestamp(); return new; end $$;
create trigger touch before update on people for each row execute function touch();
create trigger touch before update on customers for each row execute function touch();
update people set name = 'touched' where id = 1`,
      journal,
    );
    expect(entries).toEqual([['customers', 'target', '1', 'update', 'suppressed', 'seen', null]]);
  });

  test('what the sync did not write itself, and waits for a repair, is no value of the new side', async () => {
    const entries = await inTransaction(
      `set local stepgate.guard = '*'; update customers set full_name = 'stale' where id = 1; set local stepgate.guard = '';
create function idle() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger idle after update on customers for each row execute function idle();
update people set mail = 'new@x' where id = 1`,
      journal,
    );
    expect(entries).toEqual([]);
  });

  test('both sides may write different columns of one row', async () => {
    await application.query("update people set name = 'Old' where id = 1");
    await application.query("update customers set email = 'new@x' where id = 1");
    expect(await differences()).toEqual([]);
    expect(await rows('select name, mail from people where id = 1')).toEqual([['Old', 'new@x']]);
  });

  test('neither loses a write where both write different columns of one row at once', async () => {
    const other = await bench.connect();
    try {
      await application.query("begin; update people set name = 'Old 2' where id = 1");
      const [row] = (await other.query("update customers set email = 'new2@x' where id = 2 returning email")).rows;
      await application.query('commit');
      expect(row).toEqual({ email: 'new2@x' });
      expect(await differences()).toEqual([]);
    } finally {
      await other.end();
    }
  });

  test('a wait of ours in the transaction of the application ends after 200 ms, and the change is journalled', async () => {
    const other = await bench.connect();
    try {
      await other.query('begin; select from people where id = 2 for update');
      const before = performance.now();
      const entries = await inTransaction("update customers set email = 'waits@x' where id = 2", journal);
      expect(performance.now() - before).toBeLessThan(1500);
      expect(entries).toEqual([['customers', 'target', '2', 'update', 'failed', 'email', '55P03']]);
    } finally {
      await other.end();
    }
  });

  test('a row that a changed lookup brought to the new side cannot be deleted on the old one until that is committed', async () => {
    await bench.sql("begin; set local stepgate.guard = '*'; delete from actives where id = 1; delete from customers where id = 1; commit");
    await bench.sql("begin; update zones set title = 'Far ' || title");
    try {
      await expect(inTransaction("set local lock_timeout = '50ms'; delete from people where id = 1", journal)).rejects.toThrow('lock timeout');
    } finally {
      await bench.sql('commit');
    }
    expect(await rows('select zone_title from customers where id = 1')).toEqual([['Far North']]);
  });

  test('removing takes every trigger and function away, and gives the key its default back; twice is once', async () => {
    const { remove, live } = syncLedger(bench.ports.session);
    await remove(input.run, deployed.plan, 'copy');
    await remove(input.run, deployed.plan, 'copy');
    expect(await rows("select tgname from pg_trigger where tgname like 'stepgate%'")).toEqual([]);
    expect(await rows("select proname from pg_proc where proname like 'sync\\_%' and pronamespace = 'stepgate'::regnamespace")).toEqual([]);
    expect(await rows("select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'customers'::regclass and adnum = 1")).toEqual([]);
    expect(await live(deployed.plan.id)).toEqual([]);
  });
});

const SHAPES_SOURCE = `
create table events (id uuid, at date, note text, kind text, primary key (id, at)) partition by range (at);
create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');
create table logs (log_id uuid, day date, note text, shout text, label text, deleted_at timestamptz, own text, primary key (log_id, day)) partition by range (day);
create table logs_1 partition of logs for values from ('2026-01-01') to ('2026-02-01');
create table logs_2 partition of logs for values from ('2026-02-01') to ('2026-03-01');
alter table logs enable row level security;
insert into events values ('00000000-0000-0000-0000-000000000001', '2026-01-05', 'one'), ('00000000-0000-0000-0000-000000000002', '2026-02-05', 'two');
`;

const SHAPES_PLAN = {
  'plan.yaml': 'title: Events become logs\nphases:\n  - { id: copy, transfers: [logs] }\n  - { id: switch, cutover: flag }\n',
  '2-switch/up.sql': "comment on table logs is 'in use'",
  '2-switch/undo.sql': 'comment on table logs is null',
  '1-copy/logs.sql': `--! into: logs
--! from: events
--! key: log_id, day
--! sync: both
--! deletes: soft deleted_at
--! quarantine when: note = 'bad'
--! inverse: kind = lower(label)
select e.id as log_id, e.at as day, e.note, upper(e.note) as shout, upper(e.kind) as label from events e;
`,
};

const SHAPES_FILL = 'insert into logs (log_id, day, note, shout) select id, at, note, upper(note) from events';

describe('with several key columns, partitions, soft deletes, a quarantine and row-level security', () => {
  beforeAll(async () => {
    await bench.sql('do $$ begin create role app nologin; exception when duplicate_object then null; end $$');
    await begin(SHAPES_SOURCE, SHAPES_PLAN, SHAPES_FILL);
    await bench.sql(
      'grant app to migrator; grant usage on schema public to app; grant select, insert, update, delete, truncate on events, events_1, events_2 to app',
    );
  });

  const logs = () => rows('select right(log_id::text, 1), day::text, note, shout, deleted_at is not null from logs order by 1, 2');

  test.each([
    { statement: "update events set note = 'new' where at < '2026-02-01'", first: ['1', '2026-01-05', 'new', 'NEW', false] },
    { statement: "update events_1 set note = 'new'", first: ['1', '2026-01-05', 'new', 'NEW', false] },
    { statement: 'delete from events_1', first: ['1', '2026-01-05', 'one', 'ONE', true] },
    { statement: 'truncate events_1', first: ['1', '2026-01-05', 'one', 'ONE', true] },
    {
      statement: "delete from events_1; insert into events values ('00000000-0000-0000-0000-000000000001', '2026-01-05', 'back')",
      first: ['1', '2026-01-05', 'back', 'BACK', false],
    },
    { statement: "update events set note = 'bad' where at < '2026-02-01'", first: ['1', '2026-01-05', 'one', 'ONE', true] },
    {
      statement: "update events set note = 'bad' where at < '2026-02-01'; update events set note = 'good'",
      first: ['1', '2026-01-05', 'good', 'GOOD', false],
    },
  ])('an application that may not even read the target: $statement', async ({ statement, first }) => {
    const [found, entries] = await inTransaction(
      `set local role app; ${statement}; reset role`,
      async () => [(await logs())[0], await pending()] as const,
    );
    expect(found).toEqual(first);
    expect(entries).toEqual([]);
  });

  test.each(['2026-01-09', '2026-02-20'])('a row whose new key %s may be in another partition is followed, and keeps its own', async (day) => {
    const [moved, own, entries] = await inTransaction(
      `update logs set own = 'mine' where day < '2026-02-01'; set local role app; update events set at = '${day}', note = 'moved' where at < '2026-02-01'; reset role`,
      async () => [await logs(), await rows(`select own from logs where day = '${day}'`), await pending()] as const,
    );
    expect(moved).toContainEqual(['1', day, 'moved', 'MOVED', false]);
    expect(own).toEqual([['mine']]);
    expect(entries).toEqual([]);
  });

  test('a row of the new side that moves to another partition takes its old row along', async () => {
    const found = await inTransaction("update logs set day = '2026-02-20', note = 'moved' where day < '2026-02-01'", async () => [
      await rows('select at::text, note from events order by 1'),
      await pending(),
    ]);
    expect(found).toEqual([
      [
        ['2026-02-05', 'two'],
        ['2026-02-20', 'moved'],
      ],
      [],
    ]);
  });

  test('a row that a rule keeps out is in the quarantine with its original, and leaves it when it is good again', async () => {
    const quarantined = 'select transfer, key, reason, original from stepgate.quarantine';
    const bad = "insert into events values ('00000000-0000-0000-0000-000000000003', '2026-01-07', 'bad', 'k')";
    const [kept, left] = await inTransaction(bad, async () => {
      const first = await rows(quarantined);
      await application.query("update events set note = 'fine' where note = 'bad'");
      return [first, await rows(quarantined)] as const;
    });
    expect(kept).toEqual([
      [
        'logs',
        '["00000000-0000-0000-0000-000000000003", "2026-01-07"]',
        "note = 'bad'",
        { id: '00000000-0000-0000-0000-000000000003', at: '2026-01-07', note: 'bad', kind: 'k' },
      ],
    ]);
    expect(left).toEqual([]);
  });

  test('a soft deletion on the new side deletes on the old side, and its end brings the row back', async () => {
    const found = await inTransaction("update logs set deleted_at = now() where day = '2026-01-05'", async () => {
      const gone = await rows('select right(id::text, 1), note from events order by 1');
      await application.query("update logs set deleted_at = null, note = 'again' where day = '2026-01-05'");
      return [gone, await rows('select right(id::text, 1), note from events order by 1'), await journal()];
    });
    expect(found[0]).toEqual([['2', 'two']]);
    expect(found[1]).toEqual([
      ['1', 'again'],
      ['2', 'two'],
    ]);
  });

  test('a column goes back by its declared inverse', async () => {
    const found = await inTransaction("update logs set label = 'ABC' where day = '2026-01-05'", async () => [
      await rows("select kind from events where at = '2026-01-05'"),
      await journal(),
    ]);
    expect(found).toEqual([[['abc']], []]);
  });

  test('every trigger fires for replicas, too', async () => {
    const enabled = "select count(*) > 10, count(*) filter (where tgenabled <> 'A')::int from pg_trigger where tgname like 'stepgate%'";
    expect(await rows(enabled)).toEqual([[true, 0]]);
  });

  test('sessions that are older than the triggers are named, until none is left', async () => {
    const { remove, install, unsettled, live } = syncLedger(bench.ports.session);
    const place = { phase: 'copy', side: 'source' } as const;
    await remove(input.run, deployed.plan, 'copy');
    await application.query('begin isolation level repeatable read; select 1');
    await install(input.run, deployed.plan, place);
    const older = await unsettled(input.run, place);
    expect(older.map(({ role }) => role)).toEqual(['migrator']);
    expect(await live(deployed.plan.id)).toEqual([{ transfer: 'logs', side: 'source', isSettled: false, isSilenced: false }]);
    await application.query('rollback');
    expect(await unsettled(input.run, place)).toEqual([]);
    expect(await live(deployed.plan.id)).toEqual([{ transfer: 'logs', side: 'source', isSettled: true, isSilenced: false }]);
  });

  test('a constraint that would fail the application only at its commit is refused', async () => {
    const { remove, install } = syncLedger(bench.ports.session);
    await remove(input.run, deployed.plan, 'copy');
    await bench.sql('alter table logs add constraint late unique (log_id, day, note) deferrable initially deferred');
    await expect(install(input.run, deployed.plan, { phase: 'copy', side: 'source' })).rejects.toThrow(
      "at its commit, where their failure would be the application's: late on logs;",
    );
    await bench.sql('alter table logs drop constraint late');
  });

  test('a table with heirs that are no partitions is refused', async () => {
    const { remove, install } = syncLedger(bench.ports.session);
    await remove(input.run, deployed.plan, 'copy');
    await bench.sql(
      'alter table events rename to months; create table events (like months including all); create table more_events () inherits (events)',
    );
    await expect(install(input.run, deployed.plan, { phase: 'copy', side: 'source' })).rejects.toThrow(
      'more_events inherit from it, whose rows the triggers of public.events do not see',
    );
  });
});
