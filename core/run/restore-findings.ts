import type { SnapshotPolicy } from './environment.ts';
import type { Finding } from './journal.ts';
import { type SwapFacts, whyOnlyPrepared } from './restore-wish.ts';
import type { RestorePolicy } from './restore-work.ts';

/** What a run is told beforehand of its last way back. */
export function restoreFindings(
  policies: { readonly restore: RestorePolicy; readonly snapshot: SnapshotPolicy },
  { isAsked, facts }: { readonly isAsked: boolean; readonly facts: Omit<SwapFacts, 'isAsked' | 'isFencedSince'> | null },
): readonly Finding[] {
  if (policies.snapshot === 'none' && !isAsked) return [];
  const source = 'rds:DescribeDBClusters, rds:DescribeDBInstances, pg_database, pg_replication_slots, the setting restore';
  const told = (status: Finding['status'], found: string, advice = ''): readonly Finding[] => [{ name: 'restore', status, found, advice, source }];
  if (policies.restore === 'none' || facts === null) {
    const found = 'this stack restores no snapshot by itself (restore: none)';
    return isAsked
      ? told(
          'fail',
          found,
          'undo the phases, or restore by hand what the report of the run that executed names; a stack restores with restore: prepare or swap',
        )
      : told('info', found);
  }
  // What is not fenced now may be when it comes to it.
  const obstacles = whyOnlyPrepared(policies.restore, { ...facts, isAsked, isFencedSince: true });
  if (obstacles.length === 0) {
    return isAsked
      ? told('info', 'the restored cluster gets the name of this one; every write since the snapshot stays in the old one, which is kept')
      : told('info', 'if the phases cannot be undone the snapshot is restored beside this cluster, and swapped in where no write is lost by it');
  }
  const found = `a restored cluster stands beside this one and is not swapped in: ${obstacles.join('; ')}`;
  return policies.restore === 'prepare' && !isAsked ? told('info', found) : told('warn', found, 'the report has the commands of the swap');
}
