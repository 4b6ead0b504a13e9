import fc from 'fast-check';
import { expect, test } from 'vitest';
import { faultsIn } from './example-plan.ts';

/** Statements over a table called T, each with one hazard. */
const STATEMENTS = [
  { sql: 'alter table T set unlogged', hazard: 'TABLE_REWRITE' },
  { sql: 'alter table only T alter column total type text', hazard: 'COLUMN_TYPE_CHANGE' },
  { sql: 'alter table if exists T alter column total set not null', hazard: 'NOT_NULL_SCAN' },
  { sql: 'alter table T add check (total > 0)', hazard: 'CHECK_SCAN' },
  { sql: 'create index on T (total)', hazard: 'INDEX_BLOCKS_WRITES' },
  { sql: 'drop table if exists T', hazard: 'DROPPED_IN_USE' },
  { sql: 'alter table T rename column total to sum', hazard: 'RENAMED_IN_USE' },
  { sql: 'create trigger x after insert on T for each row execute function f()', hazard: 'TRIGGER_ADDED' },
  { sql: 'drop trigger x on T', hazard: 'DROPPED_IN_USE' },
  { sql: 'alter table T disable trigger x', hazard: 'TRIGGER_SWITCHED_OFF' },
  { sql: 'alter table T drop constraint x', hazard: 'CONSTRAINT_DROPPED' },
  { sql: 'alter table T alter column total drop default', hazard: 'DEFAULT_DROPPED' },
  { sql: 'update T set total = 0', hazard: 'CHANGE_WITHOUT_WHERE' },
  { sql: 'with gone as (delete from T returning total) select total from gone', hazard: 'CHANGE_WITHOUT_WHERE' },
  { sql: 'truncate table T', hazard: 'TRUNCATES_TABLE' },
  { sql: 'lock table T in exclusive mode', hazard: 'EXPLICIT_LOCK' },
  { sql: 'grant select on T to public', hazard: 'GRANT_TO_PUBLIC' },
  { sql: 'alter table T enable row level security', hazard: 'ROW_SECURITY_WITHOUT_POLICY' },
  { sql: 'create view shown as select * from T', hazard: 'SELECT_STAR' },
];

const NAMES = ['orders', '"orders"', 'public.orders', '"public"."orders"', 'PUBLIC.Orders', 'public . orders'];
const HARMLESS = [
  'select 1;',
  '/* a comment; */',
  "-- it's one\n",
  'create table notes (id bigint primary key);',
  "comment on table orders is 'x;y';",
  '\n\n',
];

const written = fc.record({
  statement: fc.constantFrom(...STATEMENTS),
  name: fc.constantFrom(...NAMES),
  isUpper: fc.boolean(),
  gap: fc.constantFrom(' ', '  ', '\n  ', '\t', ' /* x */ '),
  before: fc.subarray(HARMLESS),
  after: fc.subarray(HARMLESS.filter((one) => one.startsWith('select'))),
});

test('a hazard is found wherever its statement stands, whatever its case, quotes, schema name and spaces', async () => {
  await fc.assert(
    fc.asyncProperty(written, async ({ statement, name, isUpper, gap, before, after }) => {
      const words = statement.sql.split(' ').map((word) => (word === 'T' ? name : isUpper ? word.toUpperCase() : word));
      const above = before.map((one) => `${one}\n`).join('');
      const faults = await faultsIn({ '1-schema/up.sql': `${above}${words.join(gap)};\n${after.join('\n')}` });
      expect(faults.map(({ hazard }) => hazard)).toEqual([statement.hazard]);
      const first = above.split('\n').length;
      expect(faults[0]?.line).toBeGreaterThanOrEqual(first);
      expect(faults[0]?.line).toBeLessThanOrEqual(first + words.join(gap).split('\n').length - 1);
    }),
    { numRuns: 150 },
  );
});
