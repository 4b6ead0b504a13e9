import type { Deletes, QualifiedName, Sync } from './compiled-plan.ts';
import type { Header, SqlFile } from './parse-sql.ts';
import { parseName, qualified } from './sql-tree.ts';
import { explainUnknown } from './unknown-key.ts';

/** What a transfer's file may say above its SELECT. */
export const HEADERS: readonly string[] = ['into', 'from', 'key', 'sync', 'deletes', 'quarantine when', 'parallel', 'inverse', 'allow'];
const REPEATED = ['allow', 'quarantine when', 'inverse'];

/** A transaction for each range at once; more than this, and the machine is the limit. */
const MOST_PARALLEL = 8;

/** Takes a fault at a byte offset of the file at hand. */
export type Refuse = (offset: number, message: string) => void;

export interface TransferHeaders {
  readonly into: QualifiedName;
  readonly from: QualifiedName;
  /** Output columns; at least one. */
  readonly key: readonly string[];
  readonly sync: Sync;
  readonly deletes: Deletes;
  readonly parallel: number;
}

/** Reads the headers above the SELECT; null when one is missing or wrong. What holds an expression is read by header-expressions.ts. */
export function readTransferHeaders(file: SqlFile, refuse: Refuse): TransferHeaders | null {
  refusePlaces(file, refuse);
  const [into, from] = (['into', 'from'] as const).map((name) => readName(file, name, refuse));
  const key = readKey(file, refuse);
  const sync = readSync(headerNamed(file, 'sync'), refuse);
  const deletes = readDeletes(headerNamed(file, 'deletes'), sync, refuse);
  const parallel = readParallel(headerNamed(file, 'parallel'), refuse);
  if (!into || !from || key === null || sync === null || deletes === null || parallel === null) return null;
  return { into: qualified(into), from: qualified(from), key, sync, deletes, parallel };
}

/** Every header of that name, in order. */
export function headersNamed(file: SqlFile, name: string): readonly Header[] {
  return file.headers.filter(({ key }) => key === name);
}

function headerNamed(file: SqlFile, name: string): Header | undefined {
  return headersNamed(file, name)[0];
}

function refusePlaces(file: SqlFile, refuse: Refuse): void {
  const start = file.statements[0]?.start ?? 0;
  file.headers.forEach((header, index) => {
    if (!HEADERS.includes(header.key)) refuse(header.start, explainUnknown('header', header.key, HEADERS));
    if (!REPEATED.includes(header.key) && file.headers.findIndex(({ key }) => key === header.key) < index)
      refuse(header.start, `the header "${header.key}" is given twice; keep one of them`);
    if (header.start > start && file.statements.length > 0) refuse(header.start, 'a header below the SELECT; put the headers above it');
  });
}

const EXAMPLES = { into: 'customers', from: 'contacts', key: 'id' } as const;

function refuseMissing(file: SqlFile, name: keyof typeof EXAMPLES, refuse: Refuse): null {
  refuse(file.statements[0]?.start ?? 0, `the header "${name}" is missing; write "--! ${name}: ${EXAMPLES[name]}" above the SELECT`);
  return null;
}

function readName(file: SqlFile, name: 'into' | 'from', refuse: Refuse): readonly string[] | null {
  const header = headerNamed(file, name);
  if (header === undefined) return refuseMissing(file, name, refuse);
  const parts = parseName(header.value);
  if (parts === null) refuse(header.start, `"${name}" must be a name, such as ${EXAMPLES[name]}; got ${JSON.stringify(header.value)}`);
  return parts;
}

function readKey(file: SqlFile, refuse: Refuse): readonly string[] | null {
  const header = headerNamed(file, 'key');
  if (header === undefined) return refuseMissing(file, 'key', refuse);
  const columns = splitNames(header.value).map(parseName);
  const names = columns.flatMap((parts) => (parts?.length === 1 ? parts : []));
  if (names.length === columns.length && new Set(names).size === names.length) return names;
  const wide = columns.find((parts) => (parts?.length ?? 0) > 1);
  if (columns.includes(null)) refuse(header.start, `"key" must be a name, or names with commas between; got ${JSON.stringify(header.value)}`);
  else if (wide) refuse(header.start, `the key is an output column, without its table; got ${wide.join('.')}`);
  else refuse(header.start, `the key names a column twice; got ${JSON.stringify(header.value)}`);
  return null;
}

/** At the commas that stand in no quoted name. */
function splitNames(text: string): readonly string[] {
  return text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((part) => part.trim());
}

function readSync(header: Header | undefined, refuse: Refuse): Sync | null {
  const value = header?.value ?? 'none';
  if (value === 'none' || value === 'forward' || value === 'both') return value;
  refuse(header?.start ?? 0, `"sync" must be none, forward or both; got ${JSON.stringify(value)}`);
  return null;
}

function readDeletes(header: Header | undefined, sync: Sync | null, refuse: Refuse): Deletes | null {
  if (header === undefined) return { kind: 'hard' };
  if (sync === 'none') {
    refuse(header.start, '"deletes" says what live sync does with a row whose source row goes, and this transfer has none; add "sync", or remove it');
    return null;
  }
  const [, word = '', rest = ''] = /^(hard|soft)\b\s*(.*)$/s.exec(header.value) ?? [];
  if (word === 'hard' && rest === '') return { kind: 'hard' };
  const column = word === 'soft' ? parseName(rest) : null;
  if (column?.length === 1) return { kind: 'soft', column: column[0] ?? '' };
  refuse(
    header.start,
    `"deletes" must be hard, or soft and the target's column that marks the row, such as "soft deleted_at"; got ${JSON.stringify(header.value)}`,
  );
  return null;
}

function readParallel(header: Header | undefined, refuse: Refuse): number | null {
  const value = header?.value ?? '1';
  if (/^\d$/.test(value) && Number(value) >= 1 && Number(value) <= MOST_PARALLEL) return Number(value);
  refuse(
    header?.start ?? 0,
    `"parallel" must be a whole number from 1 to ${MOST_PARALLEL}: how many key ranges are copied at once; got ${JSON.stringify(value)}`,
  );
  return null;
}
