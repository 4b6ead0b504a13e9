import { accountedFor } from './comparison.ts';
import { bytesInWords, counted } from './in-words.ts';
import type { Mode } from './mode.ts';
import { isSuccess } from './outcome.ts';
import { differencesIn, type Facts, failsIn, isProven } from './report-facts.ts';
import { isEqual } from './restore-facts.ts';
import { writtenMeanwhile } from './written-meanwhile.ts';

/** The lines that an operator reads first, whatever the mode. */
export const STAGES = ['pre-flight', 'validation', 'backup', 'executed', 'post-validation', 'cleanup'] as const;
export const STAGE_STATUSES = ['PASSED', 'FAILED', 'RUNNING', 'PENDING', 'SKIPPED'] as const;

export interface StageLine {
  readonly stage: (typeof STAGES)[number];
  readonly status: (typeof STAGE_STATUSES)[number];
  readonly detail: string;
}

/** One thing that a mode does, in running order, and whether the journal shows it done. */
interface Act {
  readonly stage: StageLine['stage'];
  readonly state: 'done' | 'failed' | 'open';
}

/** Pre-flight, validation, backup, executed, post-validation, cleanup: each with how far it came, and by what. */
export function stageLines(facts: Facts): readonly StageLine[] {
  const acts = actsOf(facts);
  const firstNotDone = acts.find((act) => act.state !== 'done')?.stage;
  return STAGES.map((stage) => {
    const own = acts.filter((act) => act.stage === stage);
    const status = stage === 'cleanup' ? cleanupStatus(facts) : stageStatus(own, { facts, isAtWork: stage === firstNotDone });
    return { stage, status, detail: detailOf(stage, facts, status) };
  });
}

function stageStatus(acts: readonly Act[], { facts, isAtWork }: { readonly facts: Facts; readonly isAtWork: boolean }): StageLine['status'] {
  if (acts.some((act) => act.state === 'failed')) return 'FAILED';
  if (acts.length > 0 && acts.every((act) => act.state === 'done')) return 'PASSED';
  if (facts.end === null) return acts.length === 0 && facts.run !== null ? 'SKIPPED' : isAtWork ? 'RUNNING' : 'PENDING';
  const failed = !isSuccess(facts.end.outcome, facts.run?.mode ?? 'dry-run');
  return failed && isAtWork ? 'FAILED' : 'SKIPPED';
}

/** What was done without an error may still have failed by what it found. */
function actsOf(facts: Facts): readonly Act[] {
  const { preflight, assess, snapshot, before, baseline, comparison, after, undo, run, restore } = facts;
  const judged = (fact: object | null, hasFailed: boolean): Act['state'] => (fact === null ? 'open' : hasFailed ? 'failed' : 'done');
  const names = run?.phases ?? [];
  const applied = names.every((name) => appliedPhases(facts).has(name));
  const modes = {
    preflight: { stage: 'pre-flight', state: judged(preflight, failsIn(preflight?.findings ?? []) > 0) },
    assess: { stage: 'validation', state: judged(assess, failsIn(assess?.checks ?? []) > 0) },
    snapshot: { stage: 'backup', state: snapshot?.status === 'available' ? 'done' : 'open' },
    validate: { stage: 'validation', state: judged(before, failsIn(before ?? []) > 0) },
    measure: { stage: 'validation', state: baseline === null ? 'open' : 'done' },
    execute: { stage: 'executed', state: comparison !== null || (applied && (names.length > 0 || facts.syncEnded !== null)) ? 'done' : 'open' },
    verify: {
      stage: 'post-validation',
      state: judged(comparison, comparison !== null && differencesIn(comparison) + failsIn(facts.targets?.findings ?? []) > 0),
    },
    judge: { stage: 'post-validation', state: judged(after, failsIn(after ?? []) > 0) },
    undo: { stage: 'executed', state: undo === null ? 'open' : 'done' },
    prove: { stage: 'post-validation', state: judged(undo, !isProven(undo)) },
    restore: { stage: 'executed', state: restore.end?.end === 'restored' ? 'done' : restore.end === null ? 'open' : 'failed' },
    compare: { stage: 'post-validation', state: judged(restore.verified, restore.verified !== null && !isEqual(restore.verified)) },
  } as const satisfies Record<string, Act>;
  const order = run === null ? (['preflight'] as const) : run.level === 3 ? RESTORE_ACTS : ACTS[run.mode];
  return order.filter((name) => name !== 'snapshot' || snapshot?.status !== 'none').map((name) => modes[name]);
}

/** A phase of transfers shows by them; the rest have entries of their own. */
function appliedPhases({ phases, transfers }: Facts): ReadonlySet<string> {
  return new Set([...phases, ...transfers].filter(({ direction }) => direction === 'up').map(({ phase }) => phase));
}

/** A rollback by the snapshot. */
const RESTORE_ACTS = ['preflight', 'restore', 'compare'] as const;

const ACTS = {
  'dry-run': ['preflight', 'assess', 'validate'],
  backup: ['preflight', 'assess', 'snapshot'],
  execute: ['preflight', 'assess', 'snapshot', 'validate', 'measure', 'execute', 'verify', 'judge'],
  verify: ['preflight', 'verify', 'judge'],
  rollback: ['preflight', 'undo', 'prove'],
  cleanup: ['preflight', 'snapshot', 'execute'],
} as const satisfies Record<Mode, readonly string[]>;

/** After a failure, what was done is taken back; after a migration the old side waits for a person. */
function cleanupStatus({ run, end, undo }: Facts): StageLine['status'] {
  if (run?.mode === 'cleanup') return end === null ? 'RUNNING' : end.outcome === 'passed' ? 'PASSED' : 'FAILED';
  if (run?.mode !== 'execute') return 'SKIPPED';
  if (end === null || end.outcome === 'migrated') return 'PENDING';
  if (end.outcome === 'rolled-back' || end.outcome === 'restored') return 'PASSED';
  return end.outcome === 'halted' || undo !== null ? 'FAILED' : 'SKIPPED';
}

function detailOf(stage: StageLine['stage'], facts: Facts, status: StageLine['status']): string {
  const { preflight, assess, before, after, snapshot, phases, transfers, comparison, undo, run, end, syncEnded, targets } = facts;
  switch (stage) {
    case 'pre-flight':
      return preflight === null
        ? ''
        : `${verdict(preflight.findings)}; PostgreSQL ${preflight.engineVersion}, ${bytesInWords(preflight.databaseBytes)}`;
    case 'validation':
      return assess === null && before === null ? '' : verdict([...(assess?.checks ?? []), ...(before ?? [])]);
    case 'backup':
      if (snapshot?.status === 'none') return snapshot.because;
      return snapshot === null
        ? ''
        : `snapshot ${snapshot.id}, ${snapshot.status}${snapshot.adoptedFrom === null ? '' : `, taken by ${snapshot.adoptedFrom}`}`;
    case 'executed': {
      const undone = phases.filter((phase) => phase.direction === 'undo').length;
      const applied = appliedPhases(facts).size;
      const rows = transfers.filter((transfer) => transfer.direction === 'up').reduce((sum, transfer) => sum + transfer.rows, 0);
      if (run?.level === 3)
        return facts.restore.begun === null ? '' : `${counted(facts.restore.steps.length, 'step')} of the restore of ${facts.restore.begun.snapshot}`;
      if (run?.mode === 'rollback') return undone === 0 ? '' : `${counted(undone, 'phase')} undone`;
      const moved = transfers.length === 0 ? '' : `, ${counted(rows, 'row')} moved`;
      const again = undone === 0 ? '' : `; ${counted(undone, 'phase')} undone again`;
      return applied === 0 && status !== 'FAILED' ? '' : `${share(applied, run?.phases.length ?? 0)}${moved}${again}`;
    }
    case 'post-validation':
      if (run?.level === 3) return restoreDetail(facts);
      if (run?.mode === 'rollback') return proofDetail(facts);
      if (comparison === null) return '';
      return [
        `${counted(comparison.transfers.length, 'transfer')} compared row by row, ${counted(differencesIn(comparison), 'difference')}${accountedFor(comparison.transfers)}`,
        ...(targets === null || failsIn(targets.findings) === 0 ? [] : [`${counted(failsIn(targets.findings), 'finding')} beside the rows failed`]),
        ...(after === null ? [] : [verdict(after)]),
      ].join('; ');
    case 'cleanup':
      if (run?.mode === 'cleanup') return syncEnded === null ? '' : `live sync of ${counted(syncEnded.transfers.length, 'transfer')} ended`;
      if (status === 'PENDING' && end !== null)
        return `the old tables${snapshot?.status === 'available' ? ' and the snapshot' : ''} are kept until "cleanup"`;
      return run?.mode !== 'execute' ? '' : undo === null && end?.outcome === 'halted' ? 'the way back stopped' : proofDetail(facts);
  }
}

function restoreDetail({ restore: { verified } }: Facts): string {
  if (verified === null) return '';
  const held = `${counted(verified.tables, 'table')} with ${counted(verified.rows, 'row')} of the restored database`;
  return isEqual(verified)
    ? `${held} are as before, by digest`
    : `${held}: ${counted(verified.differences.length, 'difference')} from before${verified.schemaEqual ? '' : ', the schema among them'}`;
}

function share(done: number, all: number): string {
  return done < all ? `${done} of ${counted(all, 'phase')}` : counted(done, 'phase');
}

function proofDetail({ undo }: Facts): string {
  if (undo === null) return '';
  const others = undo.meanwhile.length === 0 ? '' : `; ${writtenMeanwhile(undo.meanwhile)}`;
  if (!isProven(undo))
    return `${counted(undo.differences.length, 'difference')} from before${undo.schemaEqual ? '' : ', the schema among them'}${others}`;
  const rest = undo.meanwhile.length === 0 ? '' : 'the rest of ';
  return `${rest}schema and ${counted(undo.tables, 'table')} with ${counted(undo.rows, 'row')} are as before, by digest${others}`;
}

function verdict(results: readonly { readonly status: string }[]): string {
  if (results.length === 0) return 'no checks';
  const failed = failsIn(results);
  const warned = results.filter((result) => result.status === 'warn').length;
  return `${counted(results.length, 'check')}, ${failed} failed${warned === 0 ? '' : `, ${counted(warned, 'warning')}`}`;
}
