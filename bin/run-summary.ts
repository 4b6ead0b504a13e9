import { counted, countInWords, durationInWords } from '../core/run/in-words.ts';
import type { Mode } from '../core/run/mode.ts';
import { EXIT_INTERRUPTED, exitCode } from '../core/run/outcome.ts';
import type { Report } from '../core/run/report.ts';
import type { RunEnd } from './follow-run.ts';
import type { EndedRun } from './run-plan.ts';

/** A command of ours as a user would type it for the place of the run. */
type AsTyped = (command: string) => string;

/** A run that broke off without an outcome leaves a person to choose, as `halted` does. */
const EXIT_NO_OUTCOME = 5;

export function runExitCode({ outcome, status }: RunEnd, mode: Mode): number {
  if (outcome !== null) return exitCode(outcome, mode);
  return status === 'ABORTED' ? EXIT_INTERRUPTED : EXIT_NO_OUTCOME;
}

/** What a run did, in one screen. */
export function runSummary({ id, end, report, page, wallMs }: EndedRun, asTyped: AsTyped): readonly string[] {
  const { checks, rowsMoved, differences } = report.totals;
  const times = phaseTimes(report);
  const lines = [
    '',
    `${end.outcome ?? `no outcome (${end.status})`}: ${end.sentence}`,
    '',
    ...report.stages
      .filter(({ status, detail }) => status !== 'SKIPPED' || detail !== '')
      .map(({ stage, status, detail }) => `  ${stage.padEnd(16)}${status.padEnd(9)}${detail}`),
    '',
    ...transferLines(report),
    ...(times === '' ? [] : [`  ${'phases'.padEnd(16)}${times}`]),
    ...(rowsMoved === 0 ? [] : [`  ${'rows moved'.padEnd(16)}${countInWords(rowsMoved)}`]),
    `  ${'checks'.padEnd(16)}${checks.pass} passed, ${checks.fail} failed, ${counted(checks.warn, 'warning')}, ${checks.info} for information`,
    ...(differences === null ? [] : [`  ${'differences'.padEnd(16)}${countInWords(differences)}`]),
    `  ${'took'.padEnd(16)}${durationInWords(wallMs)}`,
    `  ${'run'.padEnd(16)}${id}`,
    `  ${'report'.padEnd(16)}${end.outcome === null ? asTyped(`npx stepgate report --run ${id}`) : page}`,
  ];
  return [...lines, ...nextLines(report, asTyped)];
}

/** What to try next, with the exact commands. */
export function nextLines({ next }: Report, asTyped: AsTyped): readonly string[] {
  return next.length === 0 ? [] : ['', 'next', ...next.map(({ what, command }) => `  ${asTyped(command)}\n      ${what}`)];
}

function transferLines({ transfers, comparison }: Report): readonly string[] {
  const up = transfers.filter(({ direction }) => direction === 'up');
  if (up.length === 0) return [];
  const rows = up.map(({ transfer, into, rows: count, durationMs, rowsPerSecond }) => {
    const compared = comparison?.find((one) => one.transfer === transfer);
    const found = compared === undefined ? 'not compared' : counted(compared.missing + compared.extra + compared.different, 'difference');
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
function phaseTimes({ run, phases, transfers }: Report): string {
  const told = (['up', 'undo'] as const).flatMap((direction) =>
    inOrder(run?.phases ?? [], direction).flatMap((name) => {
      const own = phases.find((phase) => phase.phase === name && phase.direction === direction);
      const moved = transfers.filter((transfer) => transfer.phase === name && transfer.direction === direction);
      if (own === undefined && moved.length === 0) return [];
      const durationMs = own?.durationMs ?? moved.reduce((sum, transfer) => sum + transfer.durationMs, 0);
      return [`${direction === 'undo' ? 'undo ' : ''}${name} ${durationInWords(durationMs)}`];
    }),
  );
  return told.join(', ');
}

function inOrder(phases: readonly string[], direction: 'up' | 'undo'): readonly string[] {
  return direction === 'up' ? phases : phases.toReversed();
}
