import type { QualifiedName } from './compiled-plan.ts';
import type { Header, SqlFile } from './parse-sql.ts';
import { NOT_ENFORCED } from './plan-file.ts';
import { parseName, qualified } from './sql-tree.ts';
import { explainUnknown } from './unknown-key.ts';

const HEADERS = ['into', 'from', 'key', 'sync', 'allow'];

/** Takes a fault at a byte offset of the file at hand. */
export type Refuse = (offset: number, message: string) => void;

export interface TransferHeaders {
  readonly into: QualifiedName;
  readonly from: QualifiedName;
  readonly key: string;
}

/** Reads the headers above the SELECT; null when one is missing or wrong. */
export function readTransferHeaders(file: SqlFile, refuse: Refuse): TransferHeaders | null {
  const start = file.statements[0]?.start ?? 0;
  file.headers.forEach((header, index) => {
    if (!HEADERS.includes(header.key)) refuse(header.start, explainUnknown('header', header.key, HEADERS));
    if (header.key !== 'allow' && file.headers.findIndex(({ key }) => key === header.key) < index)
      refuse(header.start, `the header "${header.key}" is given twice; keep one of them`);
    if (header.start > start && file.statements.length > 0) refuse(header.start, 'a header below the SELECT; put the headers above it');
  });
  const [into, from, key] = ['into', 'from', 'key'].map((name) => readName(file, name, refuse));
  refuseSync(file.headers, refuse);
  if (!into || !from || !key) return null;
  if (key.length > 1) {
    refuse(headerNamed(file, 'key')?.start ?? 0, `the key is an output column, without its table; got ${key.join('.')}`);
    return null;
  }
  return { into: qualified(into), from: qualified(from), key: key[0] ?? '' };
}

function readName(file: SqlFile, name: string, refuse: Refuse): readonly string[] | null {
  const header = headerNamed(file, name);
  const example = { into: 'customers', from: 'contacts', key: 'id' }[name] ?? '';
  if (header === undefined) {
    refuse(file.statements[0]?.start ?? 0, `the header "${name}" is missing; write "--! ${name}: ${example}" above the SELECT`);
    return null;
  }
  if (name === 'key' && header.value.includes(',')) {
    refuse(header.start, 'a key of several columns, which this version cannot read in ranges yet; use a table with a key of one column');
    return null;
  }
  const parts = parseName(header.value);
  if (parts === null) refuse(header.start, `"${name}" must be a name, such as ${example}; got ${JSON.stringify(header.value)}`);
  return parts;
}

function refuseSync(headers: readonly Header[], refuse: Refuse): void {
  const sync = headers.find(({ key }) => key === 'sync');
  if (sync === undefined || sync.value === 'none') return;
  const notYet = NOT_ENFORCED.get(`sync: ${sync.value}`);
  refuse(
    sync.start,
    notYet === undefined
      ? `"sync" must be none; got ${JSON.stringify(sync.value)}`
      : `"sync: ${sync.value}" is not enforced by this version yet: ${notYet}`,
  );
}

function headerNamed(file: SqlFile, name: string): Header | undefined {
  return file.headers.find(({ key }) => key === name);
}
