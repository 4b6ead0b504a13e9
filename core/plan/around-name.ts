import { scanSync } from 'libpg-query';
import { quoteIdent } from '../transfer/identifier.ts';
import type { AroundName } from './compiled-plan.ts';
import type { ParsedStatement } from './parse-sql.ts';
import { isComment } from './parse-sql.ts';
import { nodesIn } from './sql-tree.ts';
import type { TablePlace } from './table-places.ts';

/**
 * A statement's text before and after a table's name, so that another name between the two is read in its place.
 *
 * A table without an alias gets its own name as one, since the SELECT calls it so; not where columns are named with its schema, which live
 * sync refuses. ONLY stays; its brackets and a `*` go with the name.
 */
export function aroundName(statement: ParsedStatement, { range, reference }: Pick<TablePlace, 'range' | 'reference'>): AroundName {
  const tokens = scanSync(statement.sql).tokens.filter((token) => !isComment(token));
  const first = tokens.findIndex(({ start }) => start === (range.location ?? 0) - statement.start);
  let last = first;
  while (tokens[last + 1]?.text === '.') last += 2;
  if (tokens[last + 1]?.text === '*') last++;
  const inBrackets = tokens[first - 1]?.text === '(' && tokens[first - 2]?.text.toLowerCase() === 'only';
  const bytes = Buffer.from(statement.sql, 'utf8');
  const start = tokens[inBrackets ? first - 1 : first]?.start ?? 0;
  const end = tokens[inBrackets ? last + 1 : last]?.end ?? bytes.length;
  const before = bytes.subarray(0, start).toString('utf8');
  const after = bytes.subarray(end).toString('utf8');
  const alias = range.alias === undefined && !namesSchemas(statement) ? ` as ${quoteIdent(reference)}` : '';
  return {
    before: /[\s(,]$/.test(before) ? before : `${before} `,
    after: `${alias}${/^\w/.test(after) || after.startsWith('"') ? ' ' : ''}${after}`,
  };
}

/** `public.contacts.id` means nothing beside an alias. */
function namesSchemas({ node }: ParsedStatement): boolean {
  return nodesIn(node).some((one) => 'ColumnRef' in one && (one.ColumnRef.fields?.length ?? 0) > 2);
}
