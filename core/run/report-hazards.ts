import { byHazardAndTable } from './hazard-findings.ts';
import { table } from './markdown.ts';
import type { Report } from './report.ts';

/** The dangers that the plan names and takes on, each with its reason; null when there are none. */
export function hazardTable({ accepted }: Report): string | null {
  const rows = byHazardAndTable(accepted).map(({ first, places }) => [
    first.hazard,
    places.join(', '),
    first.table === null ? '' : `${first.table.schema}.${first.table.name}`,
    first.lock ?? '',
    first.waits ?? '',
    first.because,
  ]);
  return rows.length === 0 ? null : table(['hazard', 'where', 'table', 'lock', 'who waits', 'because'], rows);
}
