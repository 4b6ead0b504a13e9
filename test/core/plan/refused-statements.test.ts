import { expect, test } from 'vitest';
import { faultsOf } from './small-plan.ts';

test.each([
  { sql: 'begin', fault: 'BEGIN is refused: a phase is one transaction already, and commits or rolls back as one; remove it' },
  { sql: 'commit', fault: 'COMMIT is refused: a phase is one transaction already, and commits or rolls back as one; remove it' },
  { sql: 'rollback', fault: 'ROLLBACK is refused: a phase is one transaction already, and commits or rolls back as one; remove it' },
  { sql: 'savepoint a', fault: 'SAVEPOINT is refused: a phase is one transaction already, and commits or rolls back as one; remove it' },
  { sql: 'start transaction', fault: 'START is refused: a phase is one transaction already, and commits or rolls back as one; remove it' },
  { sql: 'set search_path = shop', fault: 'SET is refused: sessions are pooled, so the setting would leak into other work; use SET LOCAL' },
  { sql: 'reset search_path', fault: 'RESET is refused: sessions are pooled, so the setting would leak into other work; remove it' },
  { sql: 'reset all', fault: 'RESET is refused: sessions are pooled, so the setting would leak into other work; remove it' },
  {
    sql: 'set transaction isolation level serializable',
    fault: 'SET is refused: the transaction has begun before the first statement of a phase; remove it',
  },
  {
    sql: 'set local role admin',
    fault: 'SET is refused: a phase runs as the migrator, whose rights the ledger needs too; set owners with ALTER … OWNER TO instead',
  },
  {
    sql: "set session authorization 'admin'",
    fault: 'SET is refused: a phase runs as the migrator, whose rights the ledger needs too; set owners with ALTER … OWNER TO instead',
  },
  {
    sql: "select set_config('search_path', 'shop', false)",
    fault: 'SELECT is refused: sessions are pooled, so the setting would leak into other work; give set_config() true as its third argument',
  },
  {
    sql: 'select pg_advisory_lock(1)',
    fault: 'SELECT is refused: pg_advisory_lock() holds its lock until the session ends, and sessions are pooled; use pg_advisory_xact_lock()',
  },
  { sql: 'select 1 as b into a', fault: 'SELECT is refused: INTO means a variable inside a function, where a phase runs; write CREATE TABLE … AS' },
  { sql: 'select $1', fault: 'SELECT is refused: the parameter $1 has no value, since nothing passes one; write the value' },
  {
    sql: 'copy a from stdin',
    fault: 'COPY is refused: it moves data between the server and a client or a file, and here is neither; write an INSERT, or a transfer',
  },
  {
    sql: 'copy a to stdout',
    fault: 'COPY is refused: it moves data between the server and a client or a file, and here is neither; write an INSERT, or a transfer',
  },
  {
    sql: "copy a from '/tmp/rows.csv'",
    fault: 'COPY is refused: it moves data between the server and a client or a file, and here is neither; write an INSERT, or a transfer',
  },
  {
    sql: "copy a to program 'cat'",
    fault: 'COPY is refused: it moves data between the server and a client or a file, and here is neither; write an INSERT, or a transfer',
  },
  {
    sql: 'prepare p as select 1',
    fault: 'PREPARE is refused: it belongs to one session, and each call may land on another one; write the statement itself',
  },
  { sql: 'execute p', fault: 'EXECUTE is refused: it belongs to one session, and each call may land on another one; write the statement itself' },
  {
    sql: 'deallocate p',
    fault: 'DEALLOCATE is refused: it belongs to one session, and each call may land on another one; write the statement itself',
  },
  {
    sql: 'declare c cursor for select 1',
    fault: 'DECLARE is refused: a cursor ends with its call; write one statement over all rows, or a transfer',
  },
  { sql: 'fetch c', fault: 'FETCH is refused: a cursor ends with its call; write one statement over all rows, or a transfer' },
  { sql: 'close c', fault: 'CLOSE is refused: a cursor ends with its call; write one statement over all rows, or a transfer' },
  { sql: 'listen a', fault: 'LISTEN is refused: it speaks to one session, and each call may land on another one; remove it' },
  { sql: 'unlisten a', fault: 'UNLISTEN is refused: it speaks to one session, and each call may land on another one; remove it' },
  { sql: 'discard all', fault: 'DISCARD ALL is refused: it speaks to one session, and each call may land on another one; remove it' },
  { sql: "load 'auto_explain'", fault: 'LOAD is refused: it speaks to one session, and each call may land on another one; remove it' },
  {
    sql: 'alter system set work_mem = 1',
    fault: 'ALTER SYSTEM is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: 'checkpoint',
    fault: 'CHECKPOINT is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: 'create database a',
    fault: 'CREATE DATABASE is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: 'drop database a',
    fault: 'DROP DATABASE is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: 'alter database a set tablespace b',
    fault: 'ALTER DATABASE is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: "create tablespace a location '/b'",
    fault: 'CREATE TABLESPACE is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: 'drop tablespace a',
    fault: 'DROP TABLESPACE is refused: it changes more than the database that is migrated, and no undo takes it back; do it outside the plan',
  },
  {
    sql: "create subscription s connection '' publication p",
    fault: 'CREATE SUBSCRIPTION is refused: it reaches another server, and no transaction can hold it; do it outside the plan',
  },
  { sql: 'explain select 1', fault: 'EXPLAIN is refused: it changes nothing, and nobody reads its answer; remove it, or write a check' },
  { sql: 'show work_mem', fault: 'SHOW is refused: it changes nothing, and nobody reads its answer; remove it, or write a check' },
  { sql: 'cluster', fault: 'CLUSTER is refused: without a table no transaction can hold it; name one table' },
  {
    sql: 'vacuum full a',
    fault: 'VACUUM is refused: FULL rewrites the table under an exclusive lock; leave FULL out, or move the rows with a transfer',
  },
  {
    sql: 'vacuum (full) a',
    fault: 'VACUUM is refused: FULL rewrites the table under an exclusive lock; leave FULL out, or move the rows with a transfer',
  },
  { sql: 'vacuum (skip_locked) a', fault: 'VACUUM is refused: SKIP_LOCKED may leave the table out, and then nothing was done; remove the option' },
  { sql: 'vacuum', fault: 'VACUUM is refused: without a table it takes the whole database; name one table' },
  { sql: 'vacuum a, b', fault: 'VACUUM is refused: one statement over several tables cannot be proven for each of them; write one for each table' },
  {
    sql: 'reindex index concurrently a',
    fault:
      'REINDEX is refused: this version cannot prove CONCURRENTLY here yet; create a new index concurrently, and drop the old one concurrently in a later phase',
  },
  { sql: 'reindex database a', fault: 'REINDEX is refused: no transaction can hold it; reindex one table or one index at a time' },
  { sql: 'reindex schema a', fault: 'REINDEX is refused: no transaction can hold it; reindex one table or one index at a time' },
  {
    sql: 'alter table a detach partition b concurrently',
    fault: 'ALTER TABLE is refused: this version cannot prove DETACH PARTITION CONCURRENTLY yet; detach the partition without CONCURRENTLY',
  },
  {
    sql: 'create index concurrently on a (b)',
    fault: 'CREATE INDEX is refused: the index has no name, so that nothing can prove that it is there and valid; name it',
  },
  { sql: 'drop index concurrently a, b', fault: 'DROP INDEX is refused: CONCURRENTLY takes one index; write one statement for each' },
  { sql: 'drop index concurrently a cascade', fault: 'DROP INDEX is refused: CONCURRENTLY does not cascade; drop what depends on the index first' },
  {
    sql: 'create temporary table a (b int)',
    fault: 'CREATE TEMPORARY is refused: sessions are pooled, so a temporary table would leak into other work; add ON COMMIT DROP',
  },
  {
    sql: 'create temp table a as select 1',
    fault: 'CREATE TEMP is refused: sessions are pooled, so a temporary table would leak into other work; add ON COMMIT DROP',
  },
  {
    sql: 'create temp view a as select 1',
    fault: 'CREATE TEMP is refused: sessions are pooled, so it would leak into other work; leave TEMPORARY out, and drop it in the end',
  },
  {
    sql: 'create table if not exists a (b int)',
    fault:
      'CREATE TABLE is refused: "if not exists" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out',
  },
  {
    sql: 'create table if not exists a as select 1',
    fault:
      'CREATE TABLE is refused: "if not exists" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out',
  },
  {
    sql: 'create index if not exists a on b (c)',
    fault:
      'CREATE INDEX is refused: "if not exists" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out',
  },
  {
    sql: 'create index concurrently if not exists a on b (c)',
    fault:
      'CREATE INDEX is refused: "if not exists" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out',
  },
  {
    sql: 'alter table a add column if not exists b int',
    fault:
      'ALTER TABLE is refused: "if not exists" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out',
  },
  {
    sql: 'create sequence if not exists a',
    fault:
      'CREATE SEQUENCE is refused: "if not exists" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out',
  },
  {
    sql: 'create or replace function a() returns int language sql return 1',
    fault:
      'CREATE FUNCTION is refused: "or replace" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out, and drop the old one first where there is one',
  },
  {
    sql: 'create or replace view a as select 1',
    fault:
      'CREATE VIEW is refused: "or replace" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out, and drop the old one first where there is one',
  },
  {
    sql: 'create or replace trigger a before insert on b for each row execute function c()',
    fault:
      'CREATE TRIGGER is refused: "or replace" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out, and drop the old one first where there is one',
  },
  {
    sql: 'create or replace procedure a() language sql as $$select 1$$',
    fault:
      'CREATE PROCEDURE is refused: "or replace" hides what was there before, so that no undo could tell; a run proves first that the name is free, so leave it out, and drop the old one first where there is one',
  },
])('$sql is refused', async ({ sql, fault }) => {
  expect(await faultsOf({ '1-schema/up.sql': sql })).toEqual([`1-schema/up.sql:1:1: ${fault}`]);
});

test.each<{ name: string; files: Record<string, string | null>; faults: string[] }>([
  {
    name: 'a concurrent index behind a table',
    files: { '1-schema/up.sql': 'create table a (b int);\n\ncreate index concurrently c on a (b);\n' },
    faults: ['1-schema/up.sql:3:1: the statement in line 3 refuses transactions, and the one in line 1 needs one; put them into phases of their own'],
  },
  {
    name: 'a table behind a concurrent index',
    files: { '3-indexes/up.sql': 'create index concurrently c on shop.books (title);\nanalyze shop.books;\n' },
    faults: [
      '3-indexes/up.sql:1:1: the statement in line 1 refuses transactions, and the one in line 2 needs one; put them into phases of their own',
    ],
  },
  {
    name: 'both kinds in an undo',
    files: { '3-indexes/undo.sql': 'drop index concurrently shop.books_title;\ndrop table a;\n' },
    faults: [
      '3-indexes/undo.sql:1:1: the statement in line 1 refuses transactions, and the one in line 2 needs one; write the undo with one kind of statement, such as DROP INDEX without CONCURRENTLY',
    ],
  },
  {
    name: 'a concurrent undo of a transaction',
    files: { '1-schema/undo.sql': 'drop index concurrently a;\n' },
    faults: [
      '1-schema/undo.sql:1:1: up.sql is one transaction, so its undo is one too, and this statement refuses transactions; write it without CONCURRENTLY, or remove VACUUM',
    ],
  },
])('$name is refused', async ({ files, faults }) => {
  expect(await faultsOf(files)).toEqual(faults);
});

test('a statement that is longer than one call takes is refused where it goes out as one', async () => {
  const long = `create index concurrently a on b (c) where d <> '${'x'.repeat(50_000)}'`;
  expect(await faultsOf({ '3-indexes/up.sql': long, 'after.sql': `--! check: a, fail, no rows\nselect '${'x'.repeat(50_000)}'` })).toEqual([
    '3-indexes/up.sql:1:1: CREATE INDEX is refused: one call takes 50000 characters at most, got 50050; shorten it',
    'after.sql:2:1: a check takes 50000 characters at most, since it is one call; got 50009; shorten it',
  ]);
});

test('a phase that is larger than a request is refused', async () => {
  expect(await faultsOf({ '1-schema/up.sql': `insert into a values ('${'x'.repeat(2_000_000)}')` })).toEqual([
    '1-schema/up.sql:1:1: a phase takes 2000000 bytes at most, got 2000025; split the phase, or move rows with a transfer',
  ]);
});

test('what the Data API would take for a parameter is refused, and nothing that only looks like it', async () => {
  const sql = "select list[1:last], list[1:2], list[1: last], ':a', a::text, $$ :b $$ -- :c\nfrom d";
  expect(await faultsOf({ '1-schema/up.sql': sql })).toEqual([
    '1-schema/up.sql:1:14: the Data API takes :last for a parameter; put a space behind the colon',
  ]);
});
