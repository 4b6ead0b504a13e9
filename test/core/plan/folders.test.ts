import { expect, test } from 'vitest';
import { faultsOf } from './small-plan.ts';

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'two phases of one id',
    files: {
      'plan.yaml': 'title: Books\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [books] }\n  - { id: indexes }\n  - { id: schema }\n',
    },
    faults: [
      'plan.yaml:6:11: the phase id "schema" is used twice; give each phase of the plan its own id',
      'plan.yaml:6:11: phase 4 should lie in 4-schema/, but the folder is 4-statistics/; a folder is the number of its phase, a hyphen and its id, so rename one of them',
    ],
  },
  {
    name: 'two transfers of one id',
    files: {
      'plan.yaml':
        'title: Books\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [books, books] }\n  - { id: indexes }\n  - { id: statistics, undo: none, because: so }\n',
    },
    faults: [
      'plan.yaml:4:36: the transfer id "books" is used twice; give each transfer of the plan its own id',
      '2-copy/books.sql:4:1: the transfer books fills shop.books already, and a table is compared whole with one mapping; write one transfer for it',
    ],
  },
  {
    name: 'a folder of another id',
    files: { '3-indexes/up.sql': null, '3-indexes/undo.sql': null, '3-indices/up.sql': 'select 1', '3-indices/undo.sql': 'select 1' },
    faults: [
      'plan.yaml:8:11: phase 3 should lie in 3-indexes/, but the folder is 3-indices/; a folder is the number of its phase, a hyphen and its id, so rename one of them',
    ],
  },
  {
    name: 'a folder of another number',
    files: { '3-indexes/up.sql': null, '3-indexes/undo.sql': null, '03-indexes/up.sql': 'select 1' },
    faults: [
      'plan.yaml:8:11: phase 3 should lie in 3-indexes/, but the folder is 03-indexes/; a folder is the number of its phase, a hyphen and its id, so rename one of them',
    ],
  },
  {
    name: 'a missing folder',
    files: { '3-indexes/up.sql': null, '3-indexes/undo.sql': null },
    faults: ['plan.yaml:8:11: phase 3 has no folder 3-indexes/ with files in it; a folder is the number of its phase, a hyphen and its id'],
  },
  {
    name: 'a folder that no phase names',
    files: { '5-more/up.sql': 'select 1' },
    faults: ['5-more:1:1: the folder belongs to no phase; plan.yaml has 4 phases: add the phase there, or remove the folder'],
  },
  {
    name: 'a folder that no phase names, with notes only',
    files: { '5-more/README.md': 'later' },
    faults: ['5-more:1:1: the folder belongs to no phase; plan.yaml has 4 phases: add the phase there, or remove the folder'],
  },
  {
    name: 'a missing up.sql',
    files: { '1-schema/up.sql': null },
    faults: ['plan.yaml:6:11: the file 1-schema/up.sql is missing; write what the phase does, or name its transfers in plan.yaml'],
  },
  {
    name: 'an empty up.sql',
    files: { '1-schema/up.sql': '' },
    faults: ['1-schema/up.sql:1:1: the file holds no statement; write what the phase does'],
  },
  {
    name: 'an up.sql of comments',
    files: { '1-schema/up.sql': '-- later\n/* or never */\n' },
    faults: ['1-schema/up.sql:1:1: the file holds no statement; write what the phase does'],
  },
  {
    name: 'a missing undo.sql',
    files: { '1-schema/undo.sql': null },
    faults: [
      'plan.yaml:6:11: the file 1-schema/undo.sql is missing; write what takes the phase back, or say "undo: none" and "because" in plan.yaml',
    ],
  },
  {
    name: 'an empty undo.sql',
    files: { '1-schema/undo.sql': '\n' },
    faults: [
      '1-schema/undo.sql:1:1: the file holds no statement; write what takes the phase back, or say "undo: none" and "because" in plan.yaml and remove the file',
    ],
  },
  {
    name: 'an undo.sql beside undo: none',
    files: { '4-statistics/undo.sql': 'select 1;\n' },
    faults: ['4-statistics/undo.sql:1:1: plan.yaml says "undo: none" for this phase; remove this file, or undo and because there'],
  },
  {
    name: 'an empty verify.sql',
    files: { '1-schema/verify.sql': '' },
    faults: [
      '1-schema/verify.sql:1:1: the file holds no check; write "--! check: NAME, SEVERITY, EXPECTATION" and a query below it, or remove the file',
    ],
  },
  {
    name: 'an empty before.sql',
    files: { 'before.sql': '-- none\n' },
    faults: ['before.sql:1:1: the file holds no check; write "--! check: NAME, SEVERITY, EXPECTATION" and a query below it, or remove the file'],
  },
  {
    name: 'a missing transfer',
    files: { '2-copy/books.sql': null, '2-copy/README.md': 'soon' },
    faults: ["plan.yaml:7:29: the file 2-copy/books.sql is missing; write the transfer's SELECT there"],
  },
  {
    name: 'an empty transfer',
    files: { '2-copy/books.sql': '' },
    faults: ['2-copy/books.sql:1:1: the file holds no SELECT; write the mapping from a source row to a target row'],
  },
  {
    name: 'an up.sql beside transfers',
    files: { '2-copy/up.sql': 'select 1', '2-copy/undo.sql': 'select 1' },
    faults: [
      '2-copy/undo.sql:1:1: nothing names this file: a transfer phase has no undo.sql, since what it does and its undo are made from its transfers; correct its name, or move it to demo/',
      '2-copy/up.sql:1:1: nothing names this file: a transfer phase has no up.sql, since what it does and its undo are made from its transfers; correct its name, or move it to demo/',
    ],
  },
  {
    name: 'a verify.sql beside transfers',
    files: { '2-copy/verify.sql': '--! check: a, fail, zero\nselect 1;' },
    faults: [
      '2-copy/verify.sql:1:1: nothing names this file: every row of a transfer is compared anyway, so a transfer phase has no checks of its own; correct its name, or move it to demo/',
    ],
  },
  {
    name: 'a transfer that the phase does not name',
    files: { '2-copy/authors.sql': 'select 1' },
    faults: ['2-copy/authors.sql:1:1: nothing names this file: the phase copy has books.sql; correct its name, or move it to demo/'],
  },
  {
    name: 'a file of another name in a phase',
    files: { '1-schema/rollback.sql': 'select 1' },
    faults: [
      '1-schema/rollback.sql:1:1: nothing names this file: the phase schema has up.sql, undo.sql, verify.sql; correct its name, or move it to demo/',
    ],
  },
  {
    name: 'a SQL file beside plan.yaml',
    files: { 'check.sql': 'select 1' },
    faults: [
      'check.sql:1:1: nothing names this file: a plan has before.sql, after.sql and the folders of its phases; correct its name, or move it to demo/',
    ],
  },
  {
    name: 'a SQL file in a folder of no phase',
    files: { 'scripts/fix.sql': 'select 1' },
    faults: [
      'scripts/fix.sql:1:1: nothing names this file: a plan has before.sql, after.sql and the folders of its phases; correct its name, or move it to demo/',
    ],
  },
  {
    name: 'a SQL file below a phase',
    files: { '1-schema/more/up.sql': 'select 1' },
    faults: [
      '1-schema/more/up.sql:1:1: nothing names this file: the phase schema has up.sql, undo.sql, verify.sql; correct its name, or move it to demo/',
    ],
  },
  {
    name: 'a second YAML file',
    files: { 'staging.yaml': 'title: x' },
    faults: ['staging.yaml:1:1: nothing reads this file, since a plan is one plan.yaml; rename or remove it'],
  },
])('a plan with $name is refused', async ({ files, faults }) => {
  expect(await faultsOf(files)).toEqual(faults);
});
