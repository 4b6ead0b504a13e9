import { accountedFor } from '../core/run/comparison.ts';
import { counted, countInWords, durationInWords } from '../core/run/in-words.ts';
import type { Mode } from '../core/run/mode.ts';
import { EXIT_INTERRUPTED, exitCode } from '../core/run/outcome.ts';
import type { Report } from '../core/run/report.ts';
import { notCarriedName } from '../core/run/report-undo.ts';
import { commandAt, type RunPlace } from '../core/run/run-place.ts';
import type { RunEnd } from './follow-run.ts';
import type { EndedRun } from './run-plan.ts';

/** A run that broke off without an outcome leaves a person to choose, as `halted` does. */
const EXIT_NO_OUTCOME = 5;

export function runExitCode({ outcome, status }: RunEnd, mode: Mode): number {
  if (outcome !== null) return exitCode(outcome, mode);
  return status === 'ABORTED' ? EXIT_INTERRUPTED : EXIT_NO_OUTCOME;
}

/** What a run did, in one screen. */
export function runSummary({ id, end, report, page, wallMs }: EndedRun, place: RunPlace): readonly string[] {
  const { checks, rowsMoved, differences } = report.totals;
  const lines = [
    '',
    ...endLines(end, report),
    '',
    ...report.stages
      .filter(({ status, detail }) => status !== 'SKIPPED' || detail !== '')
      .map(({ stage, status, detail }) => `  ${stage.padEnd(16)}${status.padEnd(9)}${detail}`.trimEnd()),
    '',
    ...transferLines(report),
    ...phaseLines(report),
    ...(rowsMoved === 0 ? [] : [`  ${'rows moved'.padEnd(16)}${countInWords(rowsMoved)}`]),
    ...wayBackLines(report),
    `  ${'checks'.padEnd(16)}${checks.pass} passed, ${checks.fail} failed, ${counted(checks.warn, 'warning')}, ${checks.info} for information`,
    ...(differences === null ? [] : [`  ${'differences'.padEnd(16)}${countInWords(differences)}`]),
    `  ${'took'.padEnd(16)}${durationInWords(wallMs)}${byWorkflowsClock(report, wallMs)}`,
    `  ${'run'.padEnd(16)}${id}`,
    `  ${'report'.padEnd(16)}${end.outcome === null ? commandAt(place, `npx stepgate report --run ${id}`) : page}`,
  ];
  return [...lines, ...nextLines(report)];
}

/** What a rollback could not bring to the old side, and what both sides had changed. */
function wayBackLines({ archived, kept, conflicts, notCarried }: Report): readonly string[] {
  const rows = [...archived.map(({ of, rows: count }) => ({ of, count })), ...kept.map(({ table, rows: count }) => ({ of: table, count }))];
  const columns = conflicts.map(({ table, column, count }) => ({ of: `${table}.${column}`, count }));
  const behind = notCarried.map((one) => ({ of: notCarriedName(one), count: one.rows }));
  return [
    ...sumLine('rows kept', 'that others may have written, in stepgate_archive.row', rows),
    ...sumLine('conflicts', 'of columns that both sides changed, where the later change is in force', columns),
    ...sumLine('not carried', 'rows with what the old side has no place for', behind),
  ];
}

function sumLine(name: string, what: string, parts: readonly { readonly of: string; readonly count: number }[]): readonly string[] {
  const there = parts.filter(({ count }) => count > 0);
  if (there.length === 0) return [];
  const sum = there.reduce((all, { count }) => all + count, 0);
  const each = there.map(({ of, count }) => `${of} ${countInWords(count)}`).join(', ');
  return [`  ${name.padEnd(16)}${countInWords(sum)} ${what}: ${each}`];
}

/** What to try next, with the exact commands. */
export function nextLines({ next }: Report): readonly string[] {
  return next.length === 0 ? [] : ['', 'next', ...next.map(({ what, command }) => `  ${command}\n${indented(what)}`)];
}

/** An execution may break after the run has recorded what it came to: on a disk that is full, say. */
function endLines({ outcome, status, sentence }: RunEnd, report: Report): readonly string[] {
  if (outcome !== null) return [`${outcome}: ${report.outcome?.sentence ?? sentence}`];
  const recorded = report.outcome === null ? [] : [`the run had come to this before: ${report.outcome.outcome}: ${report.outcome.sentence}`];
  return [`no outcome (${status}): ${sentence}`, ...recorded];
}

/** The report's duration is the workflow's, which counts waits that are jumped over. */
function byWorkflowsClock({ place, run }: Report, wallMs: number): string {
  return place !== 'embedded' || run?.durationMs == null || run.durationMs < wallMs
    ? ''
    : `; ${durationInWords(run.durationMs)} by the workflow's clock, waits included`;
}

/** Broken between words, for a terminal of 80 columns. */
function indented(text: string): string {
  return text.replace(/(.{1,74})(?: |$)/g, '      $1\n').trimEnd();
}

function transferLines({ transfers, comparison }: Report): readonly string[] {
  const up = transfers.filter(({ direction }) => direction === 'up');
  if (up.length === 0) return [];
  const rows = up.map(({ transfer, into, rows: count, durationMs, rowsPerSecond }) => {
    const compared = comparison?.find((one) => one.transfer === transfer);
    const found =
      compared === undefined
        ? 'not compared'
        : `${counted(compared.missing + compared.extra + compared.different, 'difference')}${accountedFor([compared])}`;
    const cells = [
      transfer,
      into,
      `${countInWords(count)} rows`,
      durationInWords(durationMs),
      rowsPerSecond === null ? '' : `${countInWords(rowsPerSecond)} rows/s`,
    ];
    return [...cells, found];
  });
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return [
    ...rows.map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}`,
    ),
    '',
  ];
}

/** In the order of work; a phase of transfers took what they took. */
function phaseLines({ run, phases, transfers }: Report): readonly string[] {
  return (['up', 'undo'] as const).flatMap((direction) => {
    const times = inOrder(run?.phases ?? [], direction).flatMap((name) => {
      const own = phases.find((phase) => phase.phase === name && phase.direction === direction);
      const moved = transfers.filter((transfer) => transfer.phase === name && transfer.direction === direction);
      if (own === undefined && moved.length === 0) return [];
      const durationMs = own?.durationMs ?? moved.reduce((sum, transfer) => sum + transfer.durationMs, 0);
      return [`${name} ${durationInWords(durationMs)}`];
    });
    return times.length === 0 ? [] : [`  ${(direction === 'up' ? 'phases' : 'undone').padEnd(16)}${times.join(', ')}`];
  });
}

function inOrder(phases: readonly string[], direction: 'up' | 'undo'): readonly string[] {
  return direction === 'up' ? phases : phases.toReversed();
}
