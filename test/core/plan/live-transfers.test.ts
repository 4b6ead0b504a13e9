import { expect, test } from 'vitest';
import type { Transfer } from '../../../core/plan/compiled-plan.ts';
import { compileSmall, faultsOf } from './small-plan.ts';

const FORWARD = '--! into: shop.books\n--! from: old_books\n--! key: id\n--! sync: forward\n';
const BOTH = FORWARD.replace('forward', 'both');
const NONE = FORWARD.replace('forward', 'none');

/** The small plan with a cutover behind the copy, so that `sync: both` compiles. */
const WITH_CUTOVER = {
  'plan.yaml': `title: Books
phases:
  - { id: schema }
  - { id: copy, transfers: [books] }
  - { id: indexes }
  - { id: statistics, undo: none, because: statistics go with their table, cutover: flag }
`,
};

async function faultsIn(transfer: string): Promise<readonly string[]> {
  return faultsOf({ ...(transfer.includes('--! sync: both') ? WITH_CUTOVER : {}), '2-copy/books.sql': transfer });
}

async function compiled(transfer: string): Promise<Transfer | undefined> {
  const result = await compileSmall({ ...(transfer.includes('--! sync: both') ? WITH_CUTOVER : {}), '2-copy/books.sql': transfer });
  expect(result.ok ? [] : result.faults).toEqual([]);
  const phase = result.ok ? result.plan.phases[1] : undefined;
  return phase?.kind === 'transfer' ? phase.transfers[0] : undefined;
}

test.each([
  {
    name: 'a subquery over a table',
    sql: 'select b.id, (select max(a.no) from archive a where a.id = b.id) as no from old_books b',
    faults: [
      '5:14: live sync cannot tell which rows a subquery over archive concerns when that table changes; join it by key as a lookup, or use "sync: none"',
    ],
  },
  {
    name: 'a joined subquery over a table',
    sql: 'select b.id, a.no from old_books b left join (select id, max(no) as no from archive group by id) a on a.id = b.id',
    faults: [
      '5:77: live sync cannot tell which rows a subquery over archive concerns when that table changes; join it by key as a lookup, or use "sync: none"',
    ],
  },
  {
    name: 'a WITH query over a table',
    sql: 'with newest as (select a.id, a.no from archive a) select b.id, n.no from old_books b left join newest n on n.id = b.id',
    faults: [
      '5:6: live sync cannot tell which rows a subquery over archive concerns when that table changes; join it by key as a lookup, or use "sync: none"',
    ],
  },
  {
    name: 'recursion',
    sql: 'with recursive up as (select 1 as no union all select u.no + 1 from up u where u.no < 3) select b.id from old_books b',
    faults: ['5:1: live sync cannot tell which rows a recursive query concerns; write the mapping without WITH RECURSIVE, or use "sync: none"'],
  },
  {
    name: 'the driving table twice',
    sql: 'select b.id, o.title from old_books b left join old_books o on o.id = b.parent_id',
    faults: [
      '5:49: live sync maps the rows that a statement changed, and old_books is read a second time here, with all its rows; read it once, or use "sync: none"',
    ],
  },
  {
    name: 'a column with its schema',
    sql: 'select public.old_books.id from public.old_books',
    faults: [
      `5:8: live sync reads the changed rows in the table's place, where the name public.old_books.id means nothing; write old_books.id, or use "sync: none"`,
    ],
  },
  {
    name: 'a system column',
    sql: 'select b.id, b.ctid::text as place from old_books b',
    faults: [`5:14: live sync reads the changed rows in the table's place, and they have no ctid; leave the column out, or use "sync: none"`],
  },
  {
    name: 'ONLY',
    sql: 'select b.id from only old_books b',
    faults: ['5:23: live sync sees the rows of the tables below old_books too, and ONLY leaves them out; remove it, or use "sync: none"'],
  },
  {
    name: 'a lookup by another operator',
    sql: 'select b.id, a.title from old_books b left join archive a on a.id > b.id',
    faults: [
      '5:49: live sync finds the rows of a changed lookup by its key, and archive is joined without "=" on a column of its own, both sides with their tables, such as a.id = b.archive_id; write the join so, or use "sync: none"',
    ],
  },
  {
    name: 'a lookup by a constant',
    sql: "select b.id, a.title from old_books b left join archive a on a.kind = 'book'",
    faults: [
      '5:49: live sync finds the rows of a changed lookup by its key, and archive is joined without "=" on a column of its own, both sides with their tables, such as a.id = b.archive_id; write the join so, or use "sync: none"',
    ],
  },
  {
    name: 'a lookup by OR',
    sql: 'select b.id, a.title from old_books b left join archive a on a.id = b.id or a.no = b.no',
    faults: [
      '5:49: live sync finds the rows of a changed lookup by its key, and archive is joined without "=" on a column of its own, both sides with their tables, such as a.id = b.archive_id; write the join so, or use "sync: none"',
    ],
  },
  {
    name: 'a NATURAL join',
    sql: 'select b.id from old_books b natural join archive a',
    faults: [
      '5:18: live sync finds the rows of a changed lookup by its key, and NATURAL names none; write ON, or use "sync: none"',
      '5:43: live sync finds the rows of a changed lookup by its key, and archive is joined without "=" on a column of its own, both sides with their tables, such as a.id = b.archive_id; write the join so, or use "sync: none"',
    ],
  },
])('live sync with $name is refused', async ({ sql, faults }) => {
  expect(await faultsIn(FORWARD + sql)).toEqual(faults.map((fault) => `2-copy/books.sql:${fault}`));
  expect((await faultsIn(NONE + sql)).filter((fault) => fault.includes('live sync'))).toEqual([]);
});

test.each([
  {
    name: 'deletes without sync',
    file: `${NONE}--! deletes: hard\nselect b.id from old_books b`,
    fault: '5:1: "deletes" says what live sync does with a row whose source row goes, and this transfer has none; add "sync", or remove it',
  },
  {
    name: 'deletes by another word',
    file: `${FORWARD}--! deletes: later\nselect b.id from old_books b`,
    fault: `5:1: "deletes" must be hard, or soft and the target's column that marks the row, such as "soft deleted_at"; got "later"`,
  },
  {
    name: 'soft deletes without a column',
    file: `${FORWARD}--! deletes: soft\nselect b.id from old_books b`,
    fault: `5:1: "deletes" must be hard, or soft and the target's column that marks the row, such as "soft deleted_at"; got "soft"`,
  },
  {
    name: 'soft deletes by a column of the SELECT',
    file: `${FORWARD}--! deletes: soft gone_at\nselect b.id, b.gone_at from old_books b`,
    fault: '5:1: the SELECT fills gone_at, so a deletion could not be told from a value; name a column of the target that it leaves out',
  },
  {
    name: 'nine ranges at once',
    file: `${NONE}--! parallel: 9\nselect b.id from old_books b`,
    fault: '5:1: "parallel" must be a whole number from 1 to 8: how many key ranges are copied at once; got "9"',
  },
  {
    name: 'ranges in words',
    file: `${NONE}--! parallel: two\nselect b.id from old_books b`,
    fault: '5:1: "parallel" must be a whole number from 1 to 8: how many key ranges are copied at once; got "two"',
  },
  {
    name: 'a condition on an unknown column',
    file: `${NONE}--! quarantine when: id > 0 and tilte = ''\nselect b.id, b.title from old_books b`,
    fault: '5:33: the condition names tilte, which is not a column of the SELECT; it has id, title',
  },
  {
    name: 'a condition on a source column',
    file: `${NONE}--! quarantine when: b.title is null\nselect b.id, b.title from old_books b`,
    fault: "5:22: the condition names the SELECT's columns, without a table; got b.title",
  },
  {
    name: 'a condition that is no SQL',
    file: `${NONE}--! quarantine when: 'ä' = (title\nselect b.id, b.title from old_books b`,
    fault: '5:34: the condition is no SQL expression: syntax error at end of input; correct it',
  },
  {
    name: 'a condition that is more than one value',
    file: `${NONE}--! quarantine when: id, title\nselect b.id, b.title from old_books b`,
    fault: '5:22: the condition must be one expression; got "id, title"',
  },
  {
    name: 'a condition with a clause behind it',
    file: `${NONE}--! quarantine when: id = 1 limit 1\nselect b.id, b.title from old_books b`,
    fault: '5:22: the condition must be one expression; got "id = 1 limit 1"',
  },
  {
    name: 'a condition that is two statements',
    file: `${NONE}--! quarantine when: id = 1; drop table old_books\nselect b.id, b.title from old_books b`,
    fault: '5:22: the condition must be one expression; got "id = 1; drop table old_books"',
  },
  {
    name: 'a condition with a subquery',
    file: `${NONE}--! quarantine when: exists (select from archive)\nselect b.id from old_books b`,
    fault: "5:22: the condition holds a subquery, and is judged row by row; use the SELECT's own columns only",
  },
  {
    name: 'a condition with an aggregate',
    file: `${NONE}--! quarantine when: id = max(id)\nselect b.id from old_books b`,
    fault: '5:27: the condition holds an aggregate or window function, and is judged row by row; remove it',
  },
  {
    name: 'a condition with a colon before a name',
    file: `${NONE}--! quarantine when: tags[1:no] = '{}'\nselect b.id, b.tags, b.no from old_books b`,
    fault: '5:28: the Data API takes :no for a parameter; put a space behind the colon',
  },
  {
    name: 'a condition that changes by itself',
    file: `${NONE}--! quarantine when: born > now()\nselect b.id, b.born from old_books b`,
    fault: '5:29: the condition is read again to verify every row, and now() gives another value each time; remove it',
  },
  {
    name: 'a condition without a column',
    file: `${NONE}--! quarantine when: true\nselect b.id from old_books b`,
    fault: '5:22: the condition reads no column of the SELECT, so it is the same for every row; name one of its columns',
  },
  {
    name: 'an inverse without both directions',
    file: `${FORWARD}--! inverse: title = trim(title)\nselect b.id, b.title || ' ' as title from old_books b`,
    fault: '5:1: "inverse" says how a value comes back to the driving table, and nothing does with "sync: forward"; remove it',
  },
  {
    name: 'an inverse that says no column',
    file: `${BOTH}--! inverse: trim(title)\nselect b.id, b.title || ' ' as title from old_books b`,
    fault: `5:1: "inverse" must be a column of the driving table, "=", and an expression over the SELECT's columns, such as "firstname = nullif(first_name, '')"; got "trim(title)"`,
  },
  {
    name: 'an inverse of an unknown column',
    file: `${BOTH}--! inverse: tilte = trim(title)\nselect b.id, b.title || ' ' as title from old_books b`,
    fault: '5:1: the SELECT reads no column tilte, so nothing of it can come back; correct the name, or remove the line',
  },
  {
    name: 'an inverse of the key',
    file: `${BOTH}--! inverse: id = id + 1\nselect b.id from old_books b`,
    fault: "5:1: the source column id is the key's, which comes back as it is; remove the inverse",
  },
  {
    name: 'two inverses of one column',
    file: `${BOTH}--! inverse: title = trim(title)\n--! inverse: title = lower(title)\nselect b.id, b.title || ' ' as title from old_books b`,
    fault: '6:1: the source column title has an inverse already; keep one of them',
  },
  {
    name: 'an inverse over a source column',
    file: `${BOTH}--! inverse: title = trim(b.title)\nselect b.id, b.title || ' ' as title from old_books b`,
    fault: "5:27: the inverse names the SELECT's columns, without a table; got b.title",
  },
])('a transfer with $name is refused', async ({ file, fault }) => {
  expect(await faultsIn(file)).toEqual([`2-copy/books.sql:${fault}`]);
});

test('the headers of a transfer say how it is kept current', async () => {
  const headers = `--! deletes: soft gone_at
--! parallel: 4
--! quarantine when: title = '' -- no title
--! quarantine when: "No" < 0 /* never */
--! inverse: label = nullif(title, '')
`;
  const transfer = await compiled(`${BOTH}${headers}select b.id, coalesce(b.label, '') as title, b.no as "No" from old_books b`);
  expect(transfer).toMatchObject({
    sync: 'both',
    deletes: { kind: 'soft', column: 'gone_at' },
    parallel: 4,
    quarantine: [
      { condition: "title = ''", line: 7 },
      { condition: '"No" < 0', line: 8 },
    ],
    inverses: [{ source: 'label', expression: "nullif(title, '')", columns: ['title'] }],
    plain: [
      { column: 'id', source: 'id' },
      { column: 'No', source: 'no' },
    ],
    isCovering: true,
  });
});

test('a transfer without such headers is copied in one range at a time and not kept current', async () => {
  expect(await compiled('--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from old_books b')).toMatchObject({
    sync: 'none',
    deletes: { kind: 'hard' },
    parallel: 1,
    quarantine: [],
    inverses: [],
    lookups: [],
  });
});

test('a key of several columns keeps their order', async () => {
  const sql = '--! into: shop.books\n--! from: old_books\n--! key: shelf, "No"\nselect b.id as "No", b.room as shelf, b.title from old_books b';
  expect(await compiled(sql)).toMatchObject({
    keys: [
      { target: 'shelf', source: 'room' },
      { target: 'No', source: 'id' },
    ],
  });
});

test('a source column comes back by the key, by the column of its own name, or by the first', async () => {
  const sql = `${BOTH.replace('key: id', 'key: no')}--! inverse: label = title
select b.id as first_of_id, b.id as no, b.title as name, b.title::text as title, b.born as birth, b.born as day, b.label as title2,
  upper(b.title) as loud from old_books b`;
  expect((await compiled(sql))?.plain).toEqual([
    { column: 'no', source: 'id' },
    { column: 'title', source: 'title' },
    { column: 'birth', source: 'born' },
  ]);
});

test('a lookup is found by its key, wherever the join says it', async () => {
  const sql = `select b.id, a.title, s.name, k.word, o.no
from old_books b
left join archive a on a.live and b.archive_id = a.id
join shop.shelves as s on (s.room, s.no) is not null and s.room = b.room and s.no = b.no
left join kinds k using (kind)
left join (authors t join owners o on o.id = t.owner_id) on t.id = b.author_id`;
  const { lookups = [], isCovering } = (await compiled(FORWARD + sql)) ?? {};
  expect(lookups.map(({ before, after, ...lookup }) => lookup)).toEqual([
    { table: { schema: 'public', name: 'archive' }, on: ['id'], probe: '"a"."id"', isInner: false },
    { table: { schema: 'shop', name: 'shelves' }, on: ['room', 'no'], probe: '"s"."room"', isInner: true },
    { table: { schema: 'public', name: 'kinds' }, on: ['kind'], probe: '"k"."kind"', isInner: false },
    { table: { schema: 'public', name: 'authors' }, on: ['id'], probe: '"t"."id"', isInner: false },
    { table: { schema: 'public', name: 'owners' }, on: ['id'], probe: '"o"."id"', isInner: false },
  ]);
  expect(lookups[0]).toMatchObject({ before: expect.stringMatching(/left join $/), after: expect.stringMatching(/^ a on a\.live/) });
  expect(isCovering).toBe(false);
});

test('a lookup of a comma list is found by the WHERE clause', async () => {
  const transfer = await compiled(`${FORWARD}select b.id, a.title from old_books b, archive a where a.id = b.archive_id and b.id > 0`);
  expect(transfer?.lookups).toMatchObject([{ on: ['id'], probe: '"a"."id"', isInner: true }]);
});

test.each([
  { from: 'old_books b', isCovering: true },
  { from: 'old_books b left join archive a on a.id = b.id', isCovering: true },
  { from: 'old_books b where b.id > 0', isCovering: false },
  { from: 'old_books b join archive a on a.id = b.id', isCovering: false },
  { from: 'old_books b cross join lateral unnest(b.tags) as t', isCovering: false },
  { from: 'old_books b left join lateral unnest(b.tags) as t on true', isCovering: true },
])('whether every row of "$from" has a target row is told', async ({ from, isCovering }) => {
  expect((await compiled(`${FORWARD}select b.id from ${from}`))?.isCovering).toBe(isCovering);
});

test('a subquery over the row itself may be live', async () => {
  const transfer = await compiled(`${FORWARD}select b.id, (select max(t.no) from unnest(b.numbers) as t(no)) as no from old_books b`);
  expect(transfer).toMatchObject({ sync: 'forward', lookups: [] });
});
