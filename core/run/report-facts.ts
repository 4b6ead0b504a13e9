import type { CheckResult, JournalEntry } from './journal.ts';
import { type RestoreFacts, restoreFacts } from './restore-facts.ts';

type Kind = JournalEntry['kind'];
export type Entry<K extends Kind> = Extract<JournalEntry, { kind: K }>;

/** A journal by kind. A run that ended early has few of these; one that is at work, or was killed, has no `end`. */
export interface Facts {
  readonly run: Entry<'run'> | null;
  readonly lock: Entry<'lock'> | null;
  readonly preflight: Entry<'preflight'> | null;
  readonly assess: Entry<'assess'> | null;
  readonly snapshot: Entry<'snapshot'> | null;
  readonly baseline: Entry<'baseline'> | null;
  readonly before: readonly CheckResult[] | null;
  readonly after: readonly CheckResult[] | null;
  /** In the order in which they ended. */
  readonly phases: readonly Entry<'phase'>[];
  readonly transfers: readonly Entry<'transfer'>[];
  /** Sides from which changes were carried to the other, in the order in which that began. */
  readonly sync: readonly Entry<'sync'>[];
  /** In the order in which their phases were undone. */
  readonly leftBehind: readonly Entry<'left-behind'>[];
  readonly syncEnded: Entry<'sync-ended'> | null;
  /** After the last phase. */
  readonly comparison: Entry<'comparison'> | null;
  /** Of what was applied before the application might write on the new side. */
  readonly comparisonBeforeCutover: Entry<'comparison'> | null;
  /** What stands beside the targets' rows. */
  readonly targets: Entry<'targets'> | null;
  /** In the order in which they were put away. */
  readonly kept: readonly Entry<'kept'>[];
  /** In the order in which it went up and down. */
  readonly fence: readonly Entry<'fence'>[];
  readonly undo: Entry<'undo-verified'> | null;
  /** Executions that went on for the run after its own had died, in their order. */
  readonly recoveries: readonly Entry<'recovery'>[];
  readonly restore: RestoreFacts;
  readonly end: Entry<'outcome'> | null;
}

/** Sorts entries by kind; of what is told twice the last counts. */
export function factsOf(entries: readonly JournalEntry[]): Facts {
  const all = <K extends Kind>(kind: K) => entries.filter((entry): entry is Entry<K> => entry.kind === kind);
  const last = <K extends Kind>(kind: K): Entry<K> | null => all(kind).at(-1) ?? null;
  const checks = all('checks');
  return {
    run: last('run'),
    lock: last('lock'),
    preflight: last('preflight'),
    assess: last('assess'),
    snapshot: last('snapshot'),
    baseline: last('baseline'),
    before: checks.findLast((entry) => entry.stage === 'before')?.checks ?? null,
    after: checks.findLast((entry) => entry.stage === 'after')?.checks ?? null,
    phases: all('phase'),
    transfers: all('transfer'),
    sync: all('sync'),
    leftBehind: all('left-behind'),
    syncEnded: last('sync-ended'),
    comparison: all('comparison').findLast((entry) => entry.stage === 'after') ?? null,
    comparisonBeforeCutover: all('comparison').findLast((entry) => entry.stage === 'before-cutover') ?? null,
    targets: last('targets'),
    kept: all('kept'),
    fence: all('fence'),
    undo: last('undo-verified'),
    recoveries: all('recovery'),
    restore: restoreFacts(entries),
    end: last('outcome'),
  };
}

/** Rows that are missing, extra or different in any compared transfer. */
export function differencesIn(comparison: Entry<'comparison'>): number {
  return comparison.transfers.reduce((sum, { missing, extra, different }) => sum + missing + extra + different, 0);
}

/** Whether every phase is undone and what an undo has to bring back is as before. */
export function isProven(undo: Pick<Entry<'undo-verified'>, 'schemaEqual' | 'differences'> | null): boolean {
  return undo?.schemaEqual === true && undo.differences.length === 0;
}

export function failsIn(results: readonly { readonly status: string }[]): number {
  return results.filter((result) => result.status === 'fail').length;
}

/** Whether applications are kept out by what the journal says last. */
export function isFenceUp({ fence }: Pick<Facts, 'fence'>): boolean {
  const last = fence.at(-1)?.status;
  return last !== undefined && last !== 'lowered' && last !== 'refused';
}
