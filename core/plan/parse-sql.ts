import type { Node, RawStmt, ScanToken } from 'libpg-query';
import { hasSqlDetails, parseSync, scanSync } from 'libpg-query';
import type { Report } from './plan-fault.ts';
import { faultAt, lineAt, offsetOfCharacter, type SourceText } from './source-text.ts';

/** A SQL file, split by PostgreSQL's own grammar. Offsets are bytes in the source. */
export interface SqlFile {
  readonly source: SourceText;
  readonly statements: readonly ParsedStatement[];
  readonly headers: readonly Header[];
}

export interface ParsedStatement {
  readonly node: Node;
  /** From the first token to the last: no semicolon, no comment around it. */
  readonly sql: string;
  /** From 1. */
  readonly number: number;
  /** Of the first token. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** A comment of the form `--! key: value`. */
export interface Header {
  readonly key: string;
  /** Without the ordinary comment that may follow it on the line. */
  readonly value: string;
  readonly start: number;
  /** Where the value starts. */
  readonly valueStart: number;
}

/**
 * Splits a file into statements with their exact text; null when it does not parse.
 *
 * `loadModule` of libpg-query must have been awaited.
 */
export function parseSql(source: SourceText, report: Report): SqlFile | null {
  if (source.text.trim() === '') return { source, statements: [], headers: [] };
  const parsed = parseText(source, report);
  if (parsed === null) return null;
  const tokens = scanSync(source.text).tokens;
  const code = tokens.filter((token) => !isComment(token));
  const statements = splitByTokens(source, parsed, code);
  reportColons(source, code, report);
  const headers = tokens.filter((token) => token.text.startsWith('--!') && isComment(token)).flatMap((token) => parseHeader(source, token, report));
  const isInside = (header: Header): boolean => statements.some(({ start, end }) => start < header.start && header.start < end);
  for (const { start } of headers.filter(isInside)) {
    report(faultAt(source, start, 'a --! header inside a statement; put it on a line of its own above the statement'));
  }
  return { source, statements, headers: headers.filter((header) => !isInside(header)) };
}

function parseText(source: SourceText, report: Report): readonly RawStmt[] | null {
  try {
    return parseSync(source.text).stmts ?? [];
  } catch (error) {
    const details = hasSqlDetails(error) ? error.sqlDetails : undefined;
    const offset = offsetOfCharacter(source, details?.cursorPosition ?? 0);
    const message = details?.message ?? (error instanceof Error ? error.message : String(error));
    report(faultAt(source, offset, explainSyntax(source, offset, message)));
    return null;
  }
}

/** What psql understands and PostgreSQL does not gets its own advice. */
function explainSyntax(source: SourceText, offset: number, message: string): string {
  const rest = source.bytes.subarray(offset).toString('utf8');
  const before = source.bytes.subarray(0, offset).toString('utf8');
  const command = /^\\\S*/.exec(rest)?.[0];
  if (/\bcopy\b[^;]*\bfrom\s+stdin\b[^;]*;[^;]*$/i.test(before))
    return 'data after COPY … FROM STDIN, which only psql can send; write the rows as an INSERT … VALUES statement';
  if (command !== undefined) return `the psql command ${command}, which PostgreSQL itself does not know; write plain SQL instead, or remove it`;
  const variable = /^:(["'{]?\??\w+["'}]?)/.exec(rest)?.[0];
  if (variable !== undefined) return `the psql variable ${variable}, which nothing fills in here; write its value`;
  return `${firstLine(message)}; correct the statement`;
}

/** An unterminated string is quoted up to the end of the file. */
function firstLine(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line === message ? message : `${line} …"`;
}

/** Whether a token is a comment of either form. */
export function isComment(token: ScanToken): boolean {
  return token.tokenName === 'SQL_COMMENT' || token.tokenName === 'C_COMMENT';
}

/** The parser says where a statement's region lies; its text is what the tokens in it span. */
function splitByTokens(source: SourceText, parsed: readonly RawStmt[], code: readonly ScanToken[]): readonly ParsedStatement[] {
  let next = 0;
  return parsed.flatMap(({ stmt, stmt_location: location = 0, stmt_len: length = 0 }, index) => {
    const end = length === 0 ? source.bytes.length : location + length;
    while ((code[next]?.start ?? end) < location) next++;
    const first = code[next];
    while ((code[next]?.start ?? end) < end) next++;
    const last = code[next - 1];
    if (stmt === undefined || first === undefined || last === undefined) return [];
    const sql = source.bytes.subarray(first.start, last.end).toString('utf8');
    return [{ node: stmt, sql, number: index + 1, line: lineAt(source, first.start), start: first.start, end: last.end }];
  });
}

function reportColons(source: SourceText, code: readonly ScanToken[], report: Report): void {
  for (const { start, reason } of colonFaults(code)) report(faultAt(source, start, reason));
}

/** The Data API takes `:name` for a parameter, which nobody passes; as in the slice `list[1:last]`. `start` is the token's. */
export function colonFaults(code: readonly ScanToken[]): readonly { readonly start: number; readonly reason: string }[] {
  return code.flatMap((token, index) => {
    const next = code[index + 1];
    if (token.text !== ':' || next?.start !== token.end || !/^[A-Za-z_]/.test(next.text)) return [];
    return [{ start: token.start, reason: `the Data API takes :${next.text} for a parameter; put a space behind the colon` }];
  });
}

function parseHeader(source: SourceText, token: ScanToken, report: Report): readonly Header[] {
  const [, head = '', key, value] = /^(--!\s*([a-z][a-z -]*?)\s*:\s*)(.*?)\s*$/s.exec(token.text.replace(/\s+--.*$/s, '')) ?? [];
  const lineStart = source.lineStarts[lineAt(source, token.start) - 1] ?? 0;
  if (source.bytes.subarray(lineStart, token.start).toString('utf8').trim() !== '') {
    report(faultAt(source, token.start, 'a --! header behind other text; put it on a line of its own'));
    return [];
  }
  if (key === undefined || value === undefined) {
    report(faultAt(source, token.start, `a header is written "--! key: value"; got ${JSON.stringify(token.text.trim())}`));
    return [];
  }
  return [{ key, value, start: token.start, valueStart: token.start + Buffer.byteLength(head) }];
}
