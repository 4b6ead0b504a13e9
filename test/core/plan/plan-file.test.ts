import { expect, test } from 'vitest';
import { faultsOf, WITHOUT_LATER_PHASES } from './small-plan.ts';

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'text that is not YAML',
    files: { 'plan.yaml': 'title: [Books\nphases: 1\n' },
    faults: [
      'plan.yaml:2:1: this is not YAML that can be read: flow sequence in block collection must be sufficiently indented and end with a ]; correct it here or on the line before',
    ],
  },
  {
    name: 'a tab as indentation',
    files: { 'plan.yaml': 'title: Books\nphases:\n\t- { id: schema }\n' },
    faults: ['plan.yaml:3:1: this is not YAML that can be read: tabs are not allowed as indentation; correct it here or on the line before'],
  },
  {
    name: 'a missing file',
    files: { 'plan.yaml': null },
    faults: ['plan.yaml:1:1: the file is missing; write it with at least a title and one phase'],
  },
  {
    name: 'a missing file with another ending',
    files: { 'plan.yaml': null, 'plan.yml': 'title: Books\n' },
    faults: [
      'plan.yaml:1:1: the file is missing; write it with at least a title and one phase',
      'plan.yml:1:1: nothing reads this file, since a plan is one plan.yaml; rename or remove it',
    ],
  },
  {
    name: 'an empty file',
    files: { 'plan.yaml': '# nothing yet\n' },
    faults: ['plan.yaml:1:1: the file is empty; write at least a title and one phase'],
  },
  {
    name: 'a list instead of a map',
    files: { 'plan.yaml': '- schema\n' },
    faults: ['plan.yaml:1:1: the plan must be a map with title and phases; got a list'],
  },
  {
    name: 'a second document',
    files: { 'plan.yaml': 'title: Books\nphases: [{ id: schema }]\n---\ntitle: More\n' },
    faults: ['plan.yaml:3:1: a second YAML document; a plan is one document, so remove the line ---'],
  },
  {
    name: 'a key given twice',
    files: { 'plan.yaml': 'title: Books\ntitle: More books\nphases: [{ id: schema }]\n' },
    faults: ['plan.yaml:2:1: the key "title" is given twice; keep one of them'],
  },
  {
    name: 'an alias',
    files: { 'plan.yaml': 'title: &name Books\nnotes: [*name]\nphases: [{ id: schema }]\n' },
    faults: ['plan.yaml:2:9: the alias *name, which a plan may not hold; write the value out'],
  },
  {
    name: 'a tag',
    files: { 'plan.yaml': 'title: !secret Books\nphases: [{ id: schema }]\n' },
    faults: ['plan.yaml:1:8: this is not YAML that can be read: unresolved tag: !secret; correct it here or on the line before'],
  },
  {
    name: 'a NUL byte',
    files: { 'plan.yaml': 'title: Bo\0oks\n' },
    faults: ['plan.yaml:1:10: a NUL byte, which PostgreSQL cannot store; save the file as UTF-8 text'],
  },
  {
    name: 'bytes that are not UTF-8',
    files: { 'plan.yaml': 'title: B\uFFFDcher\n' },
    faults: ['plan.yaml:1:9: bytes that are not UTF-8; save the file as UTF-8'],
  },
])('plan.yaml with $name is refused', async ({ files, faults }) => {
  expect(await faultsOf({ ...WITHOUT_LATER_PHASES, ...files })).toEqual(faults);
});

test.each([
  {
    name: 'no title and no phases',
    yaml: 'notes: [a]\n',
    faults: [
      'plan.yaml:1:1: "title" is missing; it must be one line of text',
      'plan.yaml:1:1: "phases" is missing; it must be a list of phases, such as [{ id: schema }]',
    ],
  },
  {
    name: 'a title that is a number',
    yaml: 'title: 12\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:1:8: "title" must be one line of text; got the number 12'],
  },
  {
    name: 'a title over two lines',
    yaml: 'title: "Books\\nshop"\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:1:8: "title" must be one line of text; got "Books\\nshop"'],
  },
  {
    name: 'a misspelled key',
    yaml: 'title: Books\nqualty: 99%\nphases: [{ id: schema }]\n',
    faults: [
      'plan.yaml:2:1: unknown key "qualty"; did you mean "quality"? allowed here: title, quality, onFailure, window, rollbackFor, notes, phases',
    ],
  },
  {
    name: 'a key unlike any other',
    yaml: 'title: Books\nowner: me\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:1: unknown key "owner"; allowed here: title, quality, onFailure, window, rollbackFor, notes, phases'],
  },
  {
    name: 'a quality without its sign',
    yaml: 'title: Books\nquality: 99\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:10: "quality" must be a percentage above 0% and up to 100%, such as 99% or 99.5%; got the number 99'],
  },
  {
    name: 'a quality of nothing',
    yaml: 'title: Books\nquality: 0%\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:10: "quality" must be a percentage above 0% and up to 100%, such as 99% or 99.5%; got "0%"'],
  },
  {
    name: 'a quality above everything',
    yaml: 'title: Books\nquality: 100.1%\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:10: "quality" must be a percentage above 0% and up to 100%, such as 99% or 99.5%; got "100.1%"'],
  },
  {
    name: 'another way to fail',
    yaml: 'title: Books\nonFailure: stop\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:12: "onFailure" must be "undo-all", or "keep-verified", which keeps the phases that are applied and verified; got "stop"'],
  },
  {
    name: 'notes that are one text',
    yaml: 'title: Books\nnotes: closed\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:8: "notes" must be a list of texts; got "closed"'],
  },
  {
    name: 'no phase in the list',
    yaml: 'title: Books\nphases: []\n',
    faults: ['plan.yaml:2:9: "phases" must be a list with at least one phase; got an empty list'],
  },
  {
    name: 'phases that are names',
    yaml: 'title: Books\nphases:\n  - schema\n',
    faults: [
      'plan.yaml:3:5: phase 1 must be a map with id and, where needed, transfers, undo, because, fence, cutover, when and protect; got "schema"',
    ],
  },
  {
    name: 'an id with capitals',
    yaml: 'title: Books\nphases:\n  - { id: Schema }\n',
    faults: [
      'plan.yaml:3:11: phase 1: "id" must be lower-case words joined by single hyphens, at most 40 characters, such as "copy-customers"; got "Schema"',
    ],
  },
  {
    name: 'an unknown key of a phase',
    yaml: 'title: Books\nphases:\n  - { id: schema, undos: none }\n',
    faults: [
      'plan.yaml:3:19: phase 1: unknown key "undos"; did you mean "undo"? allowed here: id, transfers, undo, because, fence, cutover, when, protect',
    ],
  },
  {
    name: 'transfers that are one name',
    yaml: 'title: Books\nphases:\n  - { id: schema, transfers: books }\n',
    faults: ['plan.yaml:3:30: phase 1: "transfers" must be a list of transfer ids, such as [customers, orders]; got "books"'],
  },
  {
    name: 'an empty list of transfers',
    yaml: 'title: Books\nphases:\n  - { id: schema, transfers: [] }\n',
    faults: ['plan.yaml:3:30: phase 1: "transfers" must be a list with at least one transfer id; got an empty list'],
  },
  {
    name: 'another undo',
    yaml: 'title: Books\nphases:\n  - { id: schema, undo: later, because: so }\n',
    faults: ['plan.yaml:3:25: phase 1: "undo" must be "none", or left out when the phase has an undo.sql; got "later"'],
  },
  {
    name: 'undo: none without because',
    yaml: 'title: Books\nphases:\n  - { id: schema, undo: none }\n',
    faults: ['plan.yaml:3:25: phase 1: "undo: none" needs a reason; add "because: …" to the phase'],
  },
  {
    name: 'because without undo: none',
    yaml: 'title: Books\nphases:\n  - { id: schema, because: so }\n',
    faults: ['plan.yaml:3:28: phase 1: "because" is the reason of "undo: none", which is missing; add it, or remove because'],
  },
  {
    name: 'undo: none for transfers',
    yaml: 'title: Books\nphases:\n  - { id: schema, transfers: [books], undo: none, because: so }\n',
    faults: ['plan.yaml:3:45: phase 1: the undo of a transfer phase is made from its transfers; remove undo and because'],
  },
  {
    name: 'a fence that is no yes or no',
    yaml: 'title: Books\nphases:\n  - { id: schema, fence: high }\n',
    faults: ['plan.yaml:3:26: phase 1: "fence" must be true or false; got "high"'],
  },
  {
    name: 'another cutover',
    yaml: 'title: Books\nphases:\n  - { id: schema, cutover: proxy }\n',
    faults: [
      'plan.yaml:3:28: phase 1: "cutover" must be "flag", where the application switches by itself, or "rename", where up.sql renames tables; got "proxy"',
    ],
  },
  {
    name: 'another when',
    yaml: 'title: Books\nphases:\n  - { id: schema, when: later }\n',
    faults: ['plan.yaml:3:25: phase 1: "when" must be "cleanup", or left out for a phase that runs with the others; got "later"'],
  },
  {
    name: 'a cleanup that could be undone',
    yaml: 'title: Books\nphases:\n  - { id: schema, when: cleanup }\n',
    faults: ['plan.yaml:3:25: phase 1: "when: cleanup" ends the way back, so the phase has no undo; add "undo: none" and "because: …"'],
  },
  {
    name: 'a cutover in the cleanup',
    yaml: 'title: Books\nphases:\n  - { id: schema, undo: none, because: so, when: cleanup, cutover: flag }\n',
    faults: ['plan.yaml:3:68: phase 1: the cutover is part of the run, and cleanup comes long after it; remove one of the two'],
  },
  {
    name: 'a fence in the cleanup',
    yaml: 'title: Books\nphases:\n  - { id: schema, undo: none, because: so, when: cleanup, fence: true }\n',
    faults: ['plan.yaml:3:66: phase 1: mode cleanup raises no fence, since nobody uses the old side by then; remove it'],
  },
  {
    name: 'a cutover, a protection and a cleanup of transfers',
    yaml: 'title: Books\nphases:\n  - { id: schema, transfers: [a], cutover: flag, protect: [b], when: cleanup }\n',
    faults: [
      'plan.yaml:3:44: phase 1: rows are copied before a cutover; give it a phase of its own, whose up.sql grants the application its writes on the new side',
      'plan.yaml:3:44: phase 1: the cutover is part of the run, and cleanup comes long after it; remove one of the two',
      'plan.yaml:3:59: phase 1: "protect" is for the statements of an up.sql; a transfer changes no row of its sources, so remove it',
      'plan.yaml:3:70: phase 1: rows move with the run and not in mode cleanup; remove it',
      'plan.yaml:3:70: phase 1: "when: cleanup" ends the way back, so the phase has no undo; add "undo: none" and "because: …"',
    ],
  },
  {
    name: 'a protection without an undo',
    yaml: 'title: Books\nphases:\n  - { id: schema, undo: none, because: so, protect: [books] }\n',
    faults: ['plan.yaml:3:53: phase 1: "protect" keeps what an undo puts back, and this phase has none; remove one of the two'],
  },
  {
    name: 'a protected thing that is no table',
    yaml: 'title: Books\nphases:\n  - { id: schema, protect: [old books] }\n',
    faults: ['plan.yaml:3:29: phase 1: entry 1 of "protect" must be the name of a table, such as customers or sales.orders; got "old books"'],
  },
  {
    name: 'nothing to protect',
    yaml: 'title: Books\nphases:\n  - { id: schema, protect: [] }\n',
    faults: ['plan.yaml:3:28: phase 1: "protect" must be a list with at least one table; got an empty list'],
  },
  {
    name: 'a time without its unit',
    yaml: 'title: Books\nrollbackFor: 48\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:14: "rollbackFor" must be a number of hours or days, up to 90 days, such as 48h or 2d; got the number 48'],
  },
  {
    name: 'a way back for a year',
    yaml: 'title: Books\nrollbackFor: 365d\nphases: [{ id: schema }]\n',
    faults: ['plan.yaml:2:14: "rollbackFor" must be a number of hours or days, up to 90 days, such as 48h or 2d; got "365d"'],
  },
])('plan.yaml with $name is refused', async ({ yaml, faults }) => {
  expect(await faultsOf({ ...WITHOUT_LATER_PHASES, 'plan.yaml': yaml })).toEqual(faults);
});

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'signOffs',
    files: { 'plan.yaml': 'title: Books\nsignOffs: [[dba]]\nphases: [{ id: schema }]\n' },
    faults: [
      'plan.yaml:2:1: "signOffs" is not enforced by this version yet: no sign-off is asked for; say under notes who must agree, and ask them before you start the run',
    ],
  },
])('$name, which is not built yet, is refused', async ({ files, faults }) => {
  const changes = 'plan.yaml' in files ? { ...WITHOUT_LATER_PHASES, ...files } : files;
  expect(await faultsOf(changes)).toEqual(faults);
});
