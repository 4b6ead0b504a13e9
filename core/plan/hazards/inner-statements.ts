import type { Node } from 'libpg-query';
import { parsePlPgSQLSync, parseSync } from 'libpg-query';
import type { FoundHazard } from './hazard.ts';

/** The statements that one statement runs: itself, the parts of CREATE SCHEMA, and those of a DO block. */
export interface InnerStatements {
  readonly nodes: readonly Node[];
  readonly hidden: readonly FoundHazard[];
}

/** The statements in a statement; those of a function's body run later, and are not among them. */
export function innerStatements(node: Node, sql: string): InnerStatements {
  if ('CreateSchemaStmt' in node) {
    const { schemaname = '', schemaElts = [] } = node.CreateSchemaStmt;
    return { nodes: schemaElts.map((part) => inSchema(part, schemaname)), hidden: [] };
  }
  if (!('DoStmt' in node)) return { nodes: [], hidden: [] };
  const language = (node.DoStmt.args ?? []).find((one) => 'DefElem' in one && one.DefElem.defname === 'language');
  const isOther = language !== undefined && stringIn(language) !== 'plpgsql';
  if (isOther) return { nodes: [], hidden: [hidden('the DO block')] };
  try {
    return blockStatements(parsePlPgSQLSync(sql));
  } catch {
    // The server will refuse it.
    return { nodes: [], hidden: [hidden('the DO block')] };
  }
}

function stringIn(option: Node): string | undefined {
  const value = 'DefElem' in option ? option.DefElem.arg : undefined;
  return value !== undefined && 'String' in value ? value.String.sval : undefined;
}

/** A name without a schema, of a thing that CREATE SCHEMA makes, is in that schema. */
function inSchema(part: Node, schema: string): Node {
  const [kind = '', value] = Object.entries(part)[0] ?? [];
  const named = Object.entries(value as object).map(([key, child]: [string, unknown]) => {
    const isOwnName = ['relation', 'view', 'sequence'].includes(key) && typeof child === 'object';
    return [key, isOwnName ? { schemaname: schema, ...child } : child];
  });
  return { [kind]: Object.fromEntries(named) } as unknown as Node;
}

function blockStatements(tree: unknown): InnerStatements {
  const nodes: Node[] = [];
  const found: FoundHazard[] = [];
  const open: unknown[] = [tree];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const [key, child] of Object.entries(next).toReversed() as [string, unknown][]) {
      if (key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors') found.push(hidden('EXECUTE in the DO block'));
      if (key === 'PLpgSQL_expr') nodes.push(...expressionStatements(child));
      else open.push(child);
    }
  }
  return { nodes, hidden: found };
}

/** parseMode 0 is a whole statement, any other one an expression or an assignment (PostgreSQL, raw_parser). */
function expressionStatements(expression: unknown): readonly Node[] {
  const { query = '', parseMode = 0 } = expression as { readonly query?: string; readonly parseMode?: number };
  const texts = parseMode === 0 ? [query] : [`select ${query}`, `select ${query.replace(/^.*?:?=/s, '')}`];
  for (const text of texts) {
    try {
      return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]));
    } catch {
      // Not what it was taken for: an assignment is tried without its left side.
    }
  }
  return [];
}

function hidden(subject: string): FoundHazard {
  return { name: 'HIDDEN_STATEMENTS', subject, table: null, at: null };
}
