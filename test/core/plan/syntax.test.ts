import { expect, test } from 'vitest';
import { shownFaultsOf } from './small-plan.ts';

test.each<{ name: string; files: Record<string, string | null>; shown: string[] }>([
  {
    name: 'a misspelled word',
    files: { '1-schema/up.sql': '-- Bücher 📚\ncreate table shop.books (\n  id bigint primary kee\n);\n' },
    shown: ['1-schema/up.sql:3:21: syntax error at or near "kee"; correct the statement', '    id bigint primary kee', '                      ^'],
  },
  {
    name: 'a string without its end',
    files: { '1-schema/up.sql': "select 1;\nselect 'abc;\n" },
    shown: ['1-schema/up.sql:2:8: unterminated quoted string at or near "\'abc; …"; correct the statement', "  select 'abc;", '         ^'],
  },
  {
    name: 'a body without its end',
    files: { '1-schema/up.sql': 'do $body$ begin end;\n' },
    shown: [
      '1-schema/up.sql:1:4: unterminated dollar-quoted string at or near "$body$ begin end; …"; correct the statement',
      '  do $body$ begin end;',
      '     ^',
    ],
  },
  {
    name: 'an unfinished statement',
    files: { '1-schema/up.sql': 'create table a (\n' },
    shown: ['1-schema/up.sql:2:1: syntax error at end of input; correct the statement'],
  },
  {
    name: 'a character beside others that take four bytes',
    files: { '1-schema/up.sql': "select '😀😀', )" },
    shown: ['1-schema/up.sql:1:14: syntax error at or near ")"; correct the statement', "  select '😀😀', )", '               ^'],
  },
  {
    name: 'a psql command',
    files: { '1-schema/up.sql': 'create table a (b int);\n\\copy a from rows.csv\n' },
    shown: [
      '1-schema/up.sql:2:1: the psql command \\copy, which PostgreSQL itself does not know; write plain SQL instead, or remove it',
      '  \\copy a from rows.csv',
      '  ^',
    ],
  },
  {
    name: 'a psql command behind a statement',
    files: { '1-schema/up.sql': 'select 1 \\gexec\n' },
    shown: [
      '1-schema/up.sql:1:10: the psql command \\gexec, which PostgreSQL itself does not know; write plain SQL instead, or remove it',
      '  select 1 \\gexec',
      '           ^',
    ],
  },
  {
    name: 'data behind COPY',
    files: { '1-schema/up.sql': 'create table a (b text);\ncopy a (b) from stdin;\nfirst row\n\\.\n' },
    shown: [
      '1-schema/up.sql:3:1: data after COPY … FROM STDIN, which only psql can send; write the rows as an INSERT … VALUES statement',
      '  first row',
      '  ^',
    ],
  },
  {
    name: 'data behind COPY that looks like a command',
    files: { '1-schema/up.sql': 'copy a from stdin;\n\\.\n' },
    shown: [
      '1-schema/up.sql:2:1: data after COPY … FROM STDIN, which only psql can send; write the rows as an INSERT … VALUES statement',
      '  \\.',
      '  ^',
    ],
  },
  {
    name: 'a psql variable',
    files: { '1-schema/up.sql': 'alter table :target add column a int;\n' },
    shown: [
      '1-schema/up.sql:1:13: the psql variable :target, which nothing fills in here; write its value',
      '  alter table :target add column a int;',
      '              ^',
    ],
  },
  {
    name: 'a quoted psql variable',
    files: { '1-schema/up.sql': "select :'name';\n" },
    shown: ["1-schema/up.sql:1:8: the psql variable :'name', which nothing fills in here; write its value", "  select :'name';", '         ^'],
  },
  {
    name: 'a NUL byte',
    files: { '1-schema/up.sql': 'select 1;\n-- a\0b\n' },
    shown: ['1-schema/up.sql:2:5: a NUL byte, which PostgreSQL cannot store; save the file as UTF-8 text', '  -- a\uFFFDb', '      ^'],
  },
  {
    name: 'bytes that are not UTF-8',
    files: { 'after.sql': "select '�';\n" },
    shown: ['after.sql:1:9: bytes that are not UTF-8; save the file as UTF-8', "  select '�';", '          ^'],
  },
  {
    name: 'a header inside a statement',
    files: { '1-schema/up.sql': 'create table a (\n  --! check: x, fail, zero\n  b int\n);\n' },
    shown: [
      '1-schema/up.sql:2:3: a --! header inside a statement; put it on a line of its own above the statement',
      '    --! check: x, fail, zero',
      '    ^',
    ],
  },
  {
    name: 'a header behind a statement',
    files: { 'before.sql': 'select 1; --! check: x, fail, zero\n' },
    shown: [
      'before.sql:1:1: a query without a header; write "--! check: NAME, SEVERITY, EXPECTATION" directly above it',
      '  select 1; --! check: x, fail, zero',
      '  ^',
      'before.sql:1:11: a --! header behind other text; put it on a line of its own',
      '  select 1; --! check: x, fail, zero',
      '            ^',
    ],
  },
  {
    name: 'a header without a colon',
    files: { 'before.sql': '--! check titles\nselect 1;\n' },
    shown: [
      'before.sql:1:1: a header is written "--! key: value"; got "--! check titles"',
      '  --! check titles',
      '  ^',
      'before.sql:2:1: a query without a header; write "--! check: NAME, SEVERITY, EXPECTATION" directly above it',
      '  select 1;',
      '  ^',
    ],
  },
])('SQL with $name is refused', async ({ files, shown }) => {
  expect((await shownFaultsOf(files)).split('\n')).toEqual(shown);
});

test('a fault in up.sql does not blame its undo.sql', async () => {
  expect(await shownFaultsOf({ '3-indexes/up.sql': 'create index concurrently;' })).toBe(
    '3-indexes/up.sql:1:26: syntax error at or near ";"; correct the statement\n  create index concurrently;\n                           ^',
  );
});
