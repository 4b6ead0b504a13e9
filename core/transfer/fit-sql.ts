import type { Transfer } from '../plan/compiled-plan.ts';
import { columnOf } from './key-text.ts';

/** A target column that refuses some values of its type, or changes them. */
export interface MeasuredColumn {
  readonly name: string;
  /** Its type where that has a length or a scale; null else. */
  readonly declared: string | null;
  readonly isNotNull: boolean;
}

/** How many rows of a mapping a target's columns do not take as they are: `counts`, a JSON array of { nulls, misfits } in the columns' order. */
export function fitSql(transfer: Transfer, columns: readonly MeasuredColumn[]): string {
  const counts = columns.map(({ name, declared, isNotNull }) => {
    const value = columnOf('m', name);
    const nulls = isNotNull ? `count(*) filter (where ${value} is null)` : '0';
    return `json_build_object('nulls', ${nulls}, 'misfits', ${declared === null ? '0' : `count(*) filter (where ${changes(value, declared)})`})`;
  });
  return `select json_build_array(${counts.join(', ')})::text as counts from (
${transfer.select}
) as m`;
}

/** A cast cuts and rounds where an assignment refuses or rounds; a number that is too large raises in both, so it is asked before. */
function changes(value: string, declared: string): string {
  const [, precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(declared) ?? [];
  const differs = `row(${value})::record *<> row((${value})::${declared})::record`;
  if (precision === undefined || scale === undefined) return differs;
  const isTooLarge = `${value} not in ('NaN') and abs(round(${value}, ${scale})) >= 1e${Number(precision) - Number(scale)}::numeric`;
  return `case when ${value} is null then false when ${isTooLarge} then true else ${differs} end`;
}
