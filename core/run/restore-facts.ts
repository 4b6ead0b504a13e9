import type { JournalEntry } from './journal.ts';
import type { RestoreProgress } from './restore-step.ts';

type Kind = JournalEntry['kind'];
type Entry<K extends Kind> = Extract<JournalEntry, { kind: K }>;

/** What a journal says of a restore; the last entry of each kind counts. */
export interface RestoreFacts {
  readonly begun: Entry<'restore'> | null;
  /** In the order in which they were begun. */
  readonly steps: readonly Entry<'restore-step'>[];
  readonly verified: Entry<'restore-verified'> | null;
  readonly confirmed: Entry<'restore-confirmed'> | null;
  readonly failure: Entry<'restore-failure'> | null;
  readonly end: Entry<'restore-ended'> | null;
}

export function restoreFacts(entries: readonly JournalEntry[]): RestoreFacts {
  const all = <K extends Kind>(kind: K) => entries.filter((entry): entry is Entry<K> => entry.kind === kind);
  const last = <K extends Kind>(kind: K): Entry<K> | null => all(kind).at(-1) ?? null;
  return {
    begun: last('restore'),
    steps: all('restore-step'),
    verified: last('restore-verified'),
    confirmed: last('restore-confirmed'),
    failure: last('restore-failure'),
    end: last('restore-ended'),
  };
}

/** A verified database is one whose every row is as before. */
export function isEqual({ schemaEqual, differences }: Entry<'restore-verified'>): boolean {
  return schemaEqual && differences.length === 0;
}

export function progressOf({ begun, steps, verified, confirmed, failure }: RestoreFacts, now: Date): RestoreProgress {
  const since = steps.at(-1)?.at ?? begun?.at ?? now.toISOString();
  return {
    verified: verified && { resourceId: verified.resourceId, isEqual: isEqual(verified) },
    isConfirmed: confirmed !== null,
    isSwapping: steps.some(({ step }) => step === 'rename-cluster'),
    failure: failure?.because ?? null,
    quietMs: now.getTime() - Date.parse(since),
  };
}

/** The snapshot from before the first change and the run whose digests say what was before; null where none was taken. */
export function restorePoint(
  run: string,
  entries: readonly JournalEntry[],
): { readonly snapshot: string; readonly base: string; readonly requestedAt: string | null } | null {
  const lock = entries.findLast((entry) => entry.kind === 'lock')?.base ?? null;
  const snapshot = entries.findLast((entry) => entry.kind === 'snapshot');
  const baseline = entries.findLast((entry) => entry.kind === 'baseline');
  if (snapshot?.status === 'available' && baseline !== undefined)
    return { snapshot: snapshot.id, base: baseline.adoptedFrom ?? run, requestedAt: snapshot.requestedAt };
  if (snapshot !== undefined || lock === null || lock.snapshotId === null) return null;
  return { snapshot: lock.snapshotId, base: lock.run, requestedAt: null };
}

/** Applications have been kept out since before the snapshot was asked for, by this run's own journal: one clock. */
export function isFencedSince(requestedAt: string | null, entries: readonly JournalEntry[]): boolean {
  const fence = entries.filter((entry) => entry.kind === 'fence');
  const last = fence.at(-1);
  return (
    requestedAt !== null &&
    last?.status === 'up' &&
    fence.some(({ status, at }) => status === 'up' && Date.parse(at) < Date.parse(requestedAt)) &&
    !fence.some(({ status }) => status === 'lowered')
  );
}
