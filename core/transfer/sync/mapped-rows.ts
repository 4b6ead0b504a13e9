import type { AroundName, Transfer } from '../../plan/compiled-plan.ts';

/** A SELECT with another relation in a table's place. */
export function around({ before, after }: AroundName, relation: string): string {
  return `${before}${relation}${after}`;
}

/** The transfer's SELECT with another relation in a table's place, without the rows that belong in the quarantine. */
export function mappedSql(transfer: Transfer, place: AroundName, relation: string): string {
  const select = around(place, relation);
  if (transfer.quarantine.length === 0) return select;
  const isGood = transfer.quarantine.map(({ condition }) => `(${condition}\n) is not true`).join(' and ');
  return `select m.* from (\n${select}\n) as m where ${isGood}`;
}

/** A SELECT with one more output column, in front of its own. */
export function withOutput(select: string, output: string): string {
  const at = afterOutermostSelect(select);
  return `${select.slice(0, at)} ${output},${select.slice(at)}`;
}

const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|[()]|\bselect\b/gi;

function afterOutermostSelect(sql: string): number {
  let depth = 0;
  for (const { 0: token, index } of sql.matchAll(TOKENS)) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (depth === 0 && token.toLowerCase() === 'select') return index + token.length;
  }
  throw new Error(`no SELECT in: ${sql}`);
}
