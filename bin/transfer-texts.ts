import type { CompiledPlan, Transfer } from '../core/plan/compiled-plan.ts';
import { copySql, rangesSql, undoSql } from '../core/transfer/batch-sql.ts';
import { compareBoundarySql, compareSql } from '../core/transfer/compare-sql.ts';
import { isSynced } from '../core/transfer/is-synced.ts';
import { AFTER, at, RANGE, type SqlText, withKeys } from './plan-sql-text.ts';

/** What a transfer's copy, comparison and undo send. */
export function transferTexts(plan: CompiledPlan, phase: string, transfer: Transfer): readonly SqlText[] {
  const texts = [...copyTexts(plan, transfer), ...compareTexts(plan, transfer), ...undoTexts(plan, phase, transfer)];
  return texts.map(({ what, sql }) => ({ what, at: at(transfer), sql }));
}

/** What the comparison sends, by the names that a transfer's tables have. */
export function comparisonTexts(plan: CompiledPlan, transfer: Transfer): readonly SqlText[] {
  return compareTexts(plan, transfer).map(({ what, sql }) => ({ what, at: at(transfer), sql }));
}

type Text = Pick<SqlText, 'what' | 'sql'>;

function copyTexts(plan: CompiledPlan, transfer: Transfer): readonly Text[] {
  const { boundary, move, contested, later, apart } = copySql(transfer, { plan: plan.id });
  const { first } = rangesSql(transfer);
  const [copy, one] = [`copy ${transfer.id}`, 'where one statement cannot take a range, its rows one by one'];
  return [
    ...(transfer.parallel === 1 ? [] : [{ what: `${copy}: where one of ${transfer.parallel} ranges at once begins`, sql: withKeys(first, AFTER) }]),
    { what: `${copy}: where the next range ends`, sql: withKeys(boundary, AFTER) },
    { what: `${copy}: the rows of a range`, sql: withKeys(move, RANGE) },
    ...(contested === null ? [] : [{ what: `${copy}: the rows of a range, where one came while they were copied`, sql: withKeys(contested, RANGE) }]),
    ...(later === null
      ? []
      : [{ what: `${copy}: the rows of a range, where they refer to some that a repair has still to bring`, sql: withKeys(later, RANGE) }]),
    ...(apart === null
      ? []
      : [
          { what: `${copy}: ${one}; their keys`, sql: withKeys(apart.keys, AFTER) },
          { what: `${copy}: ${one}; one of them`, sql: withKeys(apart.move, RANGE) },
          { what: `${copy}: ${one}; what the quarantine keeps of one`, sql: withKeys(apart.original, RANGE) },
        ]),
  ];
}

function compareTexts(plan: CompiledPlan, transfer: Transfer): readonly Text[] {
  const inEachColumn = (key: string): string => (transfer.keys.length === 1 ? key : JSON.stringify(transfer.keys.map(() => key)));
  const range = { after: inEachColumn(RANGE.after), upto: inEachColumn(RANGE.upto) };
  const ledger = { plan: plan.id, hasJournal: isSynced(transfer), hasQuarantined: transfer.quarantine.length > 0 };
  return [
    { what: `compare ${transfer.id}: where the next range ends`, sql: compareBoundarySql(transfer, range.after, '') },
    { what: `compare ${transfer.id}: both sides of a range, by value`, sql: compareSql(transfer, range, { unmapped: [], salt: '', ledger }) },
  ];
}

function undoTexts(plan: CompiledPlan, phase: string, transfer: Transfer): readonly Text[] {
  const { boundary, lock, move } = undoSql(transfer, { plan: plan.id, phase }, []);
  const undo = `undo ${transfer.id}`;
  return [
    { what: `${undo}: where the next range ends`, sql: withKeys(boundary, AFTER) },
    { what: `${undo}: the range is held until the batch commits`, sql: withKeys(lock, RANGE) },
    { what: `${undo}: the rows of a range; what the plan did not make goes to stepgate_archive`, sql: withKeys(move, RANGE) },
  ];
}
