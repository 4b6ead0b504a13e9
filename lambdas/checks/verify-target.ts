import type * as z from 'zod';
import { tableColumns, unmappedColumns } from '../../adapters/catalog.ts';
import { runChecks } from '../../adapters/checks.ts';
import { compareRange, findKey, nextBoundary } from '../../adapters/comparisons.ts';
import { labelled } from '../../adapters/sql-session.ts';
import { CheckFailedError, DifferencesFoundError, UnknownOutcomeError } from '../../core/errors.ts';
import type { CompiledPlan, Transfer } from '../../core/plan/compiled-plan.ts';
import { describeFailures } from '../../core/run/check-evaluation.ts';
import { addRange, COMPARED_ROWS, COMPARISON_START, ComparisonProgress, describeDifferences } from '../../core/run/comparison.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import type { TransferComparison } from '../../core/run/journal.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { compareSql } from '../../core/transfer/compare-sql.ts';
import { describeTransfer } from '../../core/transfer/describe-transfer.ts';
import type { UnmappedColumn } from '../../core/transfer/unmapped-column.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

/** A range that is slow with this few rows is slow with any: its lookups read whole tables. */
const FEWEST_ROWS = 10;

export const VerifyTargetInput = ReadingEnvelope.extend({ progress: ComparisonProgress.nullable() });

/**
 * Compares every row and mapped column of every transfer with its source, both directions, in the database; then runs after.sql. Writes nothing there.
 *
 * @throws {DifferencesFoundError | CheckFailedError}
 */
export function verifyTarget(deps: StatePorts): Work<z.infer<typeof VerifyTargetInput>, ComparisonProgress> {
  return async ({ run, now, progress: given }) => {
    const plan = await deps.plans.read(run.digest);
    const transfers = plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers : []));
    const time = workingTime(deps.clockMs);
    let place = await resume(deps, transfers, given ?? COMPARISON_START);
    for (let transfer = transfers[place.progress.transfer]; transfer !== undefined; transfer = transfers[place.progress.transfer]) {
      if (time.isOver()) {
        return place.progress;
      }
      place = await compareNextRange(deps, transfer, place);
    }
    const { progress } = place;
    const compared = await withQueries(deps, transfers, progress.results);
    await deps.journal.write(run.id, 'comparison', { kind: 'comparison', at: now.toISOString(), transfers: compared });
    const differences = describeDifferences(progress.results, transfers);
    if (differences.length > 0) {
      throw new DifferencesFoundError(differences.join(' · '));
    }
    await checkAfter(deps, plan, { id: run.id, now });
    return { ...progress, done: true };
  };
}

/** What this visit knows beside what it hands over. */
interface Place {
  readonly progress: ComparisonProgress;
  /** The last key that was compared; null at a transfer's beginning. It stays in this function's memory. */
  readonly key: string | null;
  /** Rows of the next range. */
  readonly rows: number;
}

/** A transfer whose last key is not there any more is compared from its beginning. */
async function resume(deps: StatePorts, transfers: readonly Transfer[], progress: ComparisonProgress): Promise<Place> {
  const transfer = transfers[progress.transfer];
  const { after } = progress;
  if (transfer === undefined || after === null) {
    return { progress, key: null, rows: COMPARED_ROWS };
  }
  const key = await labelled(deps.session, comparing(transfer)).readOnly((query) => findKey(query, transfer, after));
  const found = key === null ? { ...progress, after: null, results: progress.results.slice(0, progress.transfer) } : progress;
  return { progress: found, key, rows: COMPARED_ROWS };
}

async function compareNextRange(deps: StatePorts, transfer: Transfer, place: Place): Promise<Place> {
  const begunMs = deps.clockMs();
  const { key, rows, progress } = place;
  try {
    const { end, unmapped, range } = await labelled(deps.session, comparing(transfer)).readOnly(async (query) => {
      const end = await nextBoundary(query, transfer, { after: key, rows });
      const unmapped = unmappedColumns(await tableColumns(query, transfer.into), transfer.columns);
      // The last range is open, so that target rows beyond the source's last key are seen.
      return { end, unmapped, range: await compareRange(query, transfer, { after: key, upto: end?.key ?? null, unmapped }) };
    });
    const before = progress.results[progress.transfer] ?? emptyResult(transfer, unmapped);
    const result = addRange(before, { ...range, durationMs: Math.round(deps.clockMs() - begunMs) });
    const results = [...progress.results.slice(0, progress.transfer), result];
    if (end === null) {
      return { progress: { ...progress, transfer: progress.transfer + 1, after: null, results }, key: null, rows: COMPARED_ROWS };
    }
    return { progress: { ...progress, after: { shown: end.shown, rows: (progress.after?.rows ?? 0) + end.rows }, results }, key: end.key, rows };
  } catch (error) {
    return { ...place, rows: fewerRows(error, transfer, rows) };
  }
}

/** A range that takes longer than a call has is compared in smaller ones; it only read, so nothing is left of it. */
function fewerRows(error: unknown, transfer: Transfer, rows: number): number {
  if (!(error instanceof UnknownOutcomeError && error.isTimeout)) {
    throw error;
  }
  if (rows <= FEWEST_ROWS) {
    const what = `${comparing(transfer)}: a range of ${rows} rows takes longer than the 45 s that a call has`;
    throw new CheckFailedError(`${what}; give the tables that its SELECT joins an index on the columns by which it joins them`, { cause: error });
  }
  return Math.max(FEWEST_ROWS, Math.floor(rows / 8));
}

function comparing(transfer: Transfer): string {
  return `${describeTransfer(transfer)}, comparing`;
}

function emptyResult(transfer: Transfer, unmapped: readonly UnmappedColumn[]): TransferComparison {
  return {
    transfer: transfer.id,
    from: `${transfer.from.schema}.${transfer.from.name}`,
    into: `${transfer.into.schema}.${transfer.into.name}`,
    leftOut: 0,
    sourceRows: 0,
    targetRows: 0,
    missing: 0,
    extra: 0,
    different: 0,
    samples: [],
    notCompared: unmapped
      .filter((column) => !column.isConstant)
      .map((column) => ({
        column: column.name,
        because: `not in the SELECT; its default ${column.default ?? 'is generated and'} gives another value every time`,
      })),
    durationMs: 0,
    query: '',
  };
}

/** The queries are added at the end: the state's input carries no SQL, since Step Functions takes 256 KiB of it. */
function withQueries(deps: StatePorts, transfers: readonly Transfer[], results: readonly TransferComparison[]): Promise<TransferComparison[]> {
  return deps.session.readOnly(async (query) => {
    const compared: TransferComparison[] = [];
    for (const [index, transfer] of transfers.entries()) {
      const unmapped = unmappedColumns(await tableColumns(query, transfer.into), transfer.columns);
      const result = results[index] ?? emptyResult(transfer, unmapped);
      compared.push({ ...result, query: compareSql(transfer, { after: null, upto: null }, unmapped) });
    }
    return compared;
  });
}

async function checkAfter(
  deps: StatePorts,
  plan: CompiledPlan,
  run: { readonly id: z.infer<typeof VerifyTargetInput>['run']['id']; readonly now: Date },
): Promise<void> {
  const results = await runChecks(deps.session, plan, {
    checks: plan.after,
    clockMs: deps.clockMs,
    tooSlow: (said, cause) => new CheckFailedError(said, cause),
  });
  await deps.journal.write(run.id, 'checks-after', { kind: 'checks', at: run.now.toISOString(), stage: 'after', checks: [...results] });
  const failures = describeFailures(results);
  if (failures.length > 0) {
    throw new CheckFailedError(failures.join(' · '));
  }
}

export const handler = stateHandler(VerifyTargetInput, (environment) => verifyTarget(statePorts(environment)));
