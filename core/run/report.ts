import * as z from 'zod';
import { PlanDigest, PlanId, RunId } from '../ids.ts';
import {
  AcceptedHazard,
  CheckResult,
  Conflict,
  FenceDown,
  FenceGoingUp,
  FenceKept,
  FenceUp,
  Finding,
  type JournalEntry,
  KeptValue,
  NoSnapshot,
  NotCarried,
  TableDigest,
  TableVolume,
  TakenSnapshot,
  TransferComparison,
} from './journal.ts';
import { Mode } from './mode.ts';
import { exitCode, Outcome } from './outcome.ts';
import { differencesIn, type Entry, type Facts, factsOf } from './report-facts.ts';
import { nextActions } from './report-next.ts';
import { Level, levelTimes, RestoreReport, restoreReport } from './report-restored.ts';
import { STAGE_STATUSES, STAGES, stageLines } from './report-stages.ts';
import { PLAIN_PLACE, RunPlace } from './run-place.ts';

const at = z.iso.datetime();
const int = z.number().int();
const Failure = z.object({ error: z.string(), sentence: z.string() });
const direction = z.enum(['up', 'undo']);
const Difference = z.object({ what: z.string(), before: z.string(), after: z.string() });

/** What a run did and found, in one document; each line comes from a fact of the journal. Null stands for what the run did not come to. */
export const Report = z.object({
  format: z.literal(1),
  /** `embedded`: the local engine, whose clock jumps over waits; times and the run's duration are that clock's. Elsewhere time is real. */
  place: RunPlace.shape.kind,
  /** Null when the run was refused before its plan was known. */
  run: z
    .object({
      id: RunId,
      executionArn: z.string(),
      plan: PlanId,
      digest: PlanDigest,
      mode: Mode,
      title: z.string(),
      phases: z.array(z.string()),
      /** The digest of differences that a rollback was told to accept. */
      accept: z.string().nullable(),
      /** The phase that a rollback was told to go back to. */
      to: z.string().nullable(),
      /** When the plan's window ends; null where it has none. */
      deadline: at.nullable(),
      /** How a rollback was asked to go back; null for another mode. */
      level: z.union([z.literal(2), z.literal(3)]).nullable(),
      startedAt: at,
      endedAt: at.nullable(),
      durationMs: z.number().nullable(),
    })
    .nullable(),
  /** `failure` is the first error, which no later one hides. Null while the run has no outcome. */
  outcome: z
    .object({
      outcome: Outcome,
      exitCode: int,
      sentence: z.string(),
      failure: Failure.nullable(),
      laterFailures: z.array(Failure),
      /** The newest phase that a way back left in place; null where it left none, or went nowhere. */
      kept: z.string().nullable(),
    })
    .nullable(),
  stages: z.array(z.object({ stage: z.enum(STAGES), status: z.enum(STAGE_STATUSES), detail: z.string() })),
  /** `differences`: rows missing, extra or different; null when nothing was compared. */
  totals: z.object({ checks: z.object({ pass: int, fail: int, warn: int, info: int }), rowsMoved: int, differences: int.nullable() }),
  lock: z
    .object({
      token: int,
      takenOverFrom: z.string().nullable(),
      planState: z.string(),
      /** The earlier run whose state of before is in force, with its snapshot. */
      base: z.object({ run: z.string(), snapshotId: z.string().nullable() }).nullable(),
    })
    .nullable(),
  /** Executions that went on for the run after its own had died; `left` to a newer run, or `given-up` after the last of them. */
  recoveries: z.array(
    z.object({ number: int, by: z.string(), executionArn: z.string(), status: z.enum(['begun', 'left', 'given-up']), at, because: z.string() }),
  ),
  preflight: z.object({ engineVersion: z.string(), databaseBytes: int, findings: z.array(Finding) }).nullable(),
  assessment: z.object({ tables: z.array(TableVolume), checks: z.array(CheckResult) }).nullable(),
  snapshot: z.discriminatedUnion('status', [TakenSnapshot, NoSnapshot]).nullable(),
  before: z.array(CheckResult).nullable(),
  /** What an undo is held against. */
  baseline: z.object({ schemaDigest: z.string(), tables: z.array(TableDigest), adoptedFrom: z.string().nullable() }).nullable(),
  /** In the order in which they ended; an undone phase is there twice. `enteredAt`: when the state that ended it was entered for the last time. */
  phases: z.array(
    z.object({ phase: z.string(), ordinal: int, direction, statements: int, durationMs: z.number(), enteredAt: at, checks: z.array(CheckResult) }),
  ),
  transfers: z.array(
    z.object({
      phase: z.string(),
      transfer: z.string(),
      direction,
      from: z.string(),
      into: z.string(),
      rows: int,
      batches: int,
      durationMs: z.number(),
      /** Null for what took no measurable time. */
      rowsPerSecond: int.nullable(),
    }),
  ),
  /** Every row and column of each transfer, in both directions; of a run that came no further, those that were compared before the cutover. */
  comparison: z.array(TransferComparison).nullable(),
  /** Sequences, foreign keys, indexes, grants and row-level security of the targets. */
  targets: z.array(Finding).nullable(),
  after: z.array(CheckResult).nullable(),
  /** What kept application writes out, in the order in which it went up and down. */
  fence: z.array(
    z.discriminatedUnion('status', [
      z.object({ at, ...FenceGoingUp.shape }),
      z.object({ at, ...FenceUp.shape }),
      z.object({ at, ...FenceDown.shape }),
      z.object({ at, ...FenceKept.shape }),
    ]),
  ),
  /** The proof that the database is as before. */
  undo: z
    .object({
      schemaEqual: z.boolean(),
      tables: int,
      rows: int,
      differences: z.array(Difference),
      /** What the application wrote while the plan was in force, where the plan wrote nothing; it is no difference, and is kept. */
      meanwhile: z.array(Difference),
      /** The digest by which an operator may accept the differences. */
      acceptance: z.string().nullable(),
    })
    .nullable(),
  /** The snapshot's restore into a cluster of its own. */
  restore: RestoreReport.nullable(),
  /** How long each way back took: 2 undoes the phases, 3 restores the snapshot. */
  levels: z.array(Level),
  /** Rows that an undo kept in schema stepgate_archive, since the plan cannot make them again; `of` is the table that they were rows of. */
  archived: z.array(z.object({ phase: z.string(), transfer: z.string(), of: z.string(), table: z.string(), rows: int })),
  /** Columns that both sides changed while live sync stood, as an undo found them in stepgate.conflict. */
  conflicts: z.array(z.object({ phase: z.string(), ...Conflict.shape })),
  /** What the new side wrote and the old side does not have after an undo. */
  notCarried: z.array(z.object({ phase: z.string(), ...NotCarried.shape })),
  /** Rows of tables and columns that the plan had made and no transfer had filled; an undo put them into stepgate_archive.row. */
  kept: z.array(z.object({ phase: z.string(), table: z.string(), rows: int })),
  /** Rows, and columns of rows, of protected tables that an undo left as others wrote them; what was before is in stepgate_archive.value. */
  keptValues: z.array(z.object({ phase: z.string(), ...KeptValue.shape })),
  /** The dangers that the plan names and takes on. */
  accepted: z.array(AcceptedHazard),
  /** The plan's notes: what only people can judge. */
  notChecked: z.array(z.string()),
  /** `command` is for the command line; `input` starts the same run from the Step Functions console, null for what is no run. */
  next: z.array(z.object({ what: z.string(), command: z.string(), input: z.string().nullable() })),
});
export type Report = z.infer<typeof Report>;

/** Puts a run's journal into one document that says no more than the entries do; `place` is where its commands are typed for. */
export function buildReport(entries: readonly JournalEntry[], place: RunPlace = PLAIN_PLACE): Report {
  const facts = factsOf(entries);
  const { lock, preflight, assess, snapshot, baseline, undo } = facts;
  const comparison = lastComparison(facts);
  return Report.parse({
    format: 1,
    place: place.kind,
    run: header(facts),
    outcome: ending(facts),
    stages: stageLines(facts),
    totals: totals(facts),
    lock: lock && { token: lock.token, takenOverFrom: lock.takenOverFrom, planState: lock.planState, base: lock.base ?? null },
    recoveries: facts.recoveries.map(({ kind: _kind, ...recovery }) => recovery),
    preflight,
    assessment: assess,
    snapshot,
    before: facts.before,
    baseline,
    phases: facts.phases.map((phase) => ({ ...phase, enteredAt: phase.at })),
    transfers: inPlanOrder(facts).map((transfer) => ({ ...transfer, rowsPerSecond: rate(transfer) })),
    comparison: comparison?.transfers ?? null,
    targets: facts.targets?.findings ?? null,
    after: facts.after,
    fence: facts.fence,
    undo,
    restore: restoreReport(facts.restore),
    levels: [...levelTimes(facts)],
    archived: facts.transfers.flatMap(({ phase, transfer, into, archived }) =>
      archived === null ? [] : [{ phase, transfer, of: into, ...archived }],
    ),
    conflicts: facts.leftBehind.flatMap(({ phase, conflicts }) => conflicts.map((one) => ({ phase, ...one }))),
    notCarried: facts.leftBehind.flatMap(({ phase, notCarried }) => notCarried.map((one) => ({ phase, ...one }))),
    kept: facts.kept.flatMap(({ phase, tables }) => tables.map((one) => ({ phase, ...one }))),
    keptValues: facts.kept.flatMap(({ phase, values }) => values.map((one) => ({ phase, ...one }))),
    accepted: facts.run?.accepted ?? [],
    notChecked: facts.run?.notes ?? [],
    next: nextActions(facts, place),
  });
}

function header({ run, end }: Facts) {
  return (
    run && {
      ...run,
      id: run.run,
      accept: run.accept ?? null,
      to: run.to ?? null,
      deadline: run.deadline ?? null,
      level: run.mode === 'rollback' ? (run.level ?? 2) : null,
      endedAt: end?.endedAt ?? null,
      durationMs: end && Date.parse(end.endedAt) - Date.parse(run.startedAt),
    }
  );
}

function ending({ run, end }: Facts) {
  return end && { ...end, kept: end.kept ?? null, exitCode: exitCode(end.outcome, run?.mode ?? 'dry-run') };
}

function totals(facts: Facts): Report['totals'] {
  const { preflight, assess, before, after, phases, transfers, targets } = facts;
  const comparison = lastComparison(facts);
  const checks = [assess?.checks, before, after, ...phases.map((phase) => phase.checks)].flatMap((some) => some ?? []);
  const results: readonly { readonly status: string }[] = [...(preflight?.findings ?? []), ...(targets?.findings ?? []), ...checks];
  const count = (status: string) => results.filter((result) => result.status === status).length;
  return {
    checks: { pass: count('pass'), fail: count('fail'), warn: count('warn'), info: count('info') },
    rowsMoved: transfers.filter((transfer) => transfer.direction === 'up').reduce((sum, { rows }) => sum + rows, 0),
    differences: comparison && differencesIn(comparison),
  };
}

/** Transfers of one state have one time; the comparison names all in the plan's order. */
function inPlanOrder({ transfers, comparison }: Facts): readonly Entry<'transfer'>[] {
  const order = comparison?.transfers.map(({ transfer }) => transfer) ?? [];
  return transfers.toSorted((a, b) => a.at.localeCompare(b.at) || order.indexOf(a.transfer) - order.indexOf(b.transfer));
}

function lastComparison({ comparison, comparisonBeforeCutover }: Facts): Entry<'comparison'> | null {
  return comparison ?? comparisonBeforeCutover;
}

function rate({ rows, durationMs }: Entry<'transfer'>): number | null {
  return durationMs > 0 ? Math.round((rows * 1000) / durationMs) : null;
}
