import { expect, test } from 'vitest';
import { faultsOf } from './small-plan.ts';

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'no headers',
    files: { '2-copy/books.sql': 'select b.id from old_books b' },
    faults: [
      '2-copy/books.sql:1:1: the header "into" is missing; write "--! into: customers" above the SELECT',
      '2-copy/books.sql:1:1: the header "from" is missing; write "--! from: contacts" above the SELECT',
      '2-copy/books.sql:1:1: the header "key" is missing; write "--! key: id" above the SELECT',
    ],
  },
  {
    name: 'no key',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\nselect b.id from old_books b' },
    faults: ['2-copy/books.sql:3:1: the header "key" is missing; write "--! key: id" above the SELECT'],
  },
  {
    name: 'an unknown header',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\n--! keys: id\nselect b.id from old_books b' },
    faults: [
      '2-copy/books.sql:4:1: unknown header "keys"; did you mean "key"? allowed here: into, from, key, sync, deletes, quarantine when, parallel, inverse, allow',
    ],
  },
  {
    name: 'a header given twice',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\n--! key: id\nselect b.id from old_books b' },
    faults: ['2-copy/books.sql:4:1: the header "key" is given twice; keep one of them'],
  },
  {
    name: 'a header below',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from old_books b;\n--! sync: none\n' },
    faults: ['2-copy/books.sql:5:1: a header below the SELECT; put the headers above it'],
  },
  {
    name: 'another sync',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\n--! sync: always\nselect b.id from old_books b' },
    faults: ['2-copy/books.sql:4:1: "sync" must be none, forward or both; got "always"'],
  },
  {
    name: 'a name that is none',
    files: { '2-copy/books.sql': '--! into: shop books\n--! from: old_books\n--! key: id\nselect b.id from old_books b' },
    faults: ['2-copy/books.sql:1:1: "into" must be a name, such as customers; got "shop books"'],
  },
  {
    name: 'a key that names a column twice',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id, no, id\nselect b.id, b.no from old_books b' },
    faults: ['2-copy/books.sql:3:1: the key names a column twice; got "id, no, id"'],
  },
  {
    name: 'a key that is no name',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id,\nselect b.id from old_books b' },
    faults: ['2-copy/books.sql:3:1: "key" must be a name, or names with commas between; got "id,"'],
  },
  {
    name: 'a composite key of which a part is no column',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id, no\nselect b.id, b.no + 1 as no from old_books b' },
    faults: ['2-copy/books.sql:4:1: the key no must be a plain column of the driving table old_books, such as b.id'],
  },
  {
    name: 'a key with its table',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: b.id\nselect b.id from old_books b' },
    faults: ['2-copy/books.sql:3:1: the key is an output column, without its table; got b.id'],
  },
  {
    name: 'a key that is no column',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id as no from old_books b' },
    faults: ['2-copy/books.sql:4:1: the key id is not a column of the SELECT, which has no'],
  },
  {
    name: 'a key that is an expression',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id + 1 as id from old_books b' },
    faults: ['2-copy/books.sql:4:1: the key id must be a plain column of the driving table old_books, such as b.id'],
  },
  {
    name: 'a key of a lookup',
    files: {
      '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect a.id from old_books b join archive a on a.id = b.id',
    },
    faults: ['2-copy/books.sql:4:1: the key id must be a plain column of the driving table old_books, such as b.id'],
  },
  {
    name: 'a key without its table beside a join',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect id from old_books b join archive a on a.no = b.no' },
    faults: ['2-copy/books.sql:4:1: the key id must be a plain column of the driving table old_books, such as b.id'],
  },
  {
    name: 'a driving table that is not there',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from new_books b' },
    faults: ['2-copy/books.sql:4:1: the driving table old_books is not in the FROM clause as a plain table; add it, or correct the header "from"'],
  },
  {
    name: 'a driving table in a subquery',
    files: { '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from (select * from old_books) b' },
    faults: ['2-copy/books.sql:4:1: the driving table old_books is not in the FROM clause as a plain table; add it, or correct the header "from"'],
  },
  {
    name: 'a driving table hidden by a WITH query',
    files: {
      '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nwith old_books as (select 1 as id) select b.id from old_books b',
    },
    faults: ['2-copy/books.sql:4:1: the WITH query old_books hides the driving table of that name; rename it'],
  },
  {
    name: 'a driving table on the optional side',
    files: {
      '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from archive a left join old_books b on b.id = a.id',
    },
    faults: ['2-copy/books.sql:4:1: the driving table old_books is the optional side of a LEFT JOIN; write it first and LEFT JOIN the lookups'],
  },
  {
    name: 'a RIGHT JOIN',
    files: {
      '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from archive a right join old_books b on b.id = a.id',
    },
    faults: ['2-copy/books.sql:4:1: a RIGHT JOIN gives rows without a row of the driving table; write old_books first and LEFT JOIN the lookups'],
  },
  {
    name: 'a FULL JOIN',
    files: {
      '2-copy/books.sql': '--! into: shop.books\n--! from: old_books\n--! key: id\nselect b.id from old_books b full join archive a on b.id = a.id',
    },
    faults: ['2-copy/books.sql:4:1: a FULL JOIN gives rows without a row of the driving table; write old_books first and LEFT JOIN the lookups'],
  },
  {
    name: 'two transfers into one table',
    files: {
      'plan.yaml':
        'title: Books\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [books, more] }\n  - { id: indexes }\n  - { id: statistics, undo: none, because: so }\n',
      '2-copy/more.sql': '--! into: shop.books\n--! from: archive\n--! key: id\nselect a.id, a.title from archive a;\n',
    },
    faults: [
      '2-copy/more.sql:4:1: the transfer books fills shop.books already, and a table is compared whole with one mapping; write one transfer for it',
    ],
  },
])('a transfer with $name is refused', async ({ files, faults }) => {
  expect(await faultsOf(files)).toEqual(faults);
});

const HEADERS = '--! into: shop.books\n--! from: old_books\n--! key: id\n';

test.each([
  { name: 'an INSERT', sql: 'insert into a values (1)', faults: ['2-copy/books.sql:4:1: a transfer is one SELECT; got INSERT'] },
  {
    name: 'two statements',
    sql: 'select b.id from old_books b;\nselect 1',
    faults: ['2-copy/books.sql:5:1: a second statement; a transfer is one SELECT, so write each in a file of its own'],
  },
  {
    name: 'a star',
    sql: 'select b.* from old_books b',
    faults: ['2-copy/books.sql:4:8: "*" follows whatever the table looks like; name each column'],
  },
  {
    name: 'a column without a name',
    sql: 'select b.id, upper(b.title) from old_books b',
    faults: ['2-copy/books.sql:4:14: column 2 has no name; write "as", and the target\'s column'],
  },
  {
    name: 'a column given twice',
    sql: 'select b.id, b.title, b.name as title from old_books b',
    faults: ['2-copy/books.sql:4:1: the column title is given twice; keep one of them'],
  },
  { name: 'no column', sql: 'select from old_books b', faults: ['2-copy/books.sql:4:1: the SELECT has no columns; name the columns of the target'] },
  {
    name: 'LIMIT',
    sql: 'select b.id from old_books b limit 10',
    faults: ['2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row, and LIMIT or OFFSET would cut each range; remove it'],
  },
  {
    name: 'OFFSET',
    sql: 'select b.id from old_books b offset 10',
    faults: ['2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row, and LIMIT or OFFSET would cut each range; remove it'],
  },
  {
    name: 'ORDER BY',
    sql: 'select b.id from old_books b order by b.id',
    faults: [
      "2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row and in the key's order, so ORDER BY has no effect; remove it",
    ],
  },
  {
    name: 'DISTINCT',
    sql: 'select distinct b.id from old_books b',
    faults: [
      '2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row, so DISTINCT would merge rows within a batch only; remove it',
    ],
  },
  {
    name: 'GROUP BY',
    sql: 'select b.id from old_books b group by b.id',
    faults: [
      '2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row, so GROUP BY and HAVING would group within a batch only; join a subquery that groups',
    ],
  },
  {
    name: 'an aggregate',
    sql: 'select b.id, max(b.no) as no from old_books b',
    faults: [
      '2-copy/books.sql:4:14: a batch maps a key range of the driving table row by row, so the aggregate max() would see a batch only; join a subquery that holds it',
    ],
  },
  {
    name: 'an aggregate of its own making',
    sql: 'select b.id, mine(distinct b.no) as no from old_books b',
    faults: [
      '2-copy/books.sql:4:14: a batch maps a key range of the driving table row by row, so the aggregate mine() would see a batch only; join a subquery that holds it',
    ],
  },
  {
    name: 'a window function',
    sql: 'select b.id, row_number() over (order by b.id) as no from old_books b',
    faults: [
      '2-copy/books.sql:4:14: a batch maps a key range of the driving table row by row, so the window function row_number() would see a batch only; join a subquery that holds it',
    ],
  },
  {
    name: 'UNION',
    sql: 'select b.id from old_books b union all select a.id from archive a',
    faults: [
      '2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row, so it holds no UNION, INTERSECT or EXCEPT; write a transfer for each arm, into tables of their own',
    ],
  },
  {
    name: 'VALUES',
    sql: 'values (1)',
    faults: [
      '2-copy/books.sql:4:1: a batch maps a key range of the driving table row by row, and VALUES has no driving table; insert fixed rows in a phase with an up.sql',
    ],
  },
  {
    name: 'FOR UPDATE',
    sql: 'select b.id from old_books b for update',
    faults: ['2-copy/books.sql:4:1: a transfer locks no rows; remove FOR UPDATE or FOR SHARE'],
  },
  {
    name: 'SELECT INTO',
    sql: 'select b.id into a from old_books b',
    faults: ['2-copy/books.sql:4:1: a transfer only reads, and SELECT INTO makes a table; remove INTO'],
  },
  {
    name: 'a writing WITH query',
    sql: 'with gone as (delete from a returning id) select b.id from old_books b join gone g on g.id = b.id',
    faults: ['2-copy/books.sql:4:1: a transfer only reads, and this WITH query holds DELETE; remove it'],
  },
  {
    name: 'now()',
    sql: 'select b.id, now() as moved_at from old_books b',
    faults: [
      '2-copy/books.sql:4:14: now() gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'current_date',
    sql: 'select b.id, current_date as moved_on from old_books b',
    faults: [
      '2-copy/books.sql:4:14: current_date gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'the text now',
    sql: "select b.id, 'now'::timestamptz as moved_at from old_books b",
    faults: [
      '2-copy/books.sql:4:19: this text, cast to a time, gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'random()',
    sql: 'select b.id, random() as lot from old_books b',
    faults: [
      '2-copy/books.sql:4:14: random() gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'gen_random_uuid() in a subquery',
    sql: 'select b.id, (select gen_random_uuid()) as ref from old_books b',
    faults: [
      '2-copy/books.sql:4:22: gen_random_uuid() gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'nextval()',
    sql: "select b.id, nextval('refs') as ref from old_books b",
    faults: ['2-copy/books.sql:4:14: a transfer only reads, and nextval() does more; remove it'],
  },
  {
    name: 'the age of today',
    sql: 'select b.id, age(b.born) as age from old_books b',
    faults: [
      '2-copy/books.sql:4:14: age() gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'TABLESAMPLE',
    sql: 'select b.id, a.title from old_books b join archive a tablesample system (1) on a.id = b.id',
    faults: [
      '2-copy/books.sql:4:66: TABLESAMPLE gives another value each time, and a mapping is read again to verify every row; leave the column to its default, or take the value from a column',
    ],
  },
  {
    name: 'several rows of one',
    sql: 'select b.id, unnest(b.tags) as tag from old_books b',
    faults: [
      '2-copy/books.sql:4:14: unnest() makes several rows of one, and each target row has a key of its own; give the parts a driving table first',
    ],
  },
  {
    name: 'NOT IN with a query',
    sql: 'select b.id from old_books b where b.id not in (select a.id from archive a)',
    faults: ['2-copy/books.sql:4:41: NOT IN with a query compares every pair of rows and finds nothing beside a NULL; write "not exists (select …)"'],
  },
  {
    name: 'its own target',
    sql: 'select b.id from old_books b where not exists (select from shop.books n where n.id = b.id)',
    faults: ['2-copy/books.sql:4:60: the mapping reads its own target shop.books, so it would give other rows afterwards; read sources only'],
  },
])('a mapping with $name is refused', async ({ sql, faults }) => {
  expect(await faultsOf({ '2-copy/books.sql': HEADERS + sql })).toEqual(faults);
});
