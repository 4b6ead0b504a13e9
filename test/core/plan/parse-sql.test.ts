import fc from 'fast-check';
import { loadModule } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import { parseSql } from '../../../core/plan/parse-sql.ts';
import { isFault, sourceText } from '../../../core/plan/source-text.ts';

beforeAll(loadModule);

interface Split {
  readonly sql: string;
  readonly line: number;
  readonly number: number;
}

function split(text: string): readonly Split[] {
  const source = sourceText('up.sql', text);
  if (isFault(source)) throw new Error(source.message);
  const file = parseSql(source, (fault) => {
    throw new Error(fault.message);
  });
  return (file?.statements ?? []).map(({ sql, line, number }) => ({ sql, line, number }));
}

/** Text that needs care inside quotes: other scripts, emoji, and what looks like the end of something. */
const tricky = fc
  .array(fc.constantFrom('a', ' ', ';', '--', '--! x: y', '/*', '*/', '$', '$$', '"', "'", '\\', '\n', 'ä', '漢', '😀', '\u0301', ':v'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

const word = fc.constantFrom('a', 'straße', '表', 'x1');

const statement = fc.oneof(
  tricky.map((text) => `select '${text.replaceAll("'", "''")}'`),
  tricky.map((text) => `select $tag$${text.replaceAll('$tag', '')}$tag$`),
  tricky.map((text) => `select e'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
  tricky.map((text) => `select 1 as "${text.replaceAll('"', '""')}x"`),
  fc.tuple(word, word).map(([table, column]) => `create table ${table} (\n  ${column} int,\n  b text -- ein Wörtchen; kein Ende\n)`),
  fc.tuple(word, word).map(([name, value]) => `create function ${name}() returns int language sql begin atomic select 1 as ${value}; select 2; end`),
  word.map((name) => `do $$ begin raise notice '${name}; %', 1; end; $$`),
  word.map((name) => `with ${name} as (select 1 /* ; */) select * from ${name}`),
);

const comment = fc.constantFrom('', ' ', '\n', '\n\n', '-- a; b\n', '-- größer 😀\n', '/* c; /* nested */ d */', '\t', ';', '\n;;\n');

test('statements between any comments come back exactly, each with its line and number', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(comment, comment, statement, comment), { maxLength: 6 }), fc.boolean(), (parts, isOpen) => {
      let text = '';
      const expected: Split[] = [];
      for (const [index, [one, two, sql, three]] of parts.entries()) {
        text += `${one}${two}`;
        expected.push({ sql, line: text.split('\n').length, number: index + 1 });
        text += `${sql}${three.startsWith(';') ? '' : three}${isOpen && index === parts.length - 1 ? '' : ';'}`;
      }
      expect(split(text)).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test('a file of 5,000 statements keeps each text, line and number', () => {
  const statements = split("select 'größer';\n".repeat(5_000));
  expect(statements).toHaveLength(5_000);
  expect(statements.at(-1)).toEqual({ sql: "select 'größer'", line: 5_000, number: 5_000 });
});
