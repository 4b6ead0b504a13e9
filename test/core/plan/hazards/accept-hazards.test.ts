import { expect, test } from 'vitest';
import { compileExample, faultsIn } from './example-plan.ts';

const UP = '1-schema/up.sql';

async function messagesOf(sql: string): Promise<readonly string[]> {
  return (await faultsIn({ [UP]: sql })).map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

async function acceptedIn(files: Readonly<Record<string, string>>): Promise<readonly unknown[]> {
  const result = await compileExample(files);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.plan.accepted;
}

test('an accepted hazard is in the document with its reason, its place, its lock and who waits', async () => {
  const sql = '--! allow: INDEX_BLOCKS_WRITES because the table is small -- see the wiki\ncreate index on sales.towns (zip);';
  expect(await acceptedIn({ [UP]: sql })).toEqual([
    {
      hazard: 'INDEX_BLOCKS_WRITES',
      because: 'the table is small',
      file: UP,
      line: 2,
      table: { schema: 'sales', name: 'towns' },
      lock: 'ShareLock',
      waits: 'writes, VACUUM and DDL wait',
    },
  ]);
});

test('a header above the first statement is for the whole file, one between statements for the statement below it', async () => {
  const sql = `--! allow: INDEX_BLOCKS_WRITES because all are small
create index on a (b);
--! allow: TRUNCATES_TABLE because it is a cache
-- a comment

truncate c;
create index on d (e);`;
  expect(await acceptedIn({ [UP]: sql })).toMatchObject([
    { hazard: 'INDEX_BLOCKS_WRITES', line: 2 },
    { hazard: 'TRUNCATES_TABLE', line: 6 },
    { hazard: 'INDEX_BLOCKS_WRITES', line: 7 },
  ]);
  expect(await messagesOf(`${sql}\ntruncate c;`)).toEqual([expect.stringMatching(/^8:1: TRUNCATES_TABLE: /)]);
});

test('the reason nearest to the statement counts', async () => {
  const sql = `--! allow: TRUNCATES_TABLE because all are caches
truncate a;
--! allow: TRUNCATES_TABLE because b is empty
truncate b;`;
  expect(await acceptedIn({ [UP]: sql })).toMatchObject([{ because: 'all are caches' }, { because: 'b is empty' }]);
});

test('a hazard in several parts of a statement is accepted once', async () => {
  const sql = '--! allow: TIMESTAMP_WITHOUT_ZONE because the old ones have none\ncreate table a (b timestamp, c timestamp);';
  expect(await acceptedIn({ [UP]: sql })).toHaveLength(1);
});

test.each([
  { place: 'before.sql', sql: '--! allow: SELECT_STAR because the view is fixed\n--! check: a, fail, no rows\nselect * from orders;' },
  { place: 'after.sql', sql: '--! check: a, fail, no rows\n--! allow: SELECT_STAR because the view is fixed\nselect * from orders;' },
  { place: '1-schema/undo.sql', sql: '--! allow: TRUNCATES_TABLE because it is a cache\ntruncate cache;' },
])('a hazard in $place may be accepted', async ({ place, sql }) => {
  expect(await acceptedIn({ [UP]: 'create schema shop;', [place]: sql })).toMatchObject([{ file: place }]);
});

test('hazards in a transfer may be accepted, several too', async () => {
  const sql = `--! into: made
--! from: orders
--! key: id
--! allow: NARROWING_CAST because before.sql measures the notes
--! allow: TIMESTAMP_WITHOUT_ZONE because the old system kept local time
select o.id, o.note::varchar(10) as note, o.at::timestamp as at from orders o`;
  expect(await acceptedIn({ [UP]: 'create table made (id bigint primary key);', '2-copy/made.sql': sql })).toMatchObject([
    { hazard: 'NARROWING_CAST', line: 6 },
    { hazard: 'TIMESTAMP_WITHOUT_ZONE', line: 6 },
  ]);
});

test("a header changes the plan's digest and not its phases' own", async () => {
  const [one, other] = await Promise.all(
    ['it is a cache', 'nobody reads it'].map((because) => compileExample({ [UP]: `--! allow: TRUNCATES_TABLE because ${because}\ntruncate a;` })),
  );
  if (!one?.ok || !other?.ok) throw new Error('both compile');
  expect(one.digest).not.toBe(other.digest);
  expect(one.plan.phases.map(({ digest }) => digest)).toEqual(other.plan.phases.map(({ digest }) => digest));
});

test.each([
  {
    name: 'no reason',
    sql: '--! allow: TRUNCATES_TABLE\ntruncate a;',
    fault: '1:1: a hazard is accepted by "--! allow: HAZARD because REASON", with a reason; got "TRUNCATES_TABLE"',
  },
  {
    name: 'an empty reason',
    sql: '--! allow: TRUNCATES_TABLE because\ntruncate a;',
    fault: '1:1: a hazard is accepted by "--! allow: HAZARD because REASON", with a reason; got "TRUNCATES_TABLE because"',
  },
  {
    name: 'a misspelled hazard',
    sql: '--! allow: TRUNCATE_TABLE because it is a cache\ntruncate a;',
    fault: '1:1: unknown hazard "TRUNCATE_TABLE"; did you mean "TRUNCATES_TABLE"?',
  },
  {
    name: 'an unknown hazard',
    sql: '--! allow: FIRE because it is warm\ntruncate a;',
    fault: '1:1: unknown hazard "FIRE"; docs/hazards.md has the list',
  },
  {
    name: 'a hazard that nothing has',
    sql: '--! allow: TABLE_REWRITE because it is small\n--! allow: TRUNCATES_TABLE because it is a cache\ntruncate a;',
    fault: '1:1: nothing here has the hazard TABLE_REWRITE; remove the line',
  },
  {
    name: 'a hazard that another statement has',
    sql: 'select 1;\n--! allow: SLEEP because why not\nselect 2;\n',
    fault: '2:1: nothing here has the hazard SLEEP; remove the line',
  },
  {
    name: 'the same hazard twice',
    sql: '--! allow: TRUNCATES_TABLE because it is a cache\n--! allow: TRUNCATES_TABLE because it is small\ntruncate a;',
    fault: '2:1: the hazard TRUNCATES_TABLE is accepted twice here; keep one of the lines',
  },
  {
    name: 'no statement below',
    sql: 'select 1;\n--! allow: TRUNCATES_TABLE because it is a cache\n',
    fault: '2:1: "--! allow: HAZARD because REASON" stands above the statement, or above the first one for the whole file; move or remove it',
  },
])('a header with $name is refused', async ({ sql, fault }) => {
  expect(await messagesOf(sql)).toContain(fault);
});

test('an unknown header of a phase is refused, and the one that is allowed is named', async () => {
  expect(await messagesOf('--! alow: TRUNCATES_TABLE because it is a cache\nselect 1;')).toEqual([
    '1:1: unknown header "alow"; did you mean "allow"? allowed here: allow',
  ]);
});
