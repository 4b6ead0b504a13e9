import type { Hazard } from './lock-hazards.ts';

/** Statements that break what runs beside them, lose something, or mean another thing than they seem to. */
export const MEANING_HAZARDS = {
  DROPPED_IN_USE: {
    what: 'takes away what was there before the plan: running code may use it, and what it held is gone',
    lock: 'AccessExclusiveLock',
    safe: 'leave it, and drop it in a plan of its own when nothing uses it any more',
  },
  RENAMED_IN_USE: {
    what: 'breaks every query with the old name from the commit on',
    lock: 'AccessExclusiveLock',
    safe: 'make the new one beside the old one, move its readers, and drop the old one in a later plan',
  },
  DROP_CASCADE: {
    what: 'takes everything along that depends on it, unnamed',
    lock: 'AccessExclusiveLock',
    safe: 'drop each thing by its name, without CASCADE',
  },
  NOT_NULL_DROPPED: {
    what: 'lets NULL in where readers rely on a value',
    lock: 'AccessExclusiveLock',
    safe: 'make every reader ready for NULL first, and say so',
  },
  DEFAULT_DROPPED: {
    what: 'leaves an INSERT that does not name the column with NULL, or with an error',
    lock: 'AccessExclusiveLock',
    safe: 'make every writer name the column first, and say so',
  },
  CONSTRAINT_DROPPED: {
    what: 'lets rows in that it kept out; that of a foreign key locks the table that it names as well',
    lock: 'AccessExclusiveLock',
    safe: 'leave it; or add the one that takes its place NOT VALID, validate it in a later phase, and drop the old one behind that, and say so',
  },
  TRIGGER_SWITCHED_OFF: {
    what: 'lets every session write without what it checks, copies or logs; and what was written meanwhile stays so',
    lock: 'ShareRowExclusiveLock',
    safe: 'leave it on; a transfer that must not fire it writes into a table of the plan, which has none',
  },
  ENUM_VALUE_ADDED: {
    what: 'cannot be undone, since PostgreSQL has no DROP VALUE',
    lock: null,
    safe: 'use text with a CHECK, or a table of values',
  },
  ENUM_VALUE_TOO_EARLY: {
    what: 'is used in the transaction that adds it, which PostgreSQL refuses',
    lock: null,
    safe: 'add the value in an earlier phase',
  },
  FOREIGN_KEY_WITHOUT_INDEX: {
    what: 'has no index of this plan that begins with its columns, so that each DELETE of a referenced row reads the whole table',
    lock: null,
    safe: 'create one, concurrently where the table has rows; or name the index that is there',
  },
  SLEEP: {
    what: 'waits with every lock of its transaction in hand',
    lock: null,
    safe: 'remove it',
  },
  HIDDEN_STATEMENTS: {
    what: 'runs statements that are made at run time, so that nothing can be said of them',
    lock: null,
    safe: 'write the statements out',
  },
  NOT_IN_QUERY: {
    what: 'compares every pair of rows, and finds nothing beside a NULL',
    lock: null,
    safe: 'write "not exists (select …)"',
  },
  SELECT_STAR: {
    what: 'follows whatever the table looks like when it runs',
    lock: null,
    safe: 'name each column',
  },
  LIMIT_WITHOUT_ORDER: {
    what: 'takes any rows, and others the next time',
    lock: null,
    safe: 'add ORDER BY a unique key, or remove it',
  },
  NARROWING_CAST: {
    what: 'cuts or rounds a value without a word, or fails on one that does not fit',
    lock: null,
    safe: 'keep the wide type, or prove in a check of before.sql that every value fits',
  },
  VOID_RESULT: {
    what: 'gives no value, so that there is nothing to check or to carry over',
    lock: null,
    safe: 'remove it',
  },
  TIMESTAMP_WITHOUT_ZONE: {
    what: 'keeps a time of day whose zone is that of whichever session wrote it',
    lock: null,
    safe: 'use timestamptz, or name the zone with AT TIME ZONE',
  },
  CHAR_COLUMN: {
    what: 'is filled up with spaces, which a comparison then ignores',
    lock: null,
    safe: 'use text, with a CHECK of its length where there is a rule',
  },
  SERIAL_COLUMN: {
    what: 'has a sequence with rights of its own, which grants and copies forget',
    lock: null,
    safe: 'write "generated always as identity"',
  },
  JSON_COLUMN: {
    what: 'has no equality, so that DISTINCT, GROUP BY and UNION over it fail',
    lock: null,
    safe: 'use jsonb',
  },
  SMALL_KEY: {
    what: 'ends at 2,147,483,647 or sooner, and widening it rewrites the table',
    lock: null,
    safe: 'use bigint or uuid',
  },
  NAME_CUT: {
    what: 'is longer than 63 bytes, and PostgreSQL cuts the rest off without an error',
    lock: null,
    safe: 'shorten it',
  },
  TRIGGER_SEARCH_PATH: {
    what: 'finds its tables by the search path of whoever writes the row',
    lock: null,
    safe: `add "set search_path = ''", and write each name with its schema`,
  },
  DEFINER_SEARCH_PATH: {
    what: `runs with its owner's rights on whatever the caller's search path finds`,
    lock: null,
    safe: `add "set search_path = ''", write each name with its schema, and revoke EXECUTE from PUBLIC`,
  },
  GRANT_TO_PUBLIC: {
    what: 'gives the right to every role, also to those that are made later',
    lock: null,
    safe: 'grant it by name to the roles that need it',
  },
  ROW_SECURITY_WITHOUT_POLICY: {
    what: 'hides every row from every role but the owner, since the plan has no policy for the table',
    lock: null,
    safe: 'create its policies in the same phase; or name those that are there',
  },
  ROW_SECURITY_GAP: {
    what: 'leaves commands without a policy, and those find no rows',
    lock: null,
    safe: 'create a policy for each of SELECT, INSERT, UPDATE and DELETE',
  },
  ROW_SECURITY_BYPASS: {
    what: 'shows all rows of a table with row-level security to whoever may read the view',
    lock: null,
    safe: 'create a view with (security_invoker = true)',
  },
  ROW_SECURITY_FORCED: {
    what: 'filters the owner too, so that the run no longer sees every row and can prove nothing',
    lock: null,
    safe: 'leave FORCE out, and let the application use a role that is not the owner',
  },
  ROW_SECURITY_DISABLED: {
    what: 'shows every row to every role that may read the table',
    lock: 'AccessExclusiveLock',
    safe: 'leave it on, and change its policies',
  },
  POLICY_WITHOUT_EFFECT: {
    what: 'filters nothing, since the plan creates the table and never enables its row-level security',
    lock: null,
    safe: 'add ALTER TABLE … ENABLE ROW LEVEL SECURITY',
  },
} as const satisfies Record<string, Hazard>;
