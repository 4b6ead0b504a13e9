import type { Transfer } from '../plan/compiled-plan.ts';
import { quoteIdent } from './identifier.ts';

/** A column of the driving table that changes of the new side reach. */
export interface CarriedColumn {
  readonly source: string;
  /** What it becomes, over the target's columns by their own names; a plain column's is that name. It is assigned, never cast. */
  readonly expression: string;
  /** Columns of the target that the expression reads. */
  readonly columns: readonly string[];
  readonly isInverse: boolean;
}

/** What is known of a candidate: what its types promise, and what the values that are there say. */
export interface CandidateFacts {
  readonly source: string;
  /** Of the driving table's column and of what comes back, as PostgreSQL names them, without length and scale. */
  readonly sourceType: string;
  readonly type: string;
  /** PostgreSQL assigns the one to the other without a cast that is written. */
  readonly isAssignable: boolean;
  /** The server gives the source column every value. */
  readonly isGenerated: boolean;
  /** Rows that come back as something else, out of `rows`; null where the types alone say that none does. */
  readonly changed: number | null;
  readonly rows: number | null;
  /** Why the way back could not be tried; null where it was. */
  readonly untried: string | null;
}

export interface ClassifiedColumn {
  readonly column: string;
  readonly kind: 'identity' | 'inverse' | 'forward-only';
  /** The way back; null for what goes forward only. */
  readonly carried: CarriedColumn | null;
  readonly because: string;
}

/** Columns that may go both ways, by the plan alone; whether they do, the values decide. A key's source is carried by the key. */
export function candidates(transfer: Pick<Transfer, 'keys' | 'plain' | 'inverses'>): readonly CarriedColumn[] {
  const keys = transfer.keys.map(({ target, source }) => ({ column: target, source }));
  const taken = new Set([...keys, ...transfer.inverses].map(({ source }) => source));
  const plain = [...keys, ...transfer.plain.filter(({ source }) => !taken.has(source))];
  const isKey = (source: string) => keys.some((key) => key.source === source);
  return [
    ...plain.map(({ column, source }) => ({ source, expression: quoteIdent(column), columns: [column], isInverse: false })),
    ...transfer.inverses.filter(({ source }) => !isKey(source)).map((inverse) => ({ ...inverse, isInverse: true })),
  ];
}

/** Each output column as what it is: carried back unchanged, by its declared inverse, or forward only, with the reason. */
export function carriedColumns(transfer: Transfer, facts: readonly CandidateFacts[]): readonly ClassifiedColumn[] {
  const possible = candidates(transfer);
  return transfer.columns.map((column) => {
    const candidate = possible.find((one) => one.columns.includes(column));
    if (candidate === undefined) return forwardOnly(column, noCandidate(transfer));
    const known = facts.find(({ source }) => source === candidate.source);
    const against = known === undefined ? 'nothing is known of it' : objection(transfer, candidate, known);
    if (known === undefined || against !== null) return forwardOnly(column, against ?? '');
    return { column, kind: candidate.isInverse ? 'inverse' : 'identity', carried: candidate, because: proof(candidate, known) };
  });
}

/** What of a classification goes both ways, each source column once. */
export function carriedOf(classified: readonly ClassifiedColumn[]): readonly CarriedColumn[] {
  return [...new Map(classified.flatMap(({ carried }) => (carried === null ? [] : [[carried.source, carried] as const]))).values()];
}

function forwardOnly(column: string, because: string): ClassifiedColumn {
  return { column, kind: 'forward-only', carried: null, because };
}

function noCandidate({ from }: Transfer): string {
  return `an expression makes it, or another column carries its source back; if it has a way back, declare it: --! inverse: column of ${from.name} = expression`;
}

function objection(transfer: Transfer, { source, isInverse }: CarriedColumn, known: CandidateFacts): string | null {
  const name = `${transfer.from.name}.${source}`;
  const isKey = transfer.keys.some((key) => key.source === source);
  if (known.isGenerated && !isKey) return `the database itself makes ${name}, which takes no value`;
  if (known.untried !== null) return known.untried;
  if (!known.isAssignable) {
    const way = isInverse ? 'write that cast in the inverse' : 'declare an inverse with that cast';
    return `PostgreSQL assigns no ${known.type} to ${name}, which is ${known.sourceType}, without a cast; ${way}`;
  }
  return known.changed !== null && known.changed > 0 ? `${known.changed} of ${known.rows} rows come back as another value of ${name}` : null;
}

function proof({ source, isInverse }: CarriedColumn, { changed, rows, type, sourceType }: CandidateFacts): string {
  if (changed !== null) return `all ${rows} values of ${source} come back ${isInverse ? 'by the declared inverse' : `from ${type}`} as they were`;
  return type === sourceType ? `it is ${source} itself` : `any ${sourceType} comes back from ${type} as it was`;
}
