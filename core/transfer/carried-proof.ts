import type { Transfer } from '../plan/compiled-plan.ts';
import type { CarriedColumn } from './carried-columns.ts';
import { quoteName } from './identifier.ts';
import { columnOf } from './key-text.ts';

/**
 * How many rows of the driving table come back as something else, by each of the candidates: `rows`, and `changed`, a JSON array in their order.
 *
 * By binary image. `declared` is each source column's type with its length and scale; the way back is an assignment, which refuses a text
 * that is too long where a cast would cut it, so such a type stands without its length.
 */
export function proofSql(transfer: Transfer, tried: readonly CarriedColumn[], declared: ReadonlyMap<string, string>): string {
  const back = tried.map(
    ({ source, expression }, index) => `(${expression})::${castable(declared.get(source) ?? 'text')} as stepgate_back_${index + 1}`,
  );
  const keys = transfer.keys.map(({ target }, index) => `${columnOf('m', target)} as stepgate_key_${index + 1}`);
  const changed = tried.map(
    ({ source }, index) => `count(*) filter (where row(${columnOf('d', source)})::record *<> row(b.stepgate_back_${index + 1})::record)`,
  );
  const joined = transfer.keys.map(({ source }, index) => `${columnOf('d', source)} = b.stepgate_key_${index + 1}`);
  return `select count(*)::text as rows, json_build_array(${changed.join(', ')})::text as changed
from (select ${[...keys, ...back].join(', ')} from (
${transfer.select}
) as m) as b join ${quoteName(transfer.from)} as d on ${joined.join(' and ')}`;
}

function castable(declared: string): string {
  return declared.replace(/^(character varying|bit varying)\(\d+\)/, '$1');
}

/** What EXPLAIN VERBOSE writes of an output column: the source column itself, one cast of it without length and scale, or anything else. */
export function shownPlain(output: string, source: string): 'plain' | 'cast' | 'other' {
  const name = String.raw`(?:(?:\w+|"(?:[^"]|"")+")\.)?(?:${escaped(source)}|${escaped(`"${source.replaceAll('"', '""')}"`)})`;
  if (new RegExp(`^${name}$`).test(output)) return 'plain';
  return new RegExp(String.raw`^\(${name}\)::[\w "]+$`).test(output) ? 'cast' : 'other';
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
