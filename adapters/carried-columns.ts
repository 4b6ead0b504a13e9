import * as z from 'zod';
import { StatementFailedError, UnknownOutcomeError } from '../core/errors.ts';
import type { Transfer } from '../core/plan/compiled-plan.ts';
import { type CandidateFacts, type CarriedColumn, type ClassifiedColumn, candidates, carriedColumns } from '../core/transfer/carried-columns.ts';
import { proofSql, shownPlain } from '../core/transfer/carried-proof.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import type { Query, SqlSession } from './sql-session.ts';

/**
 * What of a transfer's columns goes both ways, by the types and, where they do not say it, by every value that is there.
 *
 * At most one pass over the source, in one call; a proof that takes longer than a call has leaves its columns forward only.
 */
export async function classifiedColumns(session: Pick<SqlSession, 'readOnly'>, transfer: Transfer): Promise<readonly ClassifiedColumn[]> {
  const possible = candidates(transfer);
  const promised = await session.readOnly((query) => promisedFacts(query, transfer, possible));
  const open = possible.filter(({ source }) => promised.some((one) => one.source === source && one.isAssignable && !one.isPromised));
  const counted = await countedFacts(session, transfer, open, promised);
  const facts = promised.map(({ isPromised: _, declared: __, ...fact }) => ({ ...fact, ...counted.get(fact.source) }));
  return carriedColumns(transfer, facts);
}

interface Promised extends CandidateFacts {
  /** The types alone say that every value comes back. */
  readonly isPromised: boolean;
  /** The source column's type with its length and scale. */
  readonly declared: string;
}

const Row = z.object({
  source: z.string(),
  source_type: z.string(),
  declared: z.string(),
  type: z.string(),
  assignable: z.boolean(),
  same: z.boolean(),
  widened: z.boolean(),
  generated: z.boolean(),
});

async function promisedFacts(query: Query, transfer: Transfer, possible: readonly CarriedColumn[]): Promise<readonly Promised[]> {
  const types = await typesOf(query, transfer, possible);
  const outputs = await outputsOf(query, transfer);
  const pairs = possible.map(({ source }, index) => ({ source, type: types[index] ?? 'text' }));
  const rows = await query(
    Row,
    `select p.source, format_type(a.atttypid, null) as source_type, format_type(a.atttypid, a.atttypmod) as declared, p.type,
a.atttypid = p.type::regtype or exists (select from pg_cast c where c.castsource = v.oid and c.casttarget = s.oid and c.castcontext in ('a', 'i'))
  or s.oid = v.oid or s.typcategory = 'S' as assignable,
a.atttypid = p.type::regtype as same,
(exists (select from pg_cast c where c.castsource = v.oid and c.casttarget = s.oid and c.castmethod = 'b')
  and exists (select from pg_cast c where c.castsource = s.oid and c.casttarget = v.oid and c.castmethod = 'b'))
  or (s.oid in ('int2'::regtype, 'int4'::regtype) and v.oid in ('int4'::regtype, 'int8'::regtype) and s.typlen < v.typlen) as widened,
a.attgenerated <> '' as generated
from json_to_recordset(:pairs::json) as p (source text, type text)
join pg_attribute a on a.attrelid = to_regclass(:table::text) and a.attname = p.source and not a.attisdropped
join pg_type st on st.oid = a.atttypid join pg_type s on s.oid = case st.typtype when 'd' then st.typbasetype else st.oid end
join pg_type vt on vt.oid = p.type::regtype join pg_type v on v.oid = case vt.typtype when 'd' then vt.typbasetype else vt.oid end`,
    { pairs: JSON.stringify(pairs), table: quoteName(transfer.from) },
  );
  return rows.map((row) => {
    const candidate = possible.find(({ source }) => source === row.source);
    const output = candidate === undefined || candidate.isInverse ? undefined : outputs[transfer.columns.indexOf(candidate.columns[0] ?? '')];
    const shown = output === undefined ? 'other' : shownPlain(output, row.source);
    return {
      source: row.source,
      sourceType: row.source_type,
      type: row.type,
      isAssignable: row.assignable,
      isGenerated: row.generated,
      changed: null,
      rows: null,
      untried: null,
      declared: row.declared,
      isPromised: (shown === 'plain' && row.same) || (shown === 'cast' && row.widened),
    };
  });
}

const Types = z.object({ types: z.string() });

/** The types of what comes back; asks no row. */
async function typesOf(query: Query, { select }: Transfer, possible: readonly CarriedColumn[]): Promise<readonly string[]> {
  const types = possible.map(({ expression }) => `pg_typeof(${expression})::text`).join(', ');
  const sql = `select json_build_array(${types})::text as types from (values (1)) as stepgate (stepgate_one) left join (\n${select}\n) as m on false`;
  const [row] = await query(Types, sql);
  return z.array(z.string()).parse(JSON.parse(row?.types ?? '[]'));
}

const Explained = z.object({ 'QUERY PLAN': z.string() });
const Plans = z.tuple([z.object({ Plan: z.object({ Output: z.array(z.string()) }) })]);

/** Each output column as the server reads it: a plain column is its name, a cast has its brackets. */
async function outputsOf(query: Query, { select }: Transfer): Promise<readonly string[]> {
  const [row] = await query(Explained, `explain (verbose, costs off, format json) ${select}`);
  const plans = Plans.safeParse(JSON.parse(row?.['QUERY PLAN'] ?? '[]'));
  return plans.success ? plans.data[0].Plan.Output : [];
}

type Counted = Partial<Pick<CandidateFacts, 'changed' | 'rows' | 'untried'>>;
const Proof = z.object({ rows: z.string(), changed: z.string() });

/** One pass for all; where one of them cannot be tried, a pass for each, so that it does not take the others along. */
async function countedFacts(
  session: Pick<SqlSession, 'readOnly'>,
  transfer: Transfer,
  open: readonly CarriedColumn[],
  promised: readonly Promised[],
): Promise<ReadonlyMap<string, Counted>> {
  if (open.length === 0) return new Map();
  const declared = new Map(promised.map((one) => [one.source, one.declared]));
  try {
    const [row] = await session.readOnly((query) => query(Proof, proofSql(transfer, open, declared)));
    const changed = z.array(z.number().int()).parse(JSON.parse(row?.changed ?? '[]'));
    return new Map(open.map(({ source }, index) => [source, { changed: changed[index] ?? 0, rows: Number(row?.rows ?? 0) }]));
  } catch (error) {
    const isSlow = error instanceof UnknownOutcomeError && error.isTimeout;
    if (!isSlow && !(error instanceof StatementFailedError)) throw error;
    if (open.length > 1 && !isSlow) {
      const each: (readonly [string, Counted])[] = [];
      for (const one of open) each.push(...(await countedFacts(session, transfer, [one], promised)));
      return new Map(each);
    }
    const why = isSlow ? 'to look at all its values takes longer than the 45 s that a call has' : `its way back cannot be tried: ${error.message}`;
    return new Map(open.map(({ source }) => [source, { untried: why }]));
  }
}
