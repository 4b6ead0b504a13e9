-- Version 1 of the ledger: its tables. Later versions only add.
create schema if not exists stepgate;
revoke all on schema stepgate from public;

-- Which text of the ledger's functions is installed.
create table stepgate.version (
  ledger_digest text primary key,
  installed_at timestamptz not null default clock_timestamp()
);

-- One row: who may change this database. The token rises with every holder and fences dead runs off.
create table stepgate.lock (
  only_row boolean primary key default true check (only_row),
  token bigint not null,
  run_id text,
  execution_arn text,
  taken_at timestamptz
);
insert into stepgate.lock (token) values (0);

create table stepgate.run (
  run_id text primary key,
  plan text not null,
  digest text not null,
  mode text not null,
  execution_arn text not null,
  token bigint not null,
  started_at timestamptz not null,
  undo_verified_at timestamptz,
  ended_at timestamptz,
  outcome text,
  sentence text
);

-- What is in force of a plan: whose baseline "as before" means, and since when it is migrated.
create table stepgate.plan (
  plan text primary key,
  digest text not null,
  base_run text references stepgate.run (run_id),
  -- When the first phase began after the baseline: until then the baseline and the snapshot are nobody's.
  changed_at timestamptz,
  baseline_done_at timestamptz,
  snapshot_id text,
  snapshot_requested_at timestamptz,
  migrated_run text references stepgate.run (run_id),
  migrated_at timestamptz
);

-- Phases that are begun or applied; undoing one deletes its row.
create table stepgate.phase (
  plan text not null references stepgate.plan (plan),
  phase text not null,
  ordinal integer not null,
  digest text not null,
  run_id text not null references stepgate.run (run_id),
  begun_at timestamptz not null default clock_timestamp(),
  applied_at timestamptz,
  undo_begun_at timestamptz,
  result jsonb,
  primary key (plan, phase)
);

-- How a phase or its undo failed, until its run has read it.
create table stepgate.failure (
  run_id text not null references stepgate.run (run_id),
  label text not null,
  sql_state text not null,
  message text not null,
  failed_at timestamptz not null default clock_timestamp()
);

-- The cursor of a transfer, forward and back; it moves in its batch's own transaction.
create table stepgate.transfer (
  plan text not null,
  phase text not null,
  transfer text not null,
  direction text not null check (direction in ('up', 'undo')),
  last_key text,
  rows bigint not null default 0,
  batches integer not null default 0,
  working_ms numeric not null default 0,
  begun_at timestamptz not null default clock_timestamp(),
  done_at timestamptz,
  primary key (plan, phase, transfer, direction),
  foreign key (plan, phase) references stepgate.phase (plan, phase) on delete cascade
);

-- Statements that no transaction can hold: when each was begun, so that the catalog can be asked what came of it.
create table stepgate.long_statement (
  plan text not null,
  phase text not null,
  direction text not null check (direction in ('up', 'undo')),
  number integer not null,
  attempts integer not null default 1,
  begun_at timestamptz not null default clock_timestamp(),
  primary key (plan, phase, direction, number),
  foreign key (plan, phase) references stepgate.phase (plan, phase) on delete cascade
);

-- "As before": a line per catalog object, a digest per table. Sums of row hashes, so that ranges add up.
create table stepgate.baseline_line (
  run_id text not null references stepgate.run (run_id),
  line text not null,
  -- From 1, where a line is there several times.
  occurrence bigint not null
);
-- By hash, because a function's text is longer than an index entry may be.
create unique index baseline_line_once on stepgate.baseline_line (run_id, md5(line), occurrence);
create table stepgate.baseline_table (
  run_id text not null references stepgate.run (run_id),
  moment text not null check (moment in ('before', 'after')),
  table_name text not null,
  next_block bigint not null default 0,
  rows bigint not null default 0,
  hash_high numeric not null default 0,
  hash_low numeric not null default 0,
  done_at timestamptz,
  primary key (run_id, moment, table_name)
);

-- Rows that an undo found in a target and that were not the plan's own values: kept whole, counted, named in the report.
create schema if not exists stepgate_archive;
revoke all on schema stepgate_archive from public;
create table if not exists stepgate_archive.row (
  id bigint generated always as identity primary key,
  run_id text not null,
  plan text not null,
  transfer text not null,
  table_name text not null,
  key text not null,
  image jsonb not null,
  archived_at timestamptz not null default clock_timestamp()
);
create index if not exists row_transfer on stepgate_archive.row (plan, transfer, archived_at);
