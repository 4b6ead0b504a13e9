import { accountedFor } from '../core/run/comparison.ts';
import { bytesInWords, counted, countInWords, durationInWords } from '../core/run/in-words.ts';
import type { CheckResult, Finding, JournalEntry } from '../core/run/journal.ts';
import { percent } from '../core/run/quality.ts';
import { fenceLines } from '../core/run/report-fence.ts';

/** A fact of the journal as lines for a terminal; bookkeeping has none. */
export function entryLines(entry: JournalEntry): readonly string[] {
  switch (entry.kind) {
    case 'lock':
      return entry.takenOverFrom === null ? [] : [`goes on from run ${entry.takenOverFrom}`];
    case 'preflight':
      return [
        `${verdict(entry.findings)}; PostgreSQL ${entry.engineVersion}, ${bytesInWords(entry.databaseBytes)}`,
        ...entry.findings.flatMap(findingLine),
      ];
    case 'assess':
      return [
        `${counted(entry.tables.length, 'table')}, ${counted(
          sum(entry.tables, ({ rows }) => rows),
          'row',
        )}`,
        ...checkLines(entry.checks),
      ];
    case 'snapshot':
      if (entry.status === 'none') return [`NO SNAPSHOT: ${entry.because}`];
      return entry.status === 'available' ? [`${entry.id} is available`] : [];
    case 'checks':
      return [verdict(entry.checks), ...checkLines(entry.checks)];
    case 'baseline':
      return [baselineLine(entry)];
    case 'phase':
      return [phaseLine(entry), ...checkLines(entry.checks)];
    case 'transfer':
      return [transferLine(entry)];
    case 'sync':
      return [`changes of ${entry.side === 'source' ? 'the old side reach the new' : 'the new side reach the old'}: ${entry.transfers.join(', ')}`];
    case 'sync-ended':
      return [`the old side is no longer kept current: ${entry.transfers.join(', ')}`];
    case 'comparison':
      return entry.transfers.map(
        ({ transfer, from, leftOut, sourceRows, targetRows, missing, extra, different, ...more }) =>
          `${transfer}: ${countInWords(sourceRows)} rows against ${countInWords(targetRows)}, ${counted(missing + extra + different, 'difference')}${accountedFor([more])}${
            leftOut === 0 ? '' : `; ${counted(leftOut, 'row')} of ${from} left out by the mapping`
          }`,
      );
    case 'fence':
      return fenceLines(entry).map((line) => `fence ${line}`);
    case 'undo-verified':
      return [
        entry.schemaEqual && entry.differences.length === 0
          ? `schema and ${counted(entry.tables, 'table')} with ${counted(entry.rows, 'row')} are as before`
          : `${counted(entry.differences.length, 'difference')} from before: ${entry.differences.map(({ what }) => what).join(', ')}`,
      ];
    default:
      return restoreLines(entry);
  }
}

function restoreLines(entry: JournalEntry): readonly string[] {
  switch (entry.kind) {
    case 'restore':
      return [`snapshot ${entry.snapshot} as cluster ${entry.restored}`, ...entry.because.map((reason) => `not swapped in: ${reason}`)];
    case 'restore-step':
      return [entry.what];
    case 'restore-verified':
      return [
        entry.schemaEqual && entry.differences.length === 0
          ? `schema and ${counted(entry.tables, 'table')} with ${counted(entry.rows, 'row')} are as before`
          : `${counted(entry.differences.length, 'difference')} from before${entry.schemaEqual ? '' : ', and another schema'}`,
      ];
    case 'restore-ended':
      return entry.end === 'none' || entry.because === '' ? [] : [entry.because];
    default:
      return [];
  }
}

/** What makes an entry the same when it is written again with more in it. */
export function entryKey(entry: JournalEntry): string {
  const parts = [
    entry.kind,
    'stage' in entry && entry.stage,
    'phase' in entry && entry.phase,
    'direction' in entry && entry.direction,
    'side' in entry && entry.side,
    entry.kind === 'restore-step' && entry.what,
  ];
  return [...parts, 'transfer' in entry && entry.transfer, entry.kind === 'snapshot' && entry.status].filter((part) => part !== false).join('/');
}

function baselineLine({ tables }: Extract<JournalEntry, { kind: 'baseline' }>): string {
  const rows = sum(tables, (table) => table.rows);
  return `digests of ${counted(tables.length, 'table')} with ${counted(rows, 'row')}`;
}

function phaseLine({ statements, checks, durationMs }: Extract<JournalEntry, { kind: 'phase' }>): string {
  const done = [...(statements > 0 ? [counted(statements, 'statement')] : []), ...(checks.length > 0 ? [counted(checks.length, 'check')] : [])];
  return `${done.join(', ') || 'done'} in ${durationInWords(durationMs)}`;
}

function transferLine({
  transfer,
  direction,
  rows,
  batches,
  durationMs,
  archived,
  quarantined = 0,
  pausedMs = 0,
}: Extract<JournalEntry, { kind: 'transfer' }>): string {
  const rate = durationMs > 0 ? ` (${countInWords((rows * 1000) / durationMs)} rows/s)` : '';
  const kept = archived === null ? '' : `; ${counted(archived.rows, 'row')} that the plan did not make kept in ${archived.table}`;
  const done = `${counted(rows, 'row')} ${direction === 'up' ? 'copied' : 'taken out'} in ${counted(batches, 'batch', 'batches')}`;
  const bad = quarantined === 0 ? '' : `; ${counted(quarantined, 'row')} put into the quarantine`;
  const paused = pausedMs === 0 ? '' : `; gave way for ${durationInWords(pausedMs)}`;
  return `${transfer}: ${done}, ${durationInWords(durationMs)}${rate}${kept}${bad}${paused}`;
}

function verdict(results: readonly { readonly status: string }[]): string {
  const count = (status: string) => results.filter((result) => result.status === status).length;
  return `${counted(results.length, 'check')}, ${count('fail')} failed${count('warn') === 0 ? '' : `, ${counted(count('warn'), 'warning')}`}`;
}

function findingLine({ name, status, found, advice }: Finding): readonly string[] {
  return status === 'fail' || status === 'warn' ? [`${status.toUpperCase()} ${name}: ${found}${advice === '' ? '' : `; ${advice}`}`] : [];
}

function checkLines(checks: readonly CheckResult[]): readonly string[] {
  return checks.flatMap(({ name, status, bad, total, scopes, file, line }) => {
    const share =
      total === null
        ? countInWords(bad)
        : `${percent({ valid: BigInt(total - bad), total: BigInt(total) })} of ${countInWords(total)} rows are valid`;
    if (status === 'fail' || status === 'warn') return [`${status.toUpperCase()} ${name}: ${share} (${file}:${line})`];
    return scopes.length > 0 ? [`${name}: ${share}`] : [];
  });
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
