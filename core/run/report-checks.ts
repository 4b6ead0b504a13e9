import { counted, countInWords, durationInWords } from './in-words.ts';
import type { CheckResult } from './journal.ts';
import { section, table } from './markdown.ts';
import { percent } from './quality.ts';

/** Numbers each query and call once, in the order in which the page names them, and gives the link to it. */
export type Source = (text: string) => string;

/** Lines of one quality check that the page shows, worst first; the rest is in the JSON document. */
const SCOPES_SHOWN = 10;

export const CHECK_HEADINGS = ['status', 'check', '>violations', '>of', 'keys', '>took', 'where', 'source'];

export function checkTable(results: readonly CheckResult[] | null, source: Source): string | null {
  if (results === null || results.length === 0) return null;
  const rows = results.map((check) => checkRow(check, source));
  return table(CHECK_HEADINGS, rows);
}

/** The cells under CHECK_HEADINGS. */
export function checkRow(check: CheckResult, source: Source): readonly string[] {
  const measured = check.measures.map(({ name, value }) => `${name} = ${value}`);
  return [
    check.status.toUpperCase(),
    check.name,
    countInWords(check.bad),
    check.total === null ? '' : countInWords(check.total),
    [...measured, ...check.samples].join(', '),
    durationInWords(check.durationMs),
    `${check.file}:${check.line}`,
    source(check.query),
  ];
}

/** One line per scope, such as a workspace, with its share of valid rows. */
export function scopeTable(check: CheckResult): string | null {
  if (check.scopes.length === 0) return null;
  const total = BigInt(check.total ?? 0);
  const overall = percent({ valid: total - BigInt(check.bad), total });
  const shown = check.scopes.slice(0, SCOPES_SHOWN).map(({ scope, valid, total: all }) => {
    const share = percent({ valid: BigInt(valid), total: BigInt(all) });
    return [scope, countInWords(valid), countInWords(all), share];
  });
  const more = check.scopes.length - shown.length;
  return section(
    `### ${check.name}: ${overall} valid overall`,
    table(['scope', '>valid', '>rows', '>share'], shown),
    more > 0 ? `and ${counted(more, 'more scope')}, each at least as good; report.json has them` : null,
  );
}
