import { counted } from './in-words.ts';

interface Found {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

/** What an undo found written by others, in one clause: `written meanwhile by others, and kept: public.workspaces: 156 rows before, 157 rows now`. */
export function writtenMeanwhile(found: readonly Found[]): string {
  const tables = found.filter((one) => !isOfSchema(one));
  const objects = found.length - tables.length;
  const said = [...tables.map(oneOf), ...(objects === 0 ? [] : [`${counted(objects, 'line')} of the schema`])];
  return `written meanwhile by others, and kept: ${said.join(', ')}`;
}

/** A catalog object is there or not there; a table that is, has a number of rows. */
function isOfSchema({ before, after }: Found): boolean {
  return before === 'there' || after === 'there';
}

function oneOf({ what, before, after }: Found): string {
  const [was, is] = [rowsOf(before), rowsOf(after)];
  return was === is ? `${what}: ${is} before and now, other values` : `${what}: ${was} before, ${is} now`;
}

/** Without the digest behind a number of rows, which tells people nothing. */
function rowsOf(text: string): string {
  return text.replace(/^(\d+) rows? [0-9a-f]{32}$/, (_, rows) => counted(Number(rows), 'row'));
}
