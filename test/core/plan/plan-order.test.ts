import { expect, test } from 'vitest';
import { compileAccepting, compileSmall, faultsOf, WITHOUT_LATER_PHASES } from './small-plan.ts';

const BOTH = '--! into: shop.books\n--! from: old_books\n--! key: id\n--! sync: both\nselect b.id, b.title from old_books b;\n';
const FORWARD = BOTH.replace('both', 'forward');

function planFile(phases: readonly string[], more = ''): string {
  return `title: Books\n${more}phases:\n${phases.map((phase) => `  - ${phase}\n`).join('')}`;
}

const [schema, copy, indexes, statistics] = [
  '{ id: schema }',
  '{ id: copy, transfers: [books] }',
  '{ id: indexes }',
  '{ id: statistics, undo: none, because: so }',
] as const;

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'sync: both and no cutover',
    files: { '2-copy/books.sql': BOTH },
    faults: [
      'plan.yaml:7:29: the transfer books has "sync: both", and no phase after it says from when the new side may be written; add "cutover: flag" to one',
    ],
  },
  {
    name: 'a cutover before its transfer',
    files: { 'plan.yaml': planFile(['{ id: schema, cutover: flag }', copy, indexes, statistics]), '2-copy/books.sql': BOTH },
    faults: [
      'plan.yaml:3:11: phase 1: "cutover" says from when the application may write on the new side, and no transfer before it keeps that current; add "sync" to one, or remove cutover',
      'plan.yaml:4:29: the transfer books has "sync: both", and no phase after it says from when the new side may be written; add "cutover: flag" to one',
    ],
  },
  {
    name: 'a cutover without live sync',
    files: { 'plan.yaml': planFile([schema, copy, '{ id: indexes, cutover: flag }', statistics]) },
    faults: [
      'plan.yaml:5:11: phase 3: "cutover" says from when the application may write on the new side, and no transfer before it keeps that current; add "sync" to one, or remove cutover',
    ],
  },
  {
    name: 'two cutovers',
    files: {
      'plan.yaml': planFile([schema, copy, '{ id: indexes, cutover: flag }', '{ id: statistics, undo: none, because: so, cutover: flag }']),
      '2-copy/books.sql': FORWARD,
    },
    faults: ['plan.yaml:6:11: phase 4: a second cutover; phase 3 has one, and a plan switches once'],
  },
  {
    name: 'a phase of the run behind the cleanup',
    files: {
      'plan.yaml': planFile([schema, copy, '{ id: indexes, undo: none, because: so, when: cleanup }', statistics]),
      '3-indexes/undo.sql': null,
    },
    faults: ['plan.yaml:6:11: phase 4: a phase of the run behind one of the cleanup, which comes later; put it before phase 3'],
  },
  {
    name: 'rollbackFor and nothing to roll back for',
    files: { 'plan.yaml': planFile([schema, copy, indexes, statistics], 'rollbackFor: 2d\n') },
    faults: [
      'plan.yaml:2:14: "rollbackFor" says how long the old side stays current and cleanup waits, and this plan has neither "sync: both" nor a phase with "when: cleanup"; remove it',
    ],
  },
])('a plan with $name is refused', async ({ files, faults }) => {
  expect(await faultsOf(files)).toEqual(faults);
});

test.each([
  { given: 'nothing', more: '', hours: 48 },
  { given: '36h', more: 'rollbackFor: 36h\n', hours: 36 },
  { given: '3d', more: 'rollbackFor: 3d\n', hours: 72 },
  { given: '90d', more: 'rollbackFor: 90d\n', hours: 2160 },
])('rollbackFor of $given is $hours hours', async ({ more, hours }) => {
  const yaml = planFile([schema, copy, '{ id: indexes, cutover: flag, fence: true }', statistics], more);
  const result = await compileSmall({ 'plan.yaml': yaml, '2-copy/books.sql': BOTH });
  expect(result).toMatchObject({ ok: true, plan: { rollbackForHours: hours } });
});

test('fence, cutover, when and protect are part of their phases', async () => {
  const result = await compileAccepting({
    'plan.yaml': planFile([
      '{ id: schema, fence: true, protect: [old_books, public.old_books, archive] }',
      copy,
      '{ id: indexes, cutover: flag }',
      '{ id: statistics, undo: none, because: so, when: cleanup }',
    ]),
    '2-copy/books.sql': FORWARD,
  });
  const phases = result.ok ? result.plan.phases : [];
  expect(phases.map(({ fence, cutover, when }) => ({ fence, cutover, when }))).toEqual([
    { fence: true, cutover: null, when: 'run' },
    { fence: false, cutover: null, when: 'run' },
    { fence: false, cutover: 'flag', when: 'run' },
    { fence: false, cutover: null, when: 'cleanup' },
  ]);
  expect(phases[0]).toMatchObject({
    protect: [
      { schema: 'public', name: 'old_books' },
      { schema: 'public', name: 'archive' },
    ],
  });
});

const protecting = planFile(['{ id: schema, protect: [old_books] }', copy, indexes, statistics]);

test.each([
  { sql: 'truncate old_books;', what: 'TRUNCATE empties', advice: 'write DELETE, or protect another table' },
  { sql: 'truncate archive cascade;', what: 'TRUNCATE empties', advice: 'write DELETE, or protect another table' },
  { sql: 'do $$ begin truncate archive, old_books; end $$;', what: 'TRUNCATE empties', advice: 'write DELETE, or protect another table' },
  { sql: 'drop table archive, public.old_books;', what: 'DROP takes', advice: 'do it in a phase without "protect" on it' },
  { sql: 'drop schema public;', what: 'DROP takes', advice: 'do it in a phase without "protect" on it' },
  {
    sql: 'alter table old_books alter column title type varchar(10);',
    what: 'ALTER TYPE rewrites',
    advice: 'do it in a phase without "protect" on it',
  },
  { sql: 'alter table old_books drop column title;', what: 'DROP COLUMN takes values of', advice: 'do it in a phase without "protect" on it' },
  { sql: 'alter table old_books disable trigger all;', what: 'DISABLE TRIGGER hides writes to', advice: 'leave the triggers on' },
])('"$sql" is refused in a phase that protects the table', async ({ sql, what, advice }) => {
  const result = await compileAccepting({ 'plan.yaml': protecting, '1-schema/up.sql': `create schema shop;\n${sql}\n` });
  const faults = result.ok ? [] : result.faults.filter((fault) => fault.hazard === undefined);
  expect(faults).toMatchObject([
    {
      file: '1-schema/up.sql',
      column: 1,
      message: `${what} old_books, which this phase protects, and no trigger sees it, so no row could be put back; ${advice}`,
    },
  ]);
});

test('other statements, and other tables, may stand in a phase that protects a table', async () => {
  const sql = `create schema shop;
update old_books set title = upper(title) where id < 10;
alter table old_books add column note text;
truncate archive;
`;
  expect(await compileAccepting({ 'plan.yaml': protecting, '1-schema/up.sql': sql })).toMatchObject({ ok: true });
});

test('protect is refused for statements that no transaction holds', async () => {
  const yaml = planFile([schema, copy, '{ id: indexes, protect: [old_books] }', statistics]);
  expect(await faultsOf({ 'plan.yaml': yaml })).toEqual([
    'plan.yaml:5:11: "protect" needs the phase to be one transaction, and its up.sql holds statements that refuse one; remove it',
  ]);
});

const withoutUndo = { 'plan.yaml': protecting, '1-schema/undo.sql': null };

test('a phase that only writes rows of protected tables needs no undo.sql', async () => {
  const result = await compileAccepting({ ...withoutUndo, '1-schema/up.sql': 'update old_books set title = trim(title) where id > 3;\n' });
  expect(result).toMatchObject({ ok: true });
  expect(result.ok && result.plan.phases[0]).toMatchObject({ undo: [], undoNeeded: true, because: null });
});

test.each([
  'create schema shop;',
  'update archive set title = upper(title) where id > 3;',
  'with gone as (delete from archive where id = 1 returning id) update old_books b set title = null from gone g where g.id = b.id;',
])('"%s" needs an undo.sql beside the protected tables', async (sql) => {
  const result = await compileAccepting({ ...withoutUndo, '1-schema/up.sql': `${sql}\n` });
  const reason = 'the file 1-schema/undo.sql is missing, and up.sql does more than write rows of protected tables; write what takes the rest back';
  expect(result.ok ? [] : result.faults.map(({ message }) => message)).toContain(reason);
});

const LOOKED_UP =
  '--! into: shop.books\n--! from: old_books\n--! key: id\n--! sync: forward\nselect b.id, k.name from old_books b left join kinds k on k.id = b.kind';
const withLater = (when: string) => ({
  ...WITHOUT_LATER_PHASES,
  'plan.yaml': planFile([schema, copy, `{ id: later, undo: none, because: so${when} }`]),
  '2-copy/books.sql': LOOKED_UP,
});

test.each([
  { sql: 'drop table old_books;', what: 'DROP takes old_books' },
  { sql: 'alter table old_books rename to older_books;', what: 'RENAME changes the name of old_books' },
  { sql: 'alter table shop.books rename column title to name;', what: 'RENAME changes a column of shop.books' },
  { sql: 'alter table kinds set schema shop;', what: 'SET SCHEMA moves kinds' },
  { sql: 'alter table shop.books drop column title;', what: 'DROP COLUMN changes shop.books' },
  { sql: 'alter table old_books alter column title type text;', what: 'ALTER TYPE changes old_books' },
])('"$sql" is refused while live sync needs the table, and may stand in the cleanup', async ({ sql, what }) => {
  const refused = await compileAccepting({ ...withLater(''), '3-later/up.sql': sql });
  expect(refused.ok ? [] : refused.faults.filter(({ hazard }) => hazard === undefined)).toMatchObject([
    {
      file: '3-later/up.sql',
      line: 1,
      message: `${what}, which the live sync of transfer books needs as it is until cleanup; do it in a phase with "when: cleanup", or before the transfer`,
    },
  ]);
  expect(await compileAccepting({ ...withLater(', when: cleanup'), '3-later/up.sql': sql })).toMatchObject({ ok: true });
});
