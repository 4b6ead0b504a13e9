import type * as z from 'zod';
import { StartEnvelope } from '../../core/run/envelope.ts';
import { Outcome } from '../../core/run/outcome.ts';
import { buildReport } from '../../core/run/report.ts';
import { renderReport } from '../../core/run/report-markdown.ts';
import { RunPlace } from '../../core/run/run-place.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const WriteReportInput = StartEnvelope.extend({ outcome: Outcome });

/** Makes the report from the journal alone: one JSON document, one Markdown page. */
export function writeReport(
  deps: Pick<StatePorts, 'journal'> & { readonly place: RunPlace },
): Work<z.infer<typeof WriteReportInput>, { json: string; page: string }> {
  return async ({ run }) => {
    const report = buildReport(await deps.journal.readAll(run.id), deps.place);
    const json = await deps.journal.writePage(run.id, {
      name: 'report.json',
      text: `${JSON.stringify(report, null, 2)}\n`,
      contentType: 'application/json',
    });
    const page = await deps.journal.writePage(run.id, { name: 'report.md', text: renderReport(report), contentType: 'text/markdown; charset=utf-8' });
    return { json, page };
  };
}

export const handler = stateHandler(WriteReportInput, (environment) =>
  writeReport({ ...statePorts(environment), place: RunPlace.parse(JSON.parse(environment.STEPGATE_PLACE)) }),
);
