import { createHash, randomInt, randomUUID } from 'node:crypto';
import jsonata from 'jsonata';
import { expressionNames } from '../../infra/definition-expressions.ts';

/** What `$states` holds in a field: `result` only after a Task, `errorOutput` only in a Catch (Step Functions, transforming data). */
export type StatesMember = 'input' | 'context' | 'result' | 'errorOutput';

export interface Scope {
  readonly states: Readonly<Partial<Record<StatesMember, unknown>>>;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly now: Date;
}

/** A value that JSON can hold, or `undefined` when the expression gives nothing. */
export type Evaluate = (scope: Scope) => Promise<unknown>;

/** The text between the braces of `{% … %}`, or undefined for a literal. */
export function expressionText(value: string): string | undefined {
  return value.startsWith('{%') && value.endsWith('%}') && value.length >= 4 ? value.slice(2, -2).trim() : undefined;
}

/**
 * Compiles one expression, and refuses what Step Functions refuses: a bare `$`, `$$`, `$eval`, a name at top level.
 *
 * Stricter than AWS in one point: a variable that no state assigns is refused here, not at run time.
 * @throws {Error} with a sentence that says what is wrong.
 */
export function compileExpression(text: string, members: readonly StatesMember[], variables: ReadonlySet<string>): Evaluate {
  const names = expressionNames(text);
  const faults = [
    ...names.faults,
    ...[...names.variables].filter((name) => !variables.has(name)).map((name) => `reads $${name}, which no state assigns`),
    ...[...names.states]
      .filter((path) => !members.some((member) => member === path.split('.')[0]))
      .map((path) => `reads $states.${path}; here $states has ${members.join(', ')}`),
  ];
  if (faults.length > 0) throw new Error(`"${text}" ${faults.join('; ')}`);
  const expression = jsonata(text);
  return async ({ states, variables: values, now }) => plain(await expression.evaluate(undefined, { ...extraFunctions(now), ...values, states }));
}

/** JSONata throws plain objects with a code and a message. */
export function describe(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return code === undefined ? String(message ?? error) : `${code}: ${message}`;
}

/** Sequences carry marks and functions have no JSON form; what goes on is what JSON can hold. */
function plain(value: unknown): unknown {
  const json = JSON.stringify(value);
  return json === undefined ? undefined : JSON.parse(json);
}

const NOW = jsonata('$fromMillis($at, $picture, $zone)');

/** The functions that Step Functions adds to JSONata; `$now` and `$millis` tell virtual time. */
function extraFunctions(now: Date): Record<string, unknown> {
  return {
    now: (picture?: string, zone?: string) => NOW.evaluate(undefined, { at: now.getTime(), picture, zone }),
    millis: () => now.getTime(),
    uuid: () => randomUUID(),
    random: (seed?: number) => (seed === undefined ? randomInt(2 ** 47) / 2 ** 47 : seededRandom(seed)),
    parse: (text?: string) => (text === undefined ? undefined : JSON.parse(text)),
    hash: (text: string | undefined, algorithm = 'SHA-256') =>
      text === undefined ? undefined : createHash(algorithm.replace('-', '').toLowerCase()).update(text).digest('hex'),
    partition: (items: readonly unknown[] | undefined, size: number) =>
      items && Array.from({ length: Math.ceil(items.length / size) }, (_, part) => items.slice(part * size, (part + 1) * size)),
    range: (first: number, last: number, step: number) =>
      Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step),
  };
}

/** One number from a seed: the same seed gives the same number (mulberry32), though not AWS's number. */
function seededRandom(seed: number): number {
  const a = (seed + 0x6d2b79f5) | 0;
  const b = Math.imul(a ^ (a >>> 15), a | 1);
  const c = b ^ (b + Math.imul(b ^ (b >>> 7), b | 61));
  return ((c ^ (c >>> 14)) >>> 0) / 2 ** 32;
}
