/** The Data API takes 65,536 characters of SQL in one call (its quotas); the rest is for what a run writes around a statement. */
export const DIRECT_CALL_CHARACTERS = 50_000;

/** A phase goes to the ledger as one request of at most 4 MiB (Data API quotas), in which quoting may double its size. */
export const PHASE_FILE_BYTES = 2_000_000;
