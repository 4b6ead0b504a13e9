import type { JournalEntry } from '../core/run/journal.ts';
import { entryKey, entryLines } from './entry-lines.ts';
import type { Moving } from './moved-rows.ts';

/** What an execution's history says happened; other events tell a reader nothing. */
export type RunEvent =
  | { readonly kind: 'entered'; readonly state: string }
  | { readonly kind: 'exited'; readonly state: string; readonly output: unknown }
  | { readonly kind: 'failed'; readonly sentence: string };

/** Turns events, with the journal as it is by then, into lines. */
export interface ProgressTeller {
  tell(event: RunEvent, journal: readonly JournalEntry[]): readonly string[];
  /** What is being done now. */
  readonly doing: string;
  /** The phase whose rows are on their way, or may be. */
  readonly moving: Moving | null;
}

/** States that move rows. */
const MOVES: Readonly<Record<string, Moving['direction']>> = { RunBackfill: 'up', UndoPhase: 'undo' };

/** States in plain words; those that only decide or wait have none. */
const STEPS: Readonly<Record<string, string>> = {
  LoadPlan: 'reading the plan',
  AcquireLock: 'taking the lock',
  Preflight: 'pre-flight: cluster and database',
  Assess: 'assessment: volumes and quality',
  CreateSnapshot: 'snapshot',
  AwaitSnapshot: 'snapshot',
  ValidateSource: 'checks before the first change',
  MeasureBefore: 'measuring the state of before, for the proof of an undo',
  RunPhase: 'phase',
  RunBackfill: 'phase',
  RunLong: 'phase',
  AwaitLong: 'phase',
  StartSync: 'live sync of phase',
  CatchUp: 'deriving again what the journal names',
  StopSync: 'ending live sync',
  VerifyTargetBefore: 'comparing every row before the cutover',
  RaiseFence: 'raising the fence: application writes are kept out',
  LowerFence: 'lowering the fence, where there is one',
  VerifyTarget: 'comparing every row, both directions',
  CompleteRun: 'recording that it is done',
  UndoPhase: 'undoing phase',
  VerifyUndo: 'proving that the database is as before',
  RestoreCluster: 'restoring the snapshot into a new cluster',
  CloseRun: 'closing the run',
  WriteReport: 'writing the report',
};

/** Rows before the checks on them; a phase's line after its transfers'. */
const RANKS: readonly JournalEntry['kind'][] = ['comparison', 'transfer', 'phase', 'checks'];

const OF_PHASES = ['phase', 'undoing phase', 'live sync of phase'];

/** @param transfers ids in the plan's order: entries of one state have one time, and no order of their own. */
export function progressTeller(transfers: readonly string[]): ProgressTeller {
  const shown = new Set<string>();
  const said = new Set<string>();
  let doing = '';
  let phase = '';
  let direction: Moving['direction'] | undefined;
  let lastFailure = '';
  return {
    get doing() {
      return doing;
    },
    get moving() {
      return direction === undefined ? null : { phase, direction };
    },
    tell(event, journal) {
      if (event.kind === 'failed') {
        // A state that is tried again may fail alike a dozen times.
        const isNews = event.sentence !== lastFailure;
        lastFailure = event.sentence;
        return isNews ? [`  failed: ${event.sentence}`] : [];
      }
      if (event.kind === 'entered') {
        direction = MOVES[event.state];
        const step = STEPS[event.state];
        if (step === undefined) return [];
        const next = OF_PHASES.includes(step) ? `${step} ${phase}` : step;
        if (next === doing) return [];
        doing = next;
        lastFailure = '';
        return [doing];
      }
      phase = phaseIn(event) ?? phase;
      const fresh = journal.filter((entry) => !shown.has(entryKey(entry)) && tells(event.state, entry, phase));
      for (const entry of fresh) shown.add(entryKey(entry));
      const rank = (entry: JournalEntry) => rankOf(entry, transfers);
      const lines = fresh.toSorted((a, b) => rank(a) - rank(b)).flatMap(entryLines);
      // The quality checks of the assessment run again behind the snapshot: the same finding is told once.
      const news = lines.filter((line) => !line.includes('rows are valid') || !said.has(line));
      for (const line of news) said.add(line);
      return news.map((line) => `  ${line}`);
    },
  };
}

/** In the order of work; an undo begins with the last transfer. */
function rankOf(entry: JournalEntry, transfers: readonly string[]): number {
  if (entry.kind !== 'transfer') return RANKS.indexOf(entry.kind) * transfers.length;
  const index = transfers.indexOf(entry.transfer);
  return entry.direction === 'up' ? index : -index;
}

/** NextStep and DecideRecovery name the phase that comes. */
function phaseIn({ state, output }: Extract<RunEvent, { kind: 'exited' }>): string | null {
  if (state !== 'NextStep' && state !== 'DecideRecovery') return null;
  const named = typeof output === 'object' && output !== null && 'phase' in output ? output.phase : null;
  return typeof named === 'string' ? named : null;
}

/** Whether a state is the one that writes such an entry. */
function tells(state: string, entry: JournalEntry, phase: string): boolean {
  switch (entry.kind) {
    case 'lock':
      return state === 'AcquireLock';
    case 'preflight':
      return state === 'Preflight';
    case 'assess':
      return state === 'Assess';
    case 'snapshot':
      return state === 'CreateSnapshot' || state === 'AwaitSnapshot';
    case 'checks':
      return entry.stage === 'before' ? state === 'ValidateSource' : state === 'VerifyTarget';
    case 'baseline':
      return state === 'MeasureBefore';
    case 'phase':
    case 'transfer':
      return (
        entry.phase === phase &&
        (entry.direction === 'undo' ? state === 'UndoPhase' : ['RunPhase', 'RunBackfill', 'RunLong', 'CatchUp'].includes(state))
      );
    case 'sync':
      return state === 'StartSync';
    case 'sync-ended':
      return state === 'StopSync';
    case 'comparison':
      return state === 'VerifyTarget' || state === 'VerifyTargetBefore';
    case 'undo-verified':
      return state === 'VerifyUndo';
    case 'restore':
    case 'restore-step':
    case 'restore-verified':
    case 'restore-ended':
      return state === 'RestoreCluster';
    default:
      return false;
  }
}
