import type { Node, ScanToken } from 'libpg-query';
import { hasSqlDetails, parseSync, scanSync } from 'libpg-query';
import type { Inverse, QuarantineRule } from './compiled-plan.ts';
import { groupsRows, makesRows, unsteadyReason } from './mapping-select.ts';
import type { Header, SqlFile } from './parse-sql.ts';
import { colonFaults, isComment } from './parse-sql.ts';
import { lineAt } from './source-text.ts';
import { functionName, kindOf, locationOf, nodesIn, parseName, stringsOf } from './sql-tree.ts';
import type { Refuse } from './transfer-headers.ts';
import { headersNamed } from './transfer-headers.ts';

const SELECT = 'select ';

interface Expression {
  /** From its first token to its last. */
  readonly text: string;
  /** Output columns that it reads, each once. */
  readonly columns: readonly string[];
}

/** Where an expression stands, and what it may read. */
interface Place {
  readonly start: number;
  /** "the condition", in sentences. */
  readonly what: string;
  readonly columns: readonly string[];
  readonly refuse: Refuse;
}

/** The conditions of `quarantine when`, in the order of their headers; one with a fault is left out. */
export function quarantineRules(file: SqlFile, columns: readonly string[], refuse: Refuse): readonly QuarantineRule[] {
  return headersNamed(file, 'quarantine when').flatMap((header) => {
    const expression = readExpression(header.value, { start: header.valueStart, what: 'the condition', columns, refuse });
    if (expression === null) return [];
    if (expression.columns.length === 0) {
      refuse(header.valueStart, 'the condition reads no column of the SELECT, so it is the same for every row; name one of its columns');
      return [];
    }
    return [{ condition: expression.text, line: lineAt(file.source, header.start) }];
  });
}

/** A header `inverse`, and where it starts. */
export interface DeclaredInverse {
  readonly inverse: Inverse;
  readonly start: number;
}

/** What the headers `inverse` say, in their order; one with a fault is left out. */
export function inversesOf(file: SqlFile, columns: readonly string[], refuse: Refuse): readonly DeclaredInverse[] {
  const found: DeclaredInverse[] = [];
  for (const header of headersNamed(file, 'inverse')) {
    const inverse = readInverse(header, columns, refuse);
    if (inverse === null) continue;
    if (found.some((other) => other.inverse.source === inverse.source))
      refuse(header.start, `the source column ${inverse.source} has an inverse already; keep one of them`);
    else found.push({ inverse, start: header.start });
  }
  return found;
}

function readInverse(header: Header, columns: readonly string[], refuse: Refuse): Inverse | null {
  const [, head = '', name = '', text = ''] = /^(("(?:[^"]|"")+"|[^\s=]+)\s*=\s*)(\S.*)$/s.exec(header.value) ?? [];
  const source = parseName(name);
  if (source?.length !== 1) {
    const got = JSON.stringify(header.value);
    refuse(
      header.start,
      `"inverse" must be a column of the driving table, "=", and an expression over the SELECT's columns, such as "firstname = nullif(first_name, '')"; got ${got}`,
    );
    return null;
  }
  const start = header.valueStart + Buffer.byteLength(head);
  const expression = readExpression(text, { start, what: 'the inverse', columns, refuse });
  if (expression === null) return null;
  if (expression.columns.length === 0) {
    refuse(start, 'the inverse reads no column of the SELECT, so nothing comes back by it; name one of its columns');
    return null;
  }
  return { source: source[0] ?? '', expression: expression.text, columns: expression.columns };
}

function readExpression(text: string, place: Place): Expression | null {
  const value = parseExpression(text, place);
  if (value === null) return null;
  const tokens = scanSync(text).tokens.filter((token) => !isComment(token));
  const offset = (node: Node): number => place.start + Math.max((locationOf(node) ?? SELECT.length) - SELECT.length, 0);
  const nodes = nodesIn(value);
  const faults = nodes.flatMap((node) => {
    const reason = partFault(node, place);
    return reason === null ? [] : [{ node, reason }];
  });
  const [first] = [
    ...faults.map(({ node, reason }) => ({ at: offset(node), reason })),
    ...colonFaults(tokens).map(({ start, reason }) => ({ at: place.start + start, reason })),
  ];
  if (first !== undefined) {
    place.refuse(first.at, first.reason);
    return null;
  }
  const columns = nodes.flatMap((node) => ('ColumnRef' in node ? stringsOf(node.ColumnRef.fields) : []));
  return { text: spanOf(text, tokens), columns: [...new Set(columns)] };
}

/** The one value that a text is as the only column of a SELECT. */
function parseExpression(text: string, { start, what, refuse }: Place): Node | null {
  const isNoValue = (): null => {
    refuse(start, `${what} must be one expression; got ${JSON.stringify(text)}`);
    return null;
  };
  try {
    const statements = parseSync(SELECT + text).stmts ?? [];
    const select = statements[0]?.stmt;
    if (statements.length !== 1 || select === undefined || !('SelectStmt' in select)) return isNoValue();
    const { targetList = [], limitOption: _, op: __, ...clauses } = select.SelectStmt;
    const [target] = targetList;
    if (targetList.length !== 1 || Object.keys(clauses).length > 0 || target === undefined || !('ResTarget' in target)) return isNoValue();
    return target.ResTarget.name === undefined ? (target.ResTarget.val ?? null) : isNoValue();
  } catch (error) {
    refuse(start + faultOffset(text, error), `${what} is no SQL expression: ${error instanceof Error ? error.message : String(error)}; correct it`);
    return null;
  }
}

/** In bytes from the start of the text; PostgreSQL counts characters. */
function faultOffset(text: string, error: unknown): number {
  const position = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0;
  return Buffer.byteLength([...text].slice(0, Math.max(position - SELECT.length, 0)).join(''), 'utf8');
}

function partFault(node: Node, { what, columns }: Place): string | null {
  if ('SubLink' in node) return `${what} holds a subquery, and is judged row by row; use the SELECT's own columns only`;
  if ('ParamRef' in node) return `${what} holds the parameter $${node.ParamRef.number ?? 0}, which has no value; write the value`;
  if (groupsRows(node)) return `${what} holds an aggregate or window function, and is judged row by row; remove it`;
  if (makesRows(node))
    return `${what} calls ${'FuncCall' in node ? functionName(node.FuncCall) : kindOf(node)}(), which makes several rows of one; remove it`;
  const unsteady = unsteadyReason(node);
  if (unsteady !== null) return `${what} is read again to verify every row, and ${unsteady} gives another value each time; remove it`;
  if (!('ColumnRef' in node)) return null;
  const parts = stringsOf(node.ColumnRef.fields);
  const [name = '*'] = parts;
  if (parts.length > 1) return `${what} names the SELECT's columns, without a table; got ${parts.join('.')}`;
  return columns.includes(name) ? null : `${what} names ${name}, which is not a column of the SELECT; it has ${columns.join(', ')}`;
}

/** A comment at the end would swallow what follows the text. */
function spanOf(text: string, tokens: readonly ScanToken[]): string {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.subarray(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? bytes.length).toString('utf8');
}
