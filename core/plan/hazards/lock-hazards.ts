import type { Lock } from './lock.ts';

/** One entry of the list of hazards. */
export interface Hazard {
  /** What it does, as the end of a sentence that begins with the statement or its part. */
  readonly what: string;
  /** The lock that makes others wait; null where the danger is no lock. */
  readonly lock: Lock | null;
  readonly safe: string;
}

const LATER_VALIDATION = 'add it NOT VALID, and VALIDATE CONSTRAINT in a later phase';

/** Statements that keep others waiting on a table that is in use. */
export const LOCK_HAZARDS = {
  TABLE_REWRITE: {
    what: 'writes the whole table anew, and its indexes',
    lock: 'AccessExclusiveLock',
    safe: 'make a new table of the wanted shape, and move the rows with a transfer',
  },
  COLUMN_TYPE_CHANGE: {
    what: 'changes a type that is in use: the table is read through or rewritten, its indexes too',
    lock: 'AccessExclusiveLock',
    safe: 'add a column of the new type beside the old one, or make a new table and move the rows with a transfer',
  },
  VOLATILE_DEFAULT: {
    what: 'may give each row another value, so that the whole table is rewritten',
    lock: 'AccessExclusiveLock',
    safe: 'add the column without a default, and set the default in a statement of its own, which concerns new rows only',
  },
  NOT_NULL_SCAN: {
    what: 'reads every row under the lock, and fails at the first NULL',
    lock: 'AccessExclusiveLock',
    safe: 'add "check (COLUMN is not null) not valid", validate it in a later phase, and set NOT NULL behind that: then no row is read',
  },
  REQUIRED_COLUMN: {
    what: 'is NOT NULL without a default: it fails where the table has rows, and so does every INSERT that does not name it',
    lock: 'AccessExclusiveLock',
    safe: 'give it a constant default, or add it without NOT NULL',
  },
  CHECK_SCAN: {
    what: 'is checked on every row under the lock',
    lock: 'AccessExclusiveLock',
    safe: LATER_VALIDATION,
  },
  FOREIGN_KEY_SCAN: {
    what: 'looks every row up in the other table, under a lock on both',
    lock: 'ShareRowExclusiveLock',
    safe: LATER_VALIDATION,
  },
  VALIDATED_TOO_EARLY: {
    what: 'reads every row while the phase still holds the lock of ADD CONSTRAINT',
    lock: 'AccessExclusiveLock',
    safe: 'put VALIDATE CONSTRAINT into a later phase',
  },
  CONSTRAINT_BUILDS_INDEX: {
    what: 'builds its index under the lock',
    lock: 'AccessExclusiveLock',
    safe: 'create a unique index concurrently in a phase of its own, and add the constraint USING INDEX in a later one',
  },
  FOREIGN_KEY_LOCKS: {
    what: 'keeps writes off the referenced table until the phase commits',
    lock: 'ShareRowExclusiveLock',
    safe: 'put it into a phase that takes milliseconds, and say so',
  },
  PARTITION_LOCKS: {
    what: 'locks the partitioned table, its partition or its default partition, and may read rows to prove the bounds',
    lock: 'AccessExclusiveLock',
    safe: 'fill a new partitioned table with a transfer; or let a valid CHECK prove the bounds first, and say so',
  },
  DOMAIN_CONSTRAINT: {
    what: 'is checked on every row of every table that uses the domain, and rewrites a table that gets it as a new column',
    lock: 'ShareLock',
    safe: 'put the check on the column of each table, NOT VALID at first',
  },
  INDEX_BLOCKS_WRITES: {
    what: 'builds the index while writes wait',
    lock: 'ShareLock',
    safe: 'write CREATE INDEX CONCURRENTLY, in a phase of such statements',
  },
  INDEX_DROP_BLOCKS: {
    what: 'waits for every query of the table, and every later query waits behind it',
    lock: 'AccessExclusiveLock',
    safe: 'write DROP INDEX CONCURRENTLY, in a phase of such statements',
  },
  REINDEX_BLOCKS_WRITES: {
    what: 'builds indexes anew while writes wait, and reads that would use them too',
    lock: 'ShareLock',
    safe: 'create a new index concurrently, and drop the old one concurrently in a later phase',
  },
  REFRESH_BLOCKS_READS: {
    what: 'keeps every reader out until it is filled',
    lock: 'AccessExclusiveLock',
    safe: 'give the view a unique index, and refresh it CONCURRENTLY',
  },
  TRIGGER_ADDED: {
    what: 'runs inside every write of the application from the commit on, which waits for it and fails with it',
    lock: 'ShareRowExclusiveLock',
    safe: 'put it into a phase that takes milliseconds, try its function on each kind of write first, and say so',
  },
  RULE_ADDED: {
    what: 'rewrites every query of the table from the commit on, unseen by whoever wrote the query',
    lock: 'AccessExclusiveLock',
    safe: 'change the queries themselves, or write a trigger',
  },
  CHANGE_WITHOUT_WHERE: {
    what: 'changes every row in one statement: its locks, dead rows and log are those of the whole table',
    lock: 'RowExclusiveLock',
    safe: 'move the rows with a transfer, which works in batches; or name the rows by their key',
  },
  WHOLE_TABLE_CHANGE: {
    what: 'may take a whole table in one statement, since no key names its rows',
    lock: 'RowExclusiveLock',
    safe: 'move the rows with a transfer, which works in batches; or name the rows by their key',
  },
  TRUNCATES_TABLE: {
    what: 'removes every row at once, and no undo brings one back',
    lock: 'AccessExclusiveLock',
    safe: 'leave the rows, and drop the table in a plan of its own when nothing reads it',
  },
  EXPLICIT_LOCK: {
    what: 'holds the table until the phase commits',
    lock: 'AccessExclusiveLock',
    safe: 'remove it, since each statement takes the lock that it needs',
  },
} as const satisfies Record<string, Hazard>;
