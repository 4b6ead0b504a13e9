import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { installLedger } from '../../adapters/ledger-install.ts';
import { emptyDatabase } from '../support/run-driver.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench?.close());
beforeEach(async () => {
  await emptyDatabase(
    bench,
    `create table kept (id int primary key, t text, x numeric, at timestamptz, b bytea);
insert into kept select i, i::text, i + 0.50, '2026-01-01'::timestamptz + make_interval(hours => i), '\\x00ff' from generate_series(1, 30) i;`,
  );
  await installLedger(bench.ports.session);
});

async function digest(from = 0, to: number | null = null): Promise<unknown> {
  const [row] = await bench.sql(`select * from stepgate.table_digest('kept', ${from}, ${to})`);
  return row;
}

test.each([
  'update kept set t = null where id = 7',
  "update kept set t = '' where id = 7",
  'update kept set x = 7.5 where id = 7',
  'update kept set x = null where id = 7',
  "update kept set at = at + interval '1 microsecond' where id = 7",
  "update kept set b = '\\x00fe' where id = 7",
  'delete from kept where id = 7',
  'insert into kept values (31)',
  'update kept set t = case id when 7 then $$8$$ else $$7$$ end where id in (7, 8)',
])('%s changes the digest', async (change) => {
  const before = await digest();
  await bench.sql(change);
  expect(await digest()).not.toEqual(before);
});

test.each([
  { what: 'the place of its rows', change: "update kept set t = 'moved' where id < 9; update kept set t = id::text where id < 9" },
  { what: 'VACUUM', change: 'vacuum kept' },
  {
    what: 'settings of the session',
    change: "set TimeZone = 'Asia/Tokyo'; set bytea_output = 'escape'; set DateStyle = 'German'; set extra_float_digits = -5",
  },
  { what: 'a column that came and went', change: 'alter table kept add column more int default 9; alter table kept drop column more' },
])('the digest of a table does not depend on $what', async ({ change }) => {
  const before = await digest();
  await bench.sql(change.includes('vacuum') ? change : `${change}`);
  expect(await digest()).toEqual(before);
  await bench.sql('reset all');
});

test('ranges of blocks add up to the whole table', async () => {
  await bench.sql("insert into kept select i, repeat('x', 900) from generate_series(100, 400) i");
  const whole = await digest();
  const [blocks] = await bench.sql<{ count: number }>("select (pg_relation_size('kept') / 8192)::int as count");
  expect(blocks?.count).toBeGreaterThan(20);
  expect(
    await bench.sql(`select sum(d.rows) as rows, sum(d.hash_high) as hash_high, sum(d.hash_low) as hash_low
from (values (0, 1), (1, 7), (7, 8), (8, null)) r (f, t), stepgate.table_digest('kept', r.f, r.t) d`),
  ).toEqual([whole]);
});
