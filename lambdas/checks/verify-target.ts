import type * as z from 'zod';
import { tableColumns, unmappedColumns } from '../../adapters/catalog.ts';
import { runChecks } from '../../adapters/checks.ts';
import { compareRange, nextBoundary } from '../../adapters/comparisons.ts';
import { CheckFailedError, DifferencesFoundError } from '../../core/errors.ts';
import type { CompiledPlan, Transfer } from '../../core/plan/compiled-plan.ts';
import { describeFailures } from '../../core/run/check-evaluation.ts';
import { addRange, COMPARED_ROWS, COMPARISON_START, ComparisonProgress, describeDifferences } from '../../core/run/comparison.ts';
import { ReadingEnvelope } from '../../core/run/envelope.ts';
import type { TransferComparison } from '../../core/run/journal.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { compareSql } from '../../core/transfer/compare-sql.ts';
import type { UnmappedColumn } from '../../core/transfer/unmapped-column.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

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
    let progress = given ?? COMPARISON_START;
    for (let transfer = transfers[progress.transfer]; transfer !== undefined; transfer = transfers[progress.transfer]) {
      if (time.isOver()) {
        return progress;
      }
      progress = await compareNextRange(deps, transfer, progress);
    }
    const compared = await withQueries(deps, transfers, progress.results);
    await deps.journal.write(run.id, 'comparison', { kind: 'comparison', at: now.toISOString(), transfers: compared });
    const differences = describeDifferences(progress.results);
    if (differences.length > 0) {
      throw new DifferencesFoundError(differences.join(' · '));
    }
    await checkAfter(deps, plan, { id: run.id, now });
    return { ...progress, done: true };
  };
}

async function compareNextRange(deps: StatePorts, transfer: Transfer, progress: ComparisonProgress): Promise<ComparisonProgress> {
  const begunMs = deps.clockMs();
  const { upto, unmapped, range } = await deps.session.readOnly(async (query) => {
    const upto = await nextBoundary(query, transfer, { after: progress.after, rows: COMPARED_ROWS });
    const unmapped = unmappedColumns(await tableColumns(query, transfer.into), transfer.columns);
    // The last range is open, so that target rows beyond the source's last key are seen.
    return { upto, unmapped, range: await compareRange(query, transfer, { after: progress.after, upto, unmapped }) };
  });
  const before = progress.results[progress.transfer] ?? emptyResult(transfer, unmapped);
  const result = addRange(before, { ...range, durationMs: Math.round(deps.clockMs() - begunMs) });
  const results = [...progress.results.slice(0, progress.transfer), result];
  return upto === null ? { ...progress, transfer: progress.transfer + 1, after: null, results } : { ...progress, after: upto, results };
}

function emptyResult(transfer: Transfer, unmapped: readonly UnmappedColumn[]): TransferComparison {
  return {
    transfer: transfer.id,
    from: `${transfer.from.schema}.${transfer.from.name}`,
    into: `${transfer.into.schema}.${transfer.into.name}`,
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
  const results = await runChecks(deps.session, plan, { checks: plan.after, clockMs: deps.clockMs });
  await deps.journal.write(run.id, 'checks-after', { kind: 'checks', at: run.now.toISOString(), stage: 'after', checks: [...results] });
  const failures = describeFailures(results);
  if (failures.length > 0) {
    throw new CheckFailedError(failures.join(' · '));
  }
}

export const handler = stateHandler(VerifyTargetInput, (environment) => verifyTarget(statePorts(environment)));
