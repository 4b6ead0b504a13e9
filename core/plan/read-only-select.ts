import type { Node, SelectStmt } from 'libpg-query';
import { DIRECT_CALL_CHARACTERS } from './call-limits.ts';
import type { ParsedStatement, SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { refusal } from './refuse-statement.ts';
import { faultAt } from './source-text.ts';
import { functionName, kindOf, locationOf, nodesIn } from './sql-tree.ts';

const WRITES: ReadonlyMap<string, string> = new Map([
  ['InsertStmt', 'INSERT'],
  ['UpdateStmt', 'UPDATE'],
  ['DeleteStmt', 'DELETE'],
  ['MergeStmt', 'MERGE'],
]);

/** Functions that change something although a SELECT calls them. */
const WRITING_FUNCTIONS = ['nextval', 'setval', 'set_config', 'pg_notify', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_advisory_xact_lock'];

/** The statement when it is one SELECT that changes and locks nothing; else its faults are reported, and null comes back. */
export function readOnlySelect(file: SqlFile, statement: ParsedStatement, what: 'check' | 'transfer', report: Report): SelectStmt | null {
  const refuse = (message: string, node: Node = statement.node): null => {
    report(faultAt(file.source, locationOf(node) ?? statement.start, message));
    return null;
  };
  if (!('SelectStmt' in statement.node)) return refuse(`a ${what} is one SELECT; got ${statement.sql.split(/\s/, 1)[0]?.toUpperCase()}`);
  const faults = nodesIn(statement.node).flatMap((node) => {
    const reason = refusePart(node, what);
    return reason === null ? [] : [{ node, reason }];
  });
  for (const { node, reason } of faults) refuse(reason, node);
  if (statement.sql.length > DIRECT_CALL_CHARACTERS) {
    return refuse(`a ${what} takes ${DIRECT_CALL_CHARACTERS} characters at most, since it is one call; got ${statement.sql.length}; shorten it`);
  }
  const general = faults.length === 0 ? refusal(statement.node) : null;
  if (general !== null) return refuse(`SELECT is refused: ${general}`);
  return faults.length === 0 ? statement.node.SelectStmt : null;
}

function refusePart(node: Node, what: 'check' | 'transfer'): string | null {
  const write = WRITES.get(kindOf(node));
  if (write !== undefined) return `a ${what} only reads, and this WITH query holds ${write}; remove it`;
  if ('SelectStmt' in node && node.SelectStmt.intoClause !== undefined) return `a ${what} only reads, and SELECT INTO makes a table; remove INTO`;
  if ('SelectStmt' in node && node.SelectStmt.lockingClause !== undefined) return `a ${what} locks no rows; remove FOR UPDATE or FOR SHARE`;
  if (isNotIn(node)) return 'NOT IN with a query compares every pair of rows and finds nothing beside a NULL; write "not exists (select …)"';
  if (!('FuncCall' in node)) return null;
  const name = functionName(node.FuncCall);
  return WRITING_FUNCTIONS.includes(name) ? `a ${what} only reads, and ${name}() does more; remove it` : null;
}

/** `x not in (select …)`, and `x <> all (select …)`, which is the same. */
export function isNotIn(node: Node): boolean {
  if ('SubLink' in node) return node.SubLink.subLinkType === 'ALL_SUBLINK' && JSON.stringify(node.SubLink.operName) === '[{"String":{"sval":"<>"}}]';
  if (!('BoolExpr' in node) || node.BoolExpr.boolop !== 'NOT_EXPR') return false;
  const [operand] = node.BoolExpr.args ?? [];
  return operand !== undefined && 'SubLink' in operand && operand.SubLink.subLinkType === 'ANY_SUBLINK' && operand.SubLink.operName === undefined;
}
