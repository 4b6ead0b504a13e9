/** What an undo found written by others, in one clause: `written meanwhile by others, and kept: public.workspaces: 156 rows before, 157 rows now`. */
export function writtenMeanwhile(found: readonly { readonly what: string; readonly before: string; readonly after: string }[]): string {
  return `written meanwhile by others, and kept: ${found.map(oneOf).join(', ')}`;
}

function oneOf({ what, before, after }: { readonly what: string; readonly before: string; readonly after: string }): string {
  const [was, is] = [rowsOf(before), rowsOf(after)];
  return was === is ? `${what}: ${is} before and now, other values` : `${what}: ${was} before, ${is} now`;
}

/** Without the digest behind a number of rows, which tells people nothing. */
function rowsOf(text: string): string {
  return text.replace(/^(\d+ rows?) [0-9a-f]{32}$/, '$1');
}
