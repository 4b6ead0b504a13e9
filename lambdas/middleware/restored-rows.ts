import { baselines } from '../../adapters/baselines.ts';
import { installLedger } from '../../adapters/ledger-install.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { restoredDatabase } from '../../adapters/restored-database.ts';
import { ledgerLock } from '../../adapters/run-lock.ts';
import type { SqlSession } from '../../adapters/sql-session.ts';
import { RunId } from '../../core/ids.ts';
import { rangeEnd } from '../../core/run/block-ranges.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import type { JournalEntry, TableDigest } from '../../core/run/journal.ts';
import { isEqual } from '../../core/run/restore-facts.ts';
import type { RestoreWork } from '../../core/run/restore-work.ts';
import { workingTime } from '../../core/run/working-time.ts';
import type { StatePorts } from './ports.ts';

type Verified = Extract<JournalEntry, { kind: 'restore-verified' }>;

export interface Restored {
  readonly run: ChangingRun;
  readonly now: Date;
  readonly work: RestoreWork;
  readonly resourceId: string;
}

/**
 * Holds the rows and the schema of a restored database against the digests in the journal of the run that took them; null when the time is over.
 *
 * The database's own ledger is told whose it is: its lock is the one that was held when the snapshot was taken. It is given back unless the
 * cluster is about to be swapped in.
 */
export async function verifyRestored(
  deps: Pick<StatePorts, 'journal' | 'clockMs'>,
  session: SqlSession,
  restored: Restored,
): Promise<Verified | null> {
  const { run, now, work, resourceId } = restored;
  await installLedger(session);
  await restoredDatabase(session).takeOver(run, work.snapshot);
  if (!(await measured(session, run, workingTime(deps.clockMs)))) return null;
  const baseline = (await deps.journal.readAll(RunId.parse(work.base))).findLast((entry) => entry.kind === 'baseline');
  const [tables, schemaDigest] = await Promise.all([baselines(session).tables(run.id, 'after'), restoredDatabase(session).schemaDigest()]);
  const verified: Verified = {
    kind: 'restore-verified',
    at: now.toISOString(),
    resourceId,
    schemaEqual: schemaDigest === baseline?.schemaDigest,
    tables: tables.length,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    differences: differences(baseline?.tables ?? [], tables),
  };
  if (work.mode === 'prepare' || !isEqual(verified)) {
    await planLedger(session).close(run.id, { outcome: 'halted', sentence: `restored from ${work.snapshot}, and not swapped in by the run` });
    await ledgerLock(session).release(run.id, run.token);
  }
  return verified;
}

async function measured(session: SqlSession, run: ChangingRun, time: { isOver(): boolean }): Promise<boolean> {
  const digests = baselines(session);
  await digests.begin(run, run.id, 'after');
  for (let gap = await digests.gap(run.id, 'after'); gap !== null; gap = await digests.gap(run.id, 'after')) {
    if (time.isOver()) return false;
    await digests.measure(run, run.id, { ...gap, moment: 'after', toBlock: rangeEnd(gap) });
  }
  return true;
}

function differences(before: readonly TableDigest[], after: readonly TableDigest[]): Verified['differences'] {
  const said = (table: TableDigest | undefined) => (table === undefined ? 'not there' : `${table.rows} rows ${table.digest}`);
  const names = [...new Set([...before, ...after].map(({ table }) => table))];
  return names
    .map((name) => ({ what: name, before: said(before.find(({ table }) => table === name)), after: said(after.find(({ table }) => table === name)) }))
    .filter((one) => one.before !== one.after);
}
