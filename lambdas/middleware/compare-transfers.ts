import { tableColumns, unmappedColumns } from '../../adapters/catalog.ts';
import { comparedLedger, compareRange, findKey, nextBoundary } from '../../adapters/comparisons.ts';
import { labelled, type Query } from '../../adapters/sql-session.ts';
import { CheckFailedError, UnknownOutcomeError } from '../../core/errors.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';
import { addRange, COMPARED_ROWS, type ComparisonProgress } from '../../core/run/comparison.ts';
import type { TransferComparison } from '../../core/run/journal.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { type Compared, compareSql } from '../../core/transfer/compare-sql.ts';
import { describeTransfer } from '../../core/transfer/describe-transfer.ts';
import type { StatePorts } from './ports.ts';

/** A range that is slow with this few rows is slow with any: its lookups read whole tables. */
const FEWEST_ROWS = 10;

/** What a visit compares, and by which salt its digests go. */
export interface ComparedPlan {
  readonly plan: string;
  readonly salt: string;
  readonly transfers: readonly Transfer[];
}

/** Compares transfer after transfer for as long as a visit works; all are compared when `transfer` stands behind the last one. */
export async function compareTransfers(deps: StatePorts, of: ComparedPlan, from: ComparisonProgress): Promise<ComparisonProgress> {
  const time = workingTime(deps.clockMs);
  let place = await resume(deps, of, from);
  for (let transfer = transferAt(of, place); transfer !== undefined && !time.isOver(); transfer = transferAt(of, place)) {
    place = await compareNextRange(deps, transfer, { ...place, of });
  }
  return place.progress;
}

/** The queries are added at the end: the state's input carries no SQL, since Step Functions takes 256 KiB of it. */
export function withQueries(deps: StatePorts, of: ComparedPlan, results: readonly TransferComparison[]): Promise<TransferComparison[]> {
  return deps.session.readOnly(async (query) => {
    const compared: TransferComparison[] = [];
    for (const [index, transfer] of of.transfers.entries()) {
      const beside = await besidePlan(query, transfer, of);
      const result = results[index] ?? emptyResult(transfer, beside);
      compared.push({ ...result, query: compareSql(transfer, { after: null, upto: null }, beside) });
    }
    return compared;
  });
}

function transferAt({ transfers }: ComparedPlan, { progress }: Place): Transfer | undefined {
  return transfers[progress.transfer];
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
async function resume(deps: StatePorts, { transfers, salt }: ComparedPlan, progress: ComparisonProgress): Promise<Place> {
  const transfer = transfers[progress.transfer];
  const { after } = progress;
  if (transfer === undefined || after === null) {
    return { progress, key: null, rows: COMPARED_ROWS };
  }
  const key = await labelled(deps.session, comparing(transfer)).readOnly((query) => findKey(query, transfer, { ...after, salt }));
  const found = key === null ? { ...progress, after: null, results: progress.results.slice(0, progress.transfer) } : progress;
  return { progress: found, key, rows: COMPARED_ROWS };
}

async function compareNextRange(deps: StatePorts, transfer: Transfer, place: Place & { readonly of: ComparedPlan }): Promise<Place> {
  const begunMs = deps.clockMs();
  const { key, rows, progress, of } = place;
  try {
    const { end, beside, range } = await labelled(deps.session, comparing(transfer)).readOnly(async (query) => {
      const end = await nextBoundary(query, transfer, { after: key, rows, salt: of.salt });
      const beside = await besidePlan(query, transfer, of);
      // The last range is open, so that target rows beyond the source's last key are seen.
      return { end, beside, range: await compareRange(query, transfer, { after: key, upto: end?.key ?? null, ...beside }) };
    });
    const before = progress.results[progress.transfer] ?? emptyResult(transfer, beside);
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

/** Read in the transaction of the comparison, and so of the same moment. */
async function besidePlan(query: Query, transfer: Transfer, { plan, salt }: ComparedPlan): Promise<Compared> {
  const columns = await tableColumns(query, transfer.into);
  return {
    unmapped: unmappedColumns(columns, transfer.columns),
    equality: Object.fromEntries(columns.map(({ name, equality }) => [name, equality])),
    salt,
    ledger: await comparedLedger(query, { plan, transfer: transfer.id }),
  };
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

function emptyResult(transfer: Transfer, { unmapped }: Compared): TransferComparison {
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
    lagging: 0,
    changedOnNewSide: 0,
    quarantined: 0,
    samples: [],
    notCompared: unmapped
      .filter((column) => !column.isConstant && !(transfer.deletes.kind === 'soft' && transfer.deletes.column === column.name))
      .map((column) => ({
        column: column.name,
        because: `not in the SELECT; its default ${column.default ?? 'is generated and'} gives another value every time`,
      })),
    durationMs: 0,
    query: '',
  };
}
