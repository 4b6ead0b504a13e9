import type { AcceptedHazard, QualifiedName } from '../plan/compiled-plan.ts';
import { bytesInWords, counted } from './in-words.ts';
import type { Finding } from './journal.ts';

/** What a table takes now; `rows` is the planner's estimate, negative where there is none. */
export interface TableSize {
  readonly bytes: number;
  readonly rows: number;
}

/** A table of 8 MB is read in some milliseconds, which nobody waits for. */
const FELT_BYTES = 8 * 1024 ** 2;

/** A hazard that the plan takes on at one table, in all of its places. */
export interface HazardPlaces {
  readonly first: AcceptedHazard;
  readonly places: readonly string[];
}

/** One for each hazard and table, in the order of the plan. */
export function byHazardAndTable(accepted: readonly AcceptedHazard[]): readonly HazardPlaces[] {
  const keyOf = (one: AcceptedHazard): string => JSON.stringify([one.hazard, one.table, one.because]);
  return [...Map.groupBy(accepted, keyOf).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ first, places: [...new Set(group.map(({ file, line }) => `${file}:${line}`))] }];
  });
}

/** What a gate says of a hazard; `size` is null where the table is not there, or none is known. */
export function hazardFinding({ first, places }: HazardPlaces, size: TableSize | null): Finding {
  const { hazard, because, table, lock, waits } = first;
  const held = lock === null ? '' : `; ${lock}: ${waits}`;
  const where = table === null ? '' : `; ${describe(table)} ${size === null ? 'is not there yet' : `takes ${describeSize(size)}`}`;
  return {
    name: 'hazard',
    status: size !== null && size.bytes >= FELT_BYTES ? 'warn' : 'info',
    found: `${hazard} at ${places.join(', ')}${where}${held}`,
    advice: `the plan takes it on because ${because}`,
    source: table === null ? "the plan's headers" : 'pg_table_size, pg_class.reltuples',
  };
}

function describe({ schema, name }: QualifiedName): string {
  return `${schema}.${name}`;
}

function describeSize({ bytes, rows }: TableSize): string {
  return `${bytesInWords(bytes)}, ${rows < 0 ? 'rows never counted' : `about ${counted(rows, 'row')}`}`;
}
