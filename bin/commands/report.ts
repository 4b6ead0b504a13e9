import * as z from 'zod';
import { buildReport, Report } from '../../core/run/report.ts';
import { renderReport } from '../../core/run/report-markdown.ts';
import { type LocalRun, readPage, readRuns } from '../local-runs.ts';
import { NoRunError } from '../no-run-error.ts';
import type { Shell } from '../shell.ts';

export interface ReportRequest {
  readonly plan: string | undefined;
  readonly run: string | undefined;
  readonly json: boolean;
}

/** Prints a run's report, made again from the journal where the run never came to write it. */
export function report({ terminal, folder }: Pick<Shell, 'terminal' | 'folder'>, request: ReportRequest): number {
  const run = chooseRun(folder, request);
  const page = readPage(run, request.json ? 'report.json' : 'report.md') ?? rebuilt(run, request.json);
  terminal.out(page.trimEnd());
  return 0;
}

/** The JSON Schema of the report's document. */
export function reportSchema({ terminal }: Pick<Shell, 'terminal'>): number {
  terminal.out(JSON.stringify(z.toJSONSchema(Report), null, 2));
  return 0;
}

/**
 * The run that is named, or the newest one.
 *
 * @throws {NoRunError} when there is none.
 */
export function chooseRun(folder: string, { plan, run: id }: { readonly plan: string | undefined; readonly run: string | undefined }): LocalRun {
  const runs = readRuns(folder, plan);
  const chosen = id === undefined ? runs[0] : runs.find((run) => run.id === id);
  if (chosen !== undefined) return chosen;
  if (runs.length === 0)
    throw new NoRunError(`there are no runs${plan === undefined ? '' : ` of plan ${plan}`} in ${folder}; start with "stepgate dry-run"`);
  throw new NoRunError(`there is no run "${id}" in ${folder}; the newest is ${runs[0]?.id}`);
}

function rebuilt({ journal }: LocalRun, json: boolean): string {
  const built = buildReport(journal);
  return json ? JSON.stringify(built, null, 2) : renderReport(built);
}
