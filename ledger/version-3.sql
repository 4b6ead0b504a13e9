-- Version 3: live sync. It may run again.

-- What the sync's triggers could not do, or may not have done for good, by key. Entries that a repair takes: 'removed', 'isolation',
-- 'failed', 'suppressed'; entries that stay until the plan is cleaned up: 'not-carried'.
create table if not exists stepgate.sync_journal (
  id bigint generated always as identity primary key,
  plan text not null,
  transfer text not null,
  -- Which side was written to.
  side text not null check (side in ('source', 'target')),
  -- The key's text (core/transfer/key-text.ts); null where the whole table is meant.
  key text,
  op text not null check (op in ('insert', 'update', 'delete', 'truncate')),
  reason text not null check (reason in ('removed', 'isolation', 'failed', 'suppressed', 'not-carried')),
  -- Which columns were changed; null is all.
  columns text[],
  -- The mapped values before and after; json keeps what jsonb refuses.
  old json,
  new json,
  sql_state text,
  at timestamptz not null default clock_timestamp(),
  xid xid8 not null default pg_current_xact_id()
);
-- Of an 'insert' that was a change of the key: what the key was before, as text.
alter table stepgate.sync_journal add column if not exists moved_from text;
create index if not exists sync_journal_moves on stepgate.sync_journal (plan, transfer, moved_from) where moved_from is not null;
create index if not exists sync_journal_key on stepgate.sync_journal (plan, transfer, key);

-- Whose triggers stand: a row for each transfer and side.
create table if not exists stepgate.sync (
  plan text not null,
  phase text not null,
  transfer text not null,
  side text not null check (side in ('source', 'target')),
  installed_at timestamptz not null default clock_timestamp(),
  -- When every transaction had ended that was open at the installation; until then a write may have passed the triggers by.
  settled_at timestamptz,
  -- What the target key's default was before it drew from the source's sequence; '' where there was none, null where nothing was changed.
  old_default text,
  -- What of the transfer goes back, by the values that were there (core/transfer/carried-columns.ts).
  carried jsonb not null default '[]',
  -- The trigger functions of the phase's side, quoted.
  functions text[] not null default '{}',
  installed_xid xid8 not null default pg_current_xact_id(),
  primary key (plan, transfer, side)
);

-- When its triggers were made to do nothing, because the sync ends; what the journal holds since is no longer all that was written.
alter table stepgate.sync add column if not exists silenced_at timestamptz;

-- One column that both sides changed: both values are kept, the later one is in force.
create table if not exists stepgate.conflict (
  id bigint generated always as identity primary key,
  plan text not null,
  transfer text not null,
  key text not null,
  column_name text not null,
  source_value json,
  target_value json,
  kept text not null check (kept in ('source', 'target')),
  at timestamptz not null default clock_timestamp()
);
create index if not exists conflict_transfer on stepgate.conflict (plan, transfer);

-- Rows of the source that are not in the target, each with its reason and its original.
create table if not exists stepgate.quarantine (
  plan text not null,
  transfer text not null,
  key text not null,
  reason text not null,
  original json not null,
  at timestamptz not null default clock_timestamp(),
  primary key (plan, transfer, key)
);

-- Row images: which tables a phase's `protect` copies rows of. stepgate.image_<id> holds the rows; it goes with this row.
create table if not exists stepgate.image (
  id bigint generated always as identity primary key,
  plan text not null,
  phase text not null,
  table_oid oid not null,
  -- The table's columns by number, since a statement may rename them, and their names in the copy.
  columns smallint[] not null,
  names text[] not null,
  -- The primary key's columns, and the operators by which it compares them.
  key_names text[] not null,
  key_operators text[] not null,
  -- The triggers' rows of the catalog: another place means that a statement switched them off for a while.
  triggers text not null default '',
  unique (plan, phase, table_oid)
);

-- What others had written where an undo would have put a row image back: theirs stays in force, both are kept.
create table if not exists stepgate_archive.value (
  id bigint generated always as identity primary key,
  run_id text not null,
  plan text not null,
  phase text not null,
  table_name text not null,
  key text not null,
  -- As it may leave the database.
  shown_key text not null,
  -- Null is the whole row.
  column_name text,
  -- As it was before the phase, and as it stays; null where there is no row.
  before json,
  kept json,
  archived_at timestamptz not null default clock_timestamp()
);

-- These have other parameters now.
drop function if exists stepgate.run_phase(text, bigint, text, text, integer, text, jsonb, jsonb);

-- Why a repair could not derive an entry's key again, and when it last tried.
alter table stepgate.sync_journal
  add column if not exists refused_at timestamptz,
  add column if not exists refused text,
  -- Which of the transfer's lookups the entry is about, from 1: `old` and `new` are then arrays of its rows as text, and the key is null.
  add column if not exists lookup integer,
  -- Transactions with lower numbers may have read what an entry without a key is about as it was before.
  add column if not exists seen_xid xid8,
  -- A repair made it of an entry without a key.
  add column if not exists is_spread boolean not null default false;

-- Copies: a cursor for each key range that is copied at once; an undo has one. What went to the quarantine, and how long others were given way.
alter table stepgate.transfer
  add column if not exists range_number integer not null default 0,
  -- Where the range ends, last_key being where it began until it moves; null is open.
  add column if not exists upper_key text,
  -- Rows that the mapping gave, where the transfer has a quarantine: beside a sync some of them were there before the batch.
  add column if not exists mapped bigint not null default 0,
  add column if not exists quarantined bigint not null default 0,
  add column if not exists paused_ms bigint not null default 0,
  -- Why the next batch waits; null while it does not.
  add column if not exists pausing_for text;
if (select cardinality(conkey) from pg_constraint where conrelid = 'stepgate.transfer'::regclass and contype = 'p') = 4 then
  alter table stepgate.transfer drop constraint transfer_pkey, add primary key (plan, phase, transfer, direction, range_number);
end if;
drop function if exists stepgate.run_batch(text, bigint, text, text, text, text, integer, text, text, text, text);
drop function if exists stepgate.in_range(text, text, text);
drop function if exists stepgate.changed_columns(json, json);

-- What a run that is on its way back had come to (core/run/recovery-step.ts): one that dies there is brought to the end of it.
alter table stepgate.run add column if not exists undo_stage text;

-- The fence: what keeps the application's writes out of the database while a phase with `fence: true` and what follows it run.
create table if not exists stepgate.fence (
  plan text primary key,
  run_id text not null,
  raised_at timestamptz not null default clock_timestamp(),
  -- Transactions that began before this moment may have begun before the fence; null until its raising is committed.
  watched_from timestamptz,
  -- Since when nobody but the migrator and whom nobody can touch writes; null until the last older transaction has ended.
  up_at timestamptz
);
-- Objects from whose access lists something was taken, in the transaction that took it. By object, because a phase behind the fence may rename it.
create table if not exists stepgate.fence_object (
  plan text not null references stepgate.fence (plan) on delete cascade,
  kind text not null check (kind in ('table', 'sequence', 'schema', 'routine')),
  object oid not null,
  name text not null,
  -- The access lists of before as PostgreSQL writes them, each item with its grantor, for people.
  former text,
  primary key (plan, kind, object)
);
-- Their entries by which somebody could write, one for each privilege.
create table if not exists stepgate.fence_entry (
  plan text not null,
  kind text not null,
  object oid not null,
  -- A column's number; 0 is the whole object.
  part smallint not null,
  grantor oid not null,
  -- 0 is PUBLIC.
  grantee oid not null,
  privilege text not null,
  is_grantable boolean not null,
  -- 'taken' is to come back; 'given', so that the run itself can go on writing, is to go; 'left' was not touched.
  change text not null check (change in ('taken', 'given', 'left')),
  primary key (plan, kind, object, part, grantor, grantee, privilege, is_grantable),
  foreign key (plan, kind, object) references stepgate.fence_object (plan, kind, object) on delete cascade
);
-- Roles that could write all the same, and why: they do not log in while the fence is up.
create table if not exists stepgate.fence_role (
  plan text not null references stepgate.fence (plan) on delete cascade,
  role oid not null,
  name text not null,
  why text not null,
  could_login boolean not null,
  primary key (plan, role)
);

-- Tables that get other names while sync lives.
alter table stepgate.sync
  -- The tables by whose names the transfer's functions are written, quoted: source, target, lookups. Empty is not known.
  add column if not exists tables text[] not null default '{}',
  -- Which run is about to rename them, and since when it waits for older transactions.
  add column if not exists renaming_run text,
  add column if not exists renaming_at timestamptz,
  add column if not exists renaming_xid xid8;
drop function if exists stepgate.run_phase(text, bigint, text, text, integer, text, jsonb, jsonb, jsonb);
drop function if exists stepgate.undo_phase(text, bigint, text, text, jsonb, boolean, jsonb);
