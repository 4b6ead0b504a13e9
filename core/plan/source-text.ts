import type { PlanFault } from './plan-fault.ts';

/** How many characters of a long line an excerpt shows on each side of the caret. */
const EXCERPT_REACH = 70;

/** Characters that a terminal acts upon; a tab may stay. */
const CONTROL = /(?!\t)\p{Cc}/u;

/**
 * A file's text without byte order mark and with LF line ends, so that a checkout on another system compiles to the same bytes.
 *
 * Offsets are UTF-8 bytes, since PostgreSQL's parser counts in them.
 */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  readonly bytes: Buffer;
  /** The byte at which each line starts. */
  readonly lineStarts: readonly number[];
}

/** Reads a file's text; characters that no SQL or YAML file can rightly hold are a fault. */
export function sourceText(file: string, raw: string): SourceText | PlanFault {
  const text = raw.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const bytes = Buffer.from(text, 'utf8');
  const lineStarts = [0];
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) lineStarts.push(at + 1);
  const source: SourceText = { file, text, bytes, lineStarts };
  return unreadable(source) ?? source;
}

export function isFault(value: SourceText | PlanFault): value is PlanFault {
  return 'message' in value;
}

/** The line, from 1, of a byte offset. */
export function lineAt(source: SourceText, offset: number): number {
  let low = 0;
  let high = source.lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((source.lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** A fault at a byte offset. */
export function faultAt(source: SourceText, offset: number, message: string): PlanFault {
  const line = lineAt(source, offset);
  const start = source.lineStarts[line - 1] ?? 0;
  const end = source.lineStarts[line] ?? source.bytes.length + 1;
  const before = [...source.bytes.subarray(start, offset).toString('utf8')];
  const whole = [...source.bytes.subarray(start, end - 1).toString('utf8')].map((character) => (CONTROL.test(character) ? '\uFFFD' : character));
  return { file: source.file, line, column: before.length + 1, message, excerpt: excerpt(whole, before.length) };
}

/** The byte offset of an offset in UTF-16 units, which the YAML parser counts in. */
export function offsetOfUnit(source: SourceText, unit: number): number {
  return Buffer.byteLength(source.text.slice(0, unit), 'utf8');
}

/** The byte offset of an offset in characters, which PostgreSQL's error positions count in. */
export function offsetOfCharacter(source: SourceText, character: number): number {
  return Buffer.byteLength([...source.text].slice(0, character).join(''), 'utf8');
}

function unreadable(source: SourceText): PlanFault | null {
  const nul = source.text.indexOf('\0');
  if (nul !== -1) return faultAt(source, offsetOfUnit(source, nul), 'a NUL byte, which PostgreSQL cannot store; save the file as UTF-8 text');
  const replaced = source.text.indexOf('\uFFFD');
  if (replaced === -1) return null;
  return faultAt(source, offsetOfUnit(source, replaced), 'bytes that are not UTF-8; save the file as UTF-8');
}

/** Tabs stay tabs in the caret's line, so that it stands under its character. */
function excerpt(line: readonly string[], at: number): string | null {
  if (line.every((character) => character.trim() === '')) return null;
  const from = Math.max(0, at - EXCERPT_REACH);
  const shown = line.slice(from, at + EXCERPT_REACH);
  const head = from > 0 ? '…' : '';
  const tail = line.length > at + EXCERPT_REACH ? '…' : '';
  const indent = line.slice(from, at).map((character) => (character === '\t' ? '\t' : ' '));
  return `${head}${shown.join('')}${tail}\n${' '.repeat(head.length)}${indent.join('')}^`;
}
