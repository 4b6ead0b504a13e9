import { counted, countInWords, durationInWords } from './in-words.ts';
import type { CheckResult, Finding } from './journal.ts';
import { section, table } from './markdown.ts';
import { percent } from './quality.ts';

/** Numbers each query and call once, in the order in which the page names them, and gives the link to it. */
export type Source = (text: string) => string;

/** Lines of one quality check that the page shows, worst first; the rest is in the JSON document. */
const SCOPES_SHOWN = 10;

export function findingTable(findings: readonly Finding[], source: Source): string {
  const rows = findings.map((finding) => [finding.status.toUpperCase(), finding.name, finding.found, finding.advice, source(finding.source)]);
  return table(['status', 'check', 'found', 'what to do', 'source'], rows);
}

export const CHECK_HEADINGS = ['status', 'check', '>violations', '>of', 'keys or measures', '>took', 'where', 'source'];

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
  const notWhole = check.scopes.filter(({ valid, total: all }) => valid < all);
  const shown = notWhole.slice(0, SCOPES_SHOWN).map(({ scope, valid, total: all }) => {
    const share = percent({ valid: BigInt(valid), total: BigInt(all) });
    return [scope, countInWords(valid), countInWords(all), share];
  });
  const rest = notWhole.length > shown.length ? 'that are at least as good' : 'without a row that is not valid';
  const more = check.scopes.length - shown.length;
  return section(
    `### ${check.name}: ${overall} valid overall`,
    shown.length > 0 ? table(['scope', '>valid', '>rows', '>share'], shown) : null,
    more > 0 ? `${shown.length > 0 ? 'and ' : ''}${counted(more, 'scope')} ${rest}; report.json has each` : null,
  );
}
