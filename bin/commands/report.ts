import * as z from 'zod';
import { buildReport, Report } from '../../core/run/report.ts';
import { renderReport } from '../../core/run/report-markdown.ts';
import type { RunPlace } from '../../core/run/run-place.ts';
import { openStack } from '../open-stack.ts';
import { type ArchivedRun, chooseArchived, localArchive } from '../run-archive.ts';
import { placeOf } from '../run-place.ts';
import type { Shell } from '../shell.ts';

export interface ReportRequest {
  readonly plan: string | undefined;
  readonly run: string | undefined;
  readonly json: boolean;
}

/** Prints a run's report, made again from the journal where the run never came to write it. */
export async function report(shell: Shell, request: ReportRequest): Promise<number> {
  const { terminal, folder, stack } = shell;
  const archive = stack === undefined ? localArchive(folder) : (await openStack(stack, [])).archive;
  const run = await chooseArchived(archive, request);
  const page =
    (await archive.page(run.id, request.json ? 'report.json' : 'report.md')) ?? rebuilt(run, { place: placeOf(shell), json: request.json });
  terminal.out(page.trimEnd());
  return 0;
}

/** The JSON Schema of the report's document. */
export function reportSchema({ terminal }: Pick<Shell, 'terminal'>): number {
  terminal.out(JSON.stringify(z.toJSONSchema(Report), null, 2));
  return 0;
}

function rebuilt({ journal }: ArchivedRun, { place, json }: { readonly place: RunPlace; readonly json: boolean }): string {
  const built = buildReport(journal, place);
  return json ? JSON.stringify(built, null, 2) : renderReport(built);
}
