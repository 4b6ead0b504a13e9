/** A page whose tables are not lined up, so that a test names a row without its neighbours' widths. */
export function unpadded(page: string): string {
  return page
    .split('\n')
    .map((line) =>
      line.startsWith('|') ? line.replace(/ +\|/g, ' |').replace(/\| +/g, '| ').replace(/\| \|/g, '|  |').replace(/\| \|/g, '|  |') : line,
    )
    .join('\n');
}
