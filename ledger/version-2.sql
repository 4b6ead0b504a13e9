-- Version 2: what transactions wrote, what the plan's own tables hold, archives without a transfer. It may run again.
create table if not exists stepgate.written (
  -- Tables that a transaction of the plan inserted into, updated, deleted from or rewrote, through triggers and cascades too; by object,
  -- because a later phase may rename them.
  plan text not null,
  table_oid oid not null,
  primary key (plan, table_oid)
);

-- Tables and columns that the plan made, as the transaction that made them left them: what is otherwise at an undo, somebody may have written.
create table if not exists stepgate.made (
  plan text not null,
  phase text not null,
  table_oid oid not null,
  -- Their numbers; none is the whole table.
  columns smallint[] not null,
  -- -1 when a later transaction of the plan wrote there, too: then nobody can tell whose a row is.
  rows bigint not null,
  hash numeric not null,
  primary key (plan, table_oid, columns)
);

-- Since when the undo is known not to have brought the state of before back; who executes then takes the database as it is.
alter table stepgate.plan add column if not exists refuted_at timestamptz;
-- Which table it was: its object id and its columns, in a text that a dropped and added column changes.
alter table stepgate.baseline_table add column if not exists identity text;
-- The names that a line is about; null where it is about the whole database.
alter table stepgate.baseline_line add column if not exists about text[];

-- json keeps what jsonb refuses or folds: NUL escapes, double keys.
alter table stepgate_archive.row
  alter column transfer drop not null,
  alter column key drop not null,
  alter column image type json using image::json,
  add column if not exists phase text;

-- These have other parameters now.
drop function if exists stepgate.schema_lines();
drop function if exists stepgate.run_batch(text, bigint, text, text, text, text, integer, text, text);
drop function if exists stepgate.undo_phase(text, bigint, text, text, jsonb);
