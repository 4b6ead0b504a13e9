/** What waits while a statement holds its lock on a table (PostgreSQL, "Explicit Locking", table of conflicting lock modes). */
export const WAITS = {
  AccessShareLock: 'DDL that needs the table alone waits',
  RowShareLock: 'DDL that needs the table alone waits',
  RowExclusiveLock: 'writes to the same rows, index builds and DDL wait',
  ShareUpdateExclusiveLock: 'VACUUM, index builds and DDL wait',
  ShareLock: 'writes, VACUUM and DDL wait',
  ShareRowExclusiveLock: 'writes, VACUUM and DDL wait',
  ExclusiveLock: 'writes, VACUUM and DDL wait',
  AccessExclusiveLock: 'reads, writes, VACUUM and DDL wait',
} as const satisfies Record<string, string>;

export type Lock = keyof typeof WAITS;

/** The lock modes of LOCK TABLE by PostgreSQL's numbers, from 1. */
export const LOCK_MODES = Object.keys(WAITS) as readonly Lock[];
