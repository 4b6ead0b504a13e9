import type { FieldDef } from 'pg';
import type { ColumnType, Kind } from './column-types.ts';
import { Fault } from './fault.ts';

export interface ResultOptions {
  readonly decimalReturnType?: 'STRING' | 'DOUBLE_OR_LONG' | undefined;
  readonly longReturnType?: 'LONG' | 'STRING' | undefined;
}

type Member = 'booleanValue' | 'longValue' | 'doubleValue' | 'stringValue' | 'blobValue';
type Row = readonly (string | null)[];

/** `records` as JSON text: built as text, since a bigint is no JavaScript number. */
export function recordsText(rows: readonly Row[], types: readonly ColumnType[], options: ResultOptions): string {
  const fields = rows.map((row) => `[${row.map((value, column) => fieldText(value, types[column], options)).join(',')}]`);
  return `[${fields.join(',')}]`;
}

/**
 * `formattedRecords`: a JSON array of one object per row.
 *
 * @throws {Fault} BadRequestException when two columns have one label (Aurora User Guide, data-api JSON page).
 */
export function formattedText(
  rows: readonly Row[],
  columns: readonly FieldDef[],
  { types, options }: { types: readonly ColumnType[]; options: ResultOptions },
): string {
  const labels = columns.map(({ name }) => name);
  if (new Set(labels).size < labels.length)
    throw new Fault('BadRequestException', `the result has duplicate column labels (${labels.join(', ')}); rename them`);
  const objects = rows.map(
    (row) => `{${row.map((value, column) => `${JSON.stringify(labels[column])}:${plainText(value, types[column], options)}`).join(',')}}`,
  );
  return `[${objects.join(',')}]`;
}

function fieldText(value: string | null, type: ColumnType | undefined, options: ResultOptions): string {
  if (value === null || type === undefined) return '{"isNull":true}';
  if (!type.isArray) {
    const { member, text } = scalar(value, type.kind, options);
    return `{"${member}":${text}}`;
  }
  const items = arrayItems(value).map((item) => (item === null ? undefined : scalar(item, type.kind, options)));
  const member = items.find((item) => item !== undefined)?.member ?? 'stringValue';
  return `{"arrayValue":{"${member}s":[${items.map((item) => item?.text ?? 'null').join(',')}]}}`;
}

function plainText(value: string | null, type: ColumnType | undefined, options: ResultOptions): string {
  if (value === null || type === undefined) return 'null';
  if (!type.isArray) return scalar(value, type.kind, options).text;
  return `[${arrayItems(value)
    .map((item) => (item === null ? 'null' : scalar(item, type.kind, options).text))
    .join(',')}]`;
}

function scalar(value: string, kind: Kind, options: ResultOptions): { member: Member; text: string } {
  switch (kind) {
    case 'boolean':
      return { member: 'booleanValue', text: String(value === 't') };
    case 'long':
      return { member: 'longValue', text: value };
    case 'bigint':
      return options.longReturnType === 'STRING' ? string(value) : { member: 'longValue', text: value };
    case 'decimal':
      return options.decimalReturnType === 'DOUBLE_OR_LONG' ? decimal(value) : string(value);
    case 'double':
      return double(value);
    case 'compact-json':
      return string(value.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1'));
    case 'utc':
      return string(inUtc(value));
    case 'blob':
      return { member: 'blobValue', text: JSON.stringify(Buffer.from(value.slice(2), 'hex').toString('base64')) };
    case 'string':
      return string(value);
  }
}

function string(value: string): { member: 'stringValue'; text: string } {
  return { member: 'stringValue', text: JSON.stringify(value) };
}

function double(value: string): { member: 'doubleValue'; text: string } {
  return { member: 'doubleValue', text: Number.isFinite(Number(value)) ? value : JSON.stringify(value) };
}

function decimal(value: string): { member: Member; text: string } {
  return /^-?\d{1,18}$/.test(value) ? { member: 'longValue', text: value } : double(value);
}

/** The service leaves the offset out; a leaked TimeZone setting may have changed it. */
function inUtc(value: string): string {
  const [, date, time, fraction = '', hours, minutes = '00'] =
    /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d)(?::(\d\d))?$/.exec(value) ?? [];
  if (date === undefined) return value;
  const utc =
    hours === '+00' && minutes === '00'
      ? `${date} ${time}`
      : new Date(`${date}T${time}${hours}:${minutes}`).toISOString().slice(0, 19).replace('T', ' ');
  return utc + fraction;
}

/**
 * The items of an array as PostgreSQL writes it.
 *
 * @throws {Fault} UnsupportedResultException for more than one dimension.
 */
function arrayItems(text: string): (string | null)[] {
  const inner = text.slice(1, -1);
  if (!text.startsWith('{') || inner.startsWith('{'))
    throw new Fault('UnsupportedResultException', "multidimensional arrays and arrays with bounds aren't supported; cast to text");
  const items = inner.matchAll(/"((?:[^"\\]|\\.)*)"|([^,"]+)/g);
  return Array.from(items, ([, quoted, bare = '']) => (quoted !== undefined ? quoted.replace(/\\(.)/g, '$1') : bare === 'NULL' ? null : bare));
}
