import { expect, test } from 'vitest';
import { faultsOf } from './small-plan.ts';

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'a query without a header',
    files: { 'before.sql': 'select 1;\n' },
    faults: ['before.sql:1:1: a query without a header; write "--! check: NAME, SEVERITY, EXPECTATION" directly above it'],
  },
  {
    name: 'a header without a query',
    files: { 'before.sql': '--! check: titles, fail, zero\n' },
    faults: ['before.sql:1:1: a header without a query; write one SELECT below it, or remove it'],
  },
  {
    name: 'two headers above one query',
    files: { 'before.sql': '--! check: titles, fail, zero\n--! check: others, fail, zero\nselect 1;\n' },
    faults: ['before.sql:1:1: a header without a query; write one SELECT below it, or remove it'],
  },
  {
    name: 'two queries under one header',
    files: { 'before.sql': '--! check: titles, fail, zero\nselect 1;\nselect 2;\n' },
    faults: ['before.sql:3:1: a second query under one header; write "--! check: NAME, SEVERITY, EXPECTATION" directly above it'],
  },
  {
    name: 'an unknown header',
    files: { 'before.sql': '--! chek: titles, fail, zero\nselect 1;\n' },
    faults: ['before.sql:1:1: unknown header "chek"; did you mean "check"? allowed here: check, allow'],
  },
  {
    name: 'a header of two parts',
    files: { 'before.sql': '--! check: titles, fail\nselect 1;\n' },
    faults: ['before.sql:1:1: a check is written "--! check: NAME, SEVERITY, EXPECTATION"; got "titles, fail"'],
  },
  {
    name: 'a name with capitals',
    files: { 'before.sql': '--! check: Titles, fail, zero\nselect 1;\n' },
    faults: ['before.sql:1:1: the name of a check is lower-case words joined by single hyphens; got "Titles"'],
  },
  {
    name: 'an unknown severity',
    files: { 'before.sql': '--! check: titles, error, zero\nselect 1;\n' },
    faults: ['before.sql:1:1: the severity of a check is one of fail, warn, info; got "error"'],
  },
  {
    name: 'an unknown expectation',
    files: { 'before.sql': '--! check: titles, fail, none\nselect 1;\n' },
    faults: ['before.sql:1:1: in before.sql a check expects one of no rows, zero, quality, measure; got "none"'],
  },
  {
    name: 'several parts that are wrong',
    files: { 'before.sql': '--! check: Titles, error, none\nselect 1;\n' },
    faults: [
      'before.sql:1:1: the name of a check is lower-case words joined by single hyphens; got "Titles"',
      'before.sql:1:1: the severity of a check is one of fail, warn, info; got "error"',
      'before.sql:1:1: in before.sql a check expects one of no rows, zero, quality, measure; got "none"',
    ],
  },
  {
    name: 'quality in after.sql',
    files: { 'after.sql': "--! check: titles, fail, quality\nselect 'a', 1, 1;\n" },
    faults: ['after.sql:1:1: in after.sql a check expects one of no rows, zero, measure; got "quality"'],
  },
  {
    name: 'quality in verify.sql',
    files: { '1-schema/verify.sql': "--! check: titles, fail, quality\nselect 'a', 1, 1;\n" },
    faults: ['1-schema/verify.sql:1:1: in verify.sql a check expects one of no rows, zero; got "quality"'],
  },
  {
    name: 'a measure that may fail',
    files: { 'before.sql': "--! check: titles, fail, measure\nselect 'a', 'b';\n" },
    faults: ['before.sql:1:1: a measure cannot fail, so its severity is info; got "fail"'],
  },
  {
    name: 'a measure in verify.sql',
    files: { '1-schema/verify.sql': "--! check: titles, info, measure\nselect 'a', 'b';\n" },
    faults: ['1-schema/verify.sql:1:1: in verify.sql a check expects one of no rows, zero; got "measure"'],
  },
  {
    name: 'a name that is taken in another file',
    files: { '1-schema/verify.sql': '--! check: nobody-is-lost, fail, zero\nselect 0;\n' },
    faults: ['after.sql:2:1: the check name "nobody-is-lost" is taken by 1-schema/verify.sql:2; give each check of the plan its own name'],
  },
  {
    name: 'a name that is taken in the same file',
    files: { 'before.sql': '--! check: a, fail, zero\nselect 0;\n--! check: a, fail, zero\nselect 0;\n' },
    faults: ['before.sql:4:1: the check name "a" is taken by before.sql:2; give each check of the plan its own name'],
  },
  {
    name: 'an INSERT',
    files: { 'before.sql': '--! check: titles, fail, zero\ninsert into a values (1);\n' },
    faults: ['before.sql:2:1: a check is one SELECT; got INSERT'],
  },
  {
    name: 'a writing WITH query',
    files: { 'before.sql': '--! check: titles, fail, zero\nwith gone as (delete from a returning b) select count(*) from gone;\n' },
    faults: ['before.sql:2:1: a check only reads, and this WITH query holds DELETE; remove it'],
  },
  {
    name: 'SELECT INTO',
    files: { 'before.sql': '--! check: titles, fail, zero\nselect 1 into a;\n' },
    faults: ['before.sql:2:1: a check only reads, and SELECT INTO makes a table; remove INTO'],
  },
  {
    name: 'FOR UPDATE',
    files: { 'before.sql': '--! check: titles, fail, no rows\nselect a from b for update;\n' },
    faults: ['before.sql:2:1: a check locks no rows; remove FOR UPDATE or FOR SHARE'],
  },
  {
    name: 'FOR SHARE in a subquery',
    files: { 'before.sql': '--! check: titles, fail, no rows\nselect a from (select a from b for share) c;\n' },
    faults: ['before.sql:2:1: a check locks no rows; remove FOR UPDATE or FOR SHARE'],
  },
  {
    name: 'a sequence moved on',
    files: { 'before.sql': "--! check: titles, fail, zero\nselect nextval('a');\n" },
    faults: ['before.sql:2:8: a check only reads, and nextval() does more; remove it'],
  },
  {
    name: 'a parameter',
    files: { 'before.sql': '--! check: titles, fail, zero\nselect $1;\n' },
    faults: ['before.sql:2:1: SELECT is refused: the parameter $1 has no value, since nothing passes one; write the value'],
  },
  {
    name: 'NOT IN with a query',
    files: { 'before.sql': '--! check: titles, fail, no rows\nselect a from b\nwhere a not in (select c from d);\n' },
    faults: ['before.sql:3:9: NOT IN with a query compares every pair of rows and finds nothing beside a NULL; write "not exists (select …)"'],
  },
  {
    name: '<> ALL with a query, in an arm of a UNION',
    files: { 'before.sql': '--! check: titles, fail, no rows\nselect 1 union select a from b where a <> all (select c from d);\n' },
    faults: ['before.sql:2:40: NOT IN with a query compares every pair of rows and finds nothing beside a NULL; write "not exists (select …)"'],
  },
  {
    name: 'zero of two columns',
    files: { 'before.sql': '--! check: titles, fail, zero\nselect 1, 2;\n' },
    faults: ['before.sql:2:1: a check that expects zero gives one column: one number; got 2'],
  },
  {
    name: 'quality of two columns',
    files: { 'before.sql': "--! check: titles, fail, quality\nselect 'all', 2;\n" },
    faults: ['before.sql:2:1: a check that expects quality gives 3 columns: scope, valid and total; got 2'],
  },
  {
    name: 'a measure of one column',
    files: { 'before.sql': '--! check: titles, info, measure\nselect 1;\n' },
    faults: ['before.sql:2:1: a check that expects measure gives 2 columns: name and value; got 1'],
  },
])('a check file with $name is refused', async ({ files, faults }) => {
  expect(await faultsOf(files)).toEqual(faults);
});
