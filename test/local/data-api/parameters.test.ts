import { expect, test } from 'vitest';
import { bindParameters } from '../../../local/data-api/parameters.ts';

const n = { name: 'n', value: { longValue: '7' } };

test.each([
  { name: 'a name becomes a number', sql: 'select :n', text: 'select $1' },
  { name: 'a name used twice is one value', sql: 'select :n, :n', text: 'select $1, $1' },
  { name: 'a cast after a name stays', sql: 'select :n::text', text: 'select $1::text' },
  { name: 'a cast is no name', sql: "select '1'::n", text: "select '1'::n" },
  { name: 'strings are left alone', sql: "select ':n', 'it''s :n', :n", text: "select ':n', 'it''s :n', $1" },
  { name: 'escape strings are left alone', sql: "select E'\\':n', :n", text: "select E'\\':n', $1" },
  { name: 'quoted names are left alone', sql: 'select ":n", :n', text: 'select ":n", $1' },
  { name: 'dollar quotes are left alone', sql: 'do $a$ $$:n$$ $a$; select :n', text: 'do $a$ $$:n$$ $a$; select $1' },
  { name: 'line comments are left alone', sql: '-- :n\nselect :n', text: '-- :n\nselect $1' },
  { name: 'nested comments are left alone', sql: '/* /* :n */ :n */ select :n', text: '/* /* :n */ :n */ select $1' },
  { name: 'slices are left alone', sql: 'select a[1:2], a[:2], a[x:n], :n', text: 'select a[1:2], a[:2], a[x:n], $1' },
  {
    name: 'a name is found within brackets',
    sql: 'select array[:n, case when true then :n end]',
    text: 'select array[$1, case when true then $1 end]',
  },
  { name: 'named arguments are left alone', sql: 'select f(a := :n)', text: 'select f(a := $1)' },
  { name: 'a dollar inside a word opens no quote', sql: 'select a$b$ + :n, c$b$', text: 'select a$b$ + $1, c$b$' },
])('$name', ({ sql, text }) => {
  expect(bindParameters(sql, [n]).text).toBe(text);
});

test('numbers are names too', () => {
  const bound = bindParameters(
    'select :1, :2',
    [n, { name: '2', value: { stringValue: 'b' } }].map((given, index) => ({ ...given, name: String(index + 1) })),
  );
  expect(bound).toEqual({ text: 'select $1, $2', values: ['7', 'b'], types: [20, 25] });
});

test.each([
  { name: 'a name without a value', sql: 'select :m', parameters: [n], message: 'Cannot find parameter: m' },
  { name: 'a name given twice', sql: 'select :n', parameters: [n, n], message: /used twice/ },
  { name: 'an array', sql: 'select :n', parameters: [{ name: 'n', value: { arrayValue: { longValues: [1] } } }], message: /array parameters/ },
  { name: 'an empty value', sql: 'select :n', parameters: [{ name: 'n', value: {} }], message: /has no value/ },
  { name: 'a positional parameter', sql: 'select $1', parameters: [], message: /there is no parameter \$1; SQLState: 42P02/ },
  {
    name: 'a time stamp in ISO form under a type hint',
    sql: 'select :n',
    parameters: [{ name: 'n', value: { stringValue: '2026-01-01T00:00:00Z' }, typeHint: 'TIMESTAMP' as const }],
    message: /format of its type hint TIMESTAMP/,
  },
])('$name is refused', ({ sql, parameters, message }) => {
  expect(() => bindParameters(sql, parameters)).toThrow(message);
});
