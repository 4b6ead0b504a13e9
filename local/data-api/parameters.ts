import * as z from 'zod';
import { Fault } from './fault.ts';

export const TYPE_HINTS = ['JSON', 'UUID', 'TIMESTAMP', 'DATE', 'TIME', 'DECIMAL'] as const;

/** Numbers arrive as their own text, so that no digit of a bigint is lost. */
const Digits = z.union([z.string(), z.number().transform(String)]);

export const SqlParameter = z.object({
  name: z.string().min(1),
  value: z
    .object({
      isNull: z.boolean(),
      booleanValue: z.boolean(),
      longValue: Digits,
      doubleValue: Digits,
      stringValue: z.string(),
      blobValue: z.base64(),
      arrayValue: z.unknown(),
    })
    .partial()
    .default({}),
  typeHint: z.enum(TYPE_HINTS).optional(),
});
export type SqlParameter = z.infer<typeof SqlParameter>;

/** A statement as PostgreSQL's extended protocol takes it; `types` are the parameters' type OIDs. */
export interface BoundStatement {
  readonly text: string;
  readonly values: readonly (string | Buffer | null)[];
  readonly types: readonly number[];
}

/** Leaves the type to the server, as a literal does. */
const UNSPECIFIED = 0;
const TEXT = 25;

const HINTED: Record<(typeof TYPE_HINTS)[number], { type: number; format: RegExp }> = {
  JSON: { type: 114, format: /[\s\S]/ },
  UUID: { type: 2950, format: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i },
  TIMESTAMP: { type: 1114, format: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?$/ },
  DATE: { type: 1082, format: /^\d{4}-\d\d-\d\d$/ },
  TIME: { type: 1083, format: /^\d\d:\d\d:\d\d(\.\d{1,3})?$/ },
  DECIMAL: { type: 1700, format: /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i },
};

/**
 * What a scanner must know of SQL to find `:name` and nothing else: strings, quoted names, dollar quotes, comments, casts.
 *
 * A doubled quote reads as two strings side by side, which comes to the same.
 */
const TOKEN = new RegExp(
  [
    /(?<space>\s+|--[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<opaque>[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'[^']*'|"[^"]*"|\$(?<tag>(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[\s\S]*?\$\k<tag>\$)/,
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*)/,
    /(?<cast>::|:=)/,
    /:(?<name>\w+)/,
    /(?<position>\$\d+)/,
    /(?<other>[\s\S])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'y',
);

/**
 * Turns `:name` into `$n`; everything else stays as it is, comments included.
 *
 * @throws {Fault} for a name without a value, a value that does not fit its hint, an array.
 */
export function bindParameters(sql: string, parameters: readonly SqlParameter[]): BoundStatement {
  const given = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  if (given.size < parameters.length) throw new Fault('ValidationException', 'a parameter name is used twice; name each parameter once');
  const numbers = new Map<string, number>();
  const text = replaceNames(sql, (name, inBrackets) => {
    // `a[:2]` may be a slice without a lower bound.
    if (!given.has(name) && inBrackets) return undefined;
    if (!given.has(name)) throw new Fault('ValidationException', `Cannot find parameter: ${name}`);
    numbers.set(name, numbers.get(name) ?? numbers.size + 1);
    return `$${numbers.get(name)}`;
  });
  const bound = [...numbers.keys()].map((name) => bind(given.get(name) ?? { name, value: {} }));
  return { text, values: bound.map(({ value }) => value), types: bound.map(({ type }) => type) };
}

function replaceNames(sql: string, replace: (name: string, inBrackets: boolean) => string | undefined): string {
  let text = '';
  let brackets = 0;
  let afterOperand = false;
  for (let at = 0; at < sql.length; ) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(sql)?.groups ?? {};
    const end = groups.comment ? commentEnd(sql, at) : TOKEN.lastIndex;
    const token = sql.slice(at, end);
    at = end;
    const name = groups.name;
    // `a[1:n]` is a slice: the colon follows a value without a space, as in `then :n` it does not.
    const replaced = name === undefined || (brackets > 0 && afterOperand) ? undefined : replace(name, brackets > 0);
    if (groups.position) throw new Fault('DatabaseErrorException', `ERROR: there is no parameter ${token}; SQLState: 42P02`);
    text += replaced ?? token;
    if (token === '[') brackets += 1;
    if (token === ']') brackets -= 1;
    afterOperand = Boolean(groups.word ?? groups.opaque ?? name) || token === ']' || token === ')';
  }
  return text;
}

/** Comments nest in PostgreSQL. */
function commentEnd(sql: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  for (let depth = 0, match = edge.exec(sql); match !== null; match = edge.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return sql.length;
}

/** A string without a hint is text, so that a uuid or json column refuses it, as the service's varchar is refused. */
function bind({ name, value, typeHint }: SqlParameter): { value: string | Buffer | null; type: number } {
  if (value.arrayValue !== undefined)
    throw new Fault('ValidationException', `parameter ${name} is an array; array parameters aren't supported, pass a string and cast it`);
  if (value.isNull) return { value: null, type: UNSPECIFIED };
  if (value.booleanValue !== undefined) return { value: String(value.booleanValue), type: 16 };
  if (value.longValue !== undefined) return { value: value.longValue, type: 20 };
  if (value.doubleValue !== undefined) return { value: value.doubleValue, type: 701 };
  if (value.blobValue !== undefined) return { value: Buffer.from(value.blobValue, 'base64'), type: 17 };
  if (value.stringValue === undefined)
    throw new Fault('ValidationException', `parameter ${name} has no value; set one member of its value, isNull for null`);
  if (typeHint === undefined) return { value: value.stringValue, type: TEXT };
  const { type, format } = HINTED[typeHint];
  if (!format.test(value.stringValue))
    throw new Fault('ValidationException', `parameter ${name} does not have the format of its type hint ${typeHint}`);
  return { value: value.stringValue, type };
}
