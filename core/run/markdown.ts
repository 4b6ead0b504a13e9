/** A longer cell moves the rest of its own row, and of no other. */
const WIDEST = 40;

/** A table, lined up for those who read the page as it is; columns whose heading starts with `>` are aligned to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isRight = headings.map((heading) => heading.startsWith('>'));
  const lines = [headings.map((heading) => heading.replace(/^>/, '')), ...rows.map((row) => row.map((cell) => cellText(String(cell))))];
  const widths = headings.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0).filter((width) => width <= WIDEST)));
  const padded = (cell: string, column: number) => (isRight[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0));
  const rule = widths.map((width, column) => (isRight[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  const [head = [], ...body] = lines.map((line) => line.map(padded));
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** A heading and what stands below it; nothing when there is nothing below. */
export function section(heading: string, ...parts: readonly (string | null)[]): string | null {
  const below = parts.filter((part): part is string => part !== null && part !== '');
  return below.length === 0 ? null : [heading, ...below].join('\n\n');
}

/** Lines of a list. */
export function list(items: readonly string[]): string {
  return items.map((item) => `- ${item.replace(/\n/g, '\n  ')}`).join('\n');
}

/** Fenced so that backticks within stay what they are. */
export function codeBlock(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`;
}

function cellText(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
}
