import { counted } from '../../core/run/in-words.ts';
import { buildReport, type Report } from '../../core/run/report.ts';
import { attachEngine } from '../../local/running-engine.ts';
import { type LocalRun, readRuns } from '../local-runs.ts';
import { NoRunError } from '../no-run-error.ts';
import { nextLines } from '../run-summary.ts';
import type { Shell } from '../shell.ts';

/** Earlier runs that are listed below the newest. */
const EARLIER_RUNS = 5;

/** The newest run: its six lines, and what can be done next. Reads the journal; starts nothing. */
export async function status(
  { terminal, folder }: Pick<Shell, 'terminal' | 'folder'>,
  { plan, json }: { readonly plan: string | undefined; readonly json: boolean },
): Promise<number> {
  const runs = readRuns(folder, plan);
  const [newest, ...earlier] = runs;
  if (newest === undefined)
    throw new NoRunError(`there are no runs${plan === undefined ? '' : ` of plan ${plan}`} in ${folder}; start with "stepgate dry-run"`);
  const engineRuns = (await attachEngine(folder)) !== undefined;
  const report = buildReport(newest.journal);
  if (json) {
    terminal.out(JSON.stringify({ run: newest.id, engineRuns, report, earlier: earlier.map(({ id }) => id) }, null, 2));
    return 0;
  }
  terminal.out([...statusLines(newest, { report, engineRuns }), ...nextLines(report, folder), ...earlierLines(earlier)].join('\n'));
  return 0;
}

function statusLines({ id }: LocalRun, { report, engineRuns }: { readonly report: Report; readonly engineRuns: boolean }): readonly string[] {
  const open = engineRuns ? 'no outcome yet: at work, or its engine was killed' : 'no outcome: its engine ended before it did';
  return [
    `run ${id}`,
    report.outcome === null ? open : `${report.outcome.outcome}: ${report.outcome.sentence}`,
    '',
    ...report.stages.map(({ stage, status: word, detail }) => `  ${stage.padEnd(16)}${word.padEnd(9)}${detail}`.trimEnd()),
  ];
}

function earlierLines(runs: readonly LocalRun[]): readonly string[] {
  if (runs.length === 0) return [];
  const shown = runs.slice(0, EARLIER_RUNS).map(({ id, journal }) => `  ${id}  ${buildReport(journal).outcome?.outcome ?? 'no outcome'}`);
  const more = runs.length - shown.length;
  return ['', 'earlier', ...shown, ...(more > 0 ? [`  and ${counted(more, 'more run')}`] : [])];
}
