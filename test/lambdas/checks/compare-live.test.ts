import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { comparedLedger, compareRange, findKey, nextBoundary } from '../../../adapters/comparisons.ts';
import { installLedger } from '../../../adapters/ledger-install.ts';
import type { TransferId } from '../../../core/ids.ts';
import type { Transfer } from '../../../core/plan/compiled-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await installLedger(bench.ports.session);
});
afterAll(() => bench?.close());
beforeEach(() =>
  bench.sql(`drop schema public cascade; create schema public; truncate stepgate.sync_journal, stepgate.quarantine;
create table source (id int primary key, name text, mood text);
create table target (id int primary key, name text, mood text, note text, deleted_at timestamptz);
insert into source select i, 'name ' || i, 'fine' from generate_series(1, 9) i;
insert into target (id, name, mood) select id, name, mood from source`),
);

const LIVE: Transfer = {
  id: 'rows' as TransferId,
  file: '2-copy/rows.sql',
  line: 1,
  select: 'select s.id, s.name, s.mood from source s',
  into: { schema: 'public', name: 'target' },
  from: { schema: 'public', name: 'source' },
  keys: [{ target: 'id', source: 'id' }],
  columns: ['id', 'name', 'mood'],
  sync: 'both',
  deletes: { kind: 'hard' },
  quarantine: [],
  parallel: 1,
  driving: { before: 'select s.id, s.name, s.mood from ', after: ' as s' },
  lookups: [],
  plain: [],
  inverses: [],
  isCovering: true,
};

const COLUMN = { type: 'text', default: null, isConstant: true, isGenerated: false };
const UNMAPPED = [
  { ...COLUMN, name: 'note' },
  { ...COLUMN, name: 'deleted_at', type: 'timestamp with time zone' },
];

function compared(transfer: Transfer, salt = '') {
  return bench.ports.session.readOnly(async (query) =>
    compareRange(query, transfer, {
      after: null,
      upto: null,
      unmapped: UNMAPPED,
      salt,
      ledger: await comparedLedger(query, { plan: 'small', transfer: transfer.id }),
    }),
  );
}

function journal(entry: { readonly key: string; readonly side?: string; readonly op?: string; readonly reason: string; readonly columns?: string }) {
  const { key, side = 'target', op = 'update', reason, columns } = entry;
  return bench.sql(`insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
values ('small', 'rows', '${side}', '${key}', '${op}', '${reason}', ${columns === undefined ? 'null' : `'{${columns}}'`})`);
}

const NONE = { missing: 0, extra: 0, different: 0, lagging: 0, changed: 0 };

test('a difference is lag only where the journal holds its key, of that transfer and plan', async () => {
  await bench.sql("update target set name = 'other' where id in (1, 2); delete from target where id = 3; insert into target (id) values (77)");
  await journal({ key: '1', side: 'source', reason: 'failed' });
  expect(await compared(LIVE)).toMatchObject({ missing: 1, extra: 1, different: 1, lagging: 1, changed: 0, samples: ['2', '3', '77'] });
  for (const key of ['2', '3', '77']) await journal({ key, side: 'source', op: 'delete', reason: 'removed' });
  expect(await compared(LIVE)).toMatchObject({ ...NONE, lagging: 4, samples: [] });
  expect(await compared({ ...LIVE, sync: 'none' })).toMatchObject({ missing: 1, extra: 1, different: 2, lagging: 0 });
  expect(await compared({ ...LIVE, id: 'others' as TransferId })).toMatchObject({ missing: 1, extra: 1, different: 2, lagging: 0 });
});

test('what the new side wrote where nothing is carried back is told apart, column by column', async () => {
  await bench.sql("update target set mood = 'bad' where id in (1, 2); update target set name = 'other' where id = 2");
  await journal({ key: '1', reason: 'not-carried', columns: 'mood' });
  await journal({ key: '2', reason: 'not-carried', columns: 'mood' });
  expect(await compared(LIVE)).toMatchObject({ ...NONE, different: 1, changed: 1, samples: ['2'] });
});

test('a row that only the new side has, or has deleted, is its own where the journal says so', async () => {
  await bench.sql('insert into target (id) values (77), (78); delete from target where id in (1, 2)');
  await journal({ key: '77', op: 'insert', reason: 'not-carried' });
  await journal({ key: '1', op: 'delete', reason: 'not-carried' });
  await journal({ key: '2', op: 'update', reason: 'not-carried', columns: 'mood' });
  expect(await compared(LIVE)).toMatchObject({ missing: 1, extra: 1, changed: 2, samples: ['2', '78'] });
});

test('columns that only the new side has are its own while the sync lives', async () => {
  await bench.sql("update target set note = 'called' where id = 4");
  expect(await compared(LIVE)).toMatchObject({ ...NONE, changed: 1 });
  expect(await compared({ ...LIVE, sync: 'none' })).toMatchObject({ ...NONE, different: 1, samples: ['4'] });
});

test('a row that is marked as deleted counts as absent', async () => {
  const soft: Transfer = { ...LIVE, deletes: { kind: 'soft', column: 'deleted_at' } };
  await bench.sql('update target set deleted_at = now() where id in (1, 2); delete from source where id = 1');
  expect(await compared(soft)).toMatchObject({ source: 8, target: 7, missing: 1, extra: 0, different: 0, samples: ['2'] });
  await journal({ key: '2', reason: 'not-carried', columns: 'deleted_at' });
  expect(await compared(soft)).toMatchObject({ ...NONE, changed: 1 });
});

test('rows of the quarantine are neither missing nor left out, and a row that should be there and is not is missing', async () => {
  const guarded: Transfer = { ...LIVE, quarantine: [{ condition: "name ~ '[357]'", line: 3 }] };
  await bench.sql(`delete from target where id in (3, 5);
insert into stepgate.quarantine (plan, transfer, key, reason, original) values ('small', 'rows', '3', 'odd', '{}')`);
  expect(await compared(guarded)).toMatchObject({ driving: 9, source: 8, quarantined: 1, missing: 1, extra: 1, samples: ['5', '7'] });
});

test('a row of the quarantine whose mapping raises is not mapped', async () => {
  const raising: Transfer = { ...LIVE, select: "select s.id, (s.name || left('x', 1 / (s.id - 3) * 0))::text as name, s.mood from source s" };
  await bench.sql(
    "delete from target where id = 3; insert into stepgate.quarantine (plan, transfer, key, reason, original) values ('small', 'rows', '3', 'divides by zero', '{}')",
  );
  expect(await compared(raising)).toMatchObject({ ...NONE, source: 8, quarantined: 1 });
});

const PAIRS: Transfer = {
  ...LIVE,
  select: 'select p.shop as store, p.mail, p.n from pairs p',
  into: { schema: 'public', name: 'copies' },
  from: { schema: 'public', name: 'pairs' },
  keys: [
    { target: 'store', source: 'shop' },
    { target: 'mail', source: 'mail' },
  ],
  columns: ['store', 'mail', 'n'],
};

test('a key of several columns is compared in ranges, found again by its digest, and shows no part that may be a person', async () => {
  await bench.sql(`create table pairs (shop int, mail text, n int, primary key (shop, mail)); create table copies (store int, mail text, n int, primary key (store, mail));
insert into pairs select i / 3, 'a,"b'' ' || i, i from generate_series(1, 10) i; insert into copies select * from pairs;
update copies set n = -1 where n = 4; delete from copies where n = 7; insert into copies values (99, 'z', 1)`);
  const ledger = { plan: 'small', hasJournal: true, hasQuarantined: false };
  const found = await bench.ports.session.readOnly(async (query) => {
    const sum = { source: 0, target: 0, missing: 0, extra: 0, different: 0 };
    const samples: string[] = [];
    let after: string | null = null;
    let rows = 0;
    do {
      const end = await nextBoundary(query, PAIRS, { after, rows: 3, salt: 'run-1' });
      const range = await compareRange(query, PAIRS, { after, upto: end?.key ?? null, unmapped: [], salt: 'run-1', ledger });
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += range[key];
      samples.push(...range.samples);
      rows += end?.rows ?? 0;
      if (end !== null) {
        expect(end.shown).toMatch(/^\["\d", "md5:[0-9a-f]{12}"\]$/);
        expect(await findKey(query, PAIRS, { shown: end.shown, rows, salt: 'run-1' })).toBe(end.key);
        expect(await findKey(query, PAIRS, { shown: end.shown, rows, salt: 'run-2' })).toBeNull();
      }
      after = end?.key ?? null;
    } while (after !== null);
    return { ...sum, samples };
  });
  expect(found).toMatchObject({ source: 10, target: 10, missing: 1, extra: 1, different: 1 });
  for (const sample of found.samples) expect(sample).toMatch(/^\(\d+, md5:[0-9a-f]{12}\)$/);
});
