import * as z from 'zod';
import { assertNever } from '../assert-never.ts';
import type { Check, Fraction } from '../plan/compiled-plan.ts';
import { shownKeySql } from '../transfer/shown-key.ts';
import type { CheckResult } from './journal.ts';
import { meetsQuality } from './quality.ts';

/** Scopes of a quality check that are kept, worst first. */
const MOST_SCOPES = 500;

/** Scopes that a message names; the report has them all. */
const MOST_NAMED = 5;

/** Bytes of scopes or measures that are kept: what the counts and the brackets take more still fits into the Data API's 64 KB a row. */
const MOST_BYTES = 60_000;

/**
 * The check's query wrapped so that whatever it expects comes back as one row: `bad`, `total` (bigint as text) and `detail` (JSON text).
 *
 * The database counts; of the application's rows nothing leaves it but surrogate keys, digests of other keys, and what a plan's measures and
 * scopes say. Digests are salted with `salt`, a run's id; '' for none.
 */
export function evaluationSql(check: Check, salt = ''): string {
  switch (check.expects) {
    case 'no rows':
      return `select count(*)::text as bad, null::text as total,
json_build_object('samples', coalesce(json_agg(${shownKeySql('k', salt)}) filter (where n <= 5), '[]'))::text as detail
from (select row_number() over () as n, q.stepgate_key as k from (
${check.sql}
) as q (stepgate_key)) as violations`;
    case 'zero':
      // No answer, no number and a fraction are not 0 either.
      return `select case when count(*) = 1 and count(value) = 1 then least(ceil(abs(max(value))), ${Number.MAX_SAFE_INTEGER}) else 1 end::text as bad,
null::text as total, case when count(*) <> 1 then json_build_object('samples', json_build_array(count(*) || ' rows'))
  when count(value) = 0 then '{"samples": ["null"]}' else '{}' end::text as detail
from (select (select value from json_each_text(row_to_json(q.*)) limit 1)::numeric as value from (
${check.sql}
) as q) as answer`;
    case 'quality':
      return `select (coalesce(sum(total), 0) - coalesce(sum(valid), 0))::text as bad, coalesce(sum(total), 0)::text as total,
json_build_object('scopes', coalesce(json_agg(line order by n) filter (where n <= ${MOST_SCOPES} and bytes <= ${MOST_BYTES}), '[]'))::text as detail
from (select *, sum(octet_length(line::text) + 2) over (order by n) as bytes from (
select *, json_build_object('scope', left(scope, 64), 'valid', valid, 'total', total) as line,
  row_number() over (order by case when total > 0 then valid::numeric / total else 1 end, scope) as n from (
select scope::text, greatest(least(coalesce(valid::bigint, 0), coalesce(total::bigint, 0)), 0) as valid, coalesce(total::bigint, 0) as total from (
${check.sql}
) as q (scope, valid, total)) as counted) as ordered) as scopes`;
    case 'measure':
      return `select '0' as bad, null::text as total,
json_build_object('measures', coalesce(json_agg(line order by n) filter (where bytes <= ${MOST_BYTES}), '[]'))::text as detail
from (select n, line, sum(octet_length(line::text) + 2) over (order by n) as bytes from (
select row_number() over () as n, json_build_object('name', left(name::text, 64), 'value', left(value::text, 200)) as line from (
${check.sql}
) as q (name, value) limit 200) as measured) as measures`;
    default:
      return assertNever(check.expects);
  }
}

/** The one row that `evaluationSql` gives. */
export const EvaluationRow = z.object({ bad: z.string(), total: z.string().nullable(), detail: z.string() });
export type EvaluationRow = z.infer<typeof EvaluationRow>;

const Detail = z.object({
  samples: z.array(z.string().nullable()).default([]),
  scopes: z.array(z.object({ scope: z.string().nullable(), valid: z.number().int(), total: z.number().int() })).default([]),
  measures: z.array(z.object({ name: z.string().nullable(), value: z.string().nullable() })).default([]),
});

/** What the numbers mean: only a check of severity `fail` can fail; a warning never blocks. */
export function checkResult(check: Check, row: EvaluationRow, context: { readonly quality: Fraction; readonly durationMs: number }): CheckResult {
  const detail = Detail.parse(JSON.parse(row.detail));
  const bad = BigInt(row.bad);
  const total = row.total === null ? null : BigInt(row.total);
  // The worst scopes come first, so those that are below are among the ones kept.
  const below = detail.scopes.filter(({ valid, total: all }) => !meetsQuality({ valid: BigInt(valid), total: BigInt(all) }, context.quality));
  const isWhole = meetsQuality({ valid: (total ?? 0n) - bad, total: total ?? 0n }, context.quality);
  const holds = check.expects === 'quality' ? isWhole && below.length === 0 : bad === 0n;
  return {
    name: check.name,
    severity: check.severity,
    status: check.severity === 'info' ? 'info' : holds ? 'pass' : check.severity,
    bad: Number(bad),
    total: total === null ? null : Number(total),
    scopes: detail.scopes.map((scope) => ({ ...scope, scope: scope.scope ?? '(null)' })),
    measures: detail.measures.map((measure) => ({ name: measure.name ?? '(null)', value: measure.value ?? '(null)' })),
    samples: check.expects === 'quality' ? below.slice(0, MOST_NAMED).map(describeScope) : detail.samples.map((sample) => sample ?? '(null)'),
    durationMs: context.durationMs,
    file: check.file,
    line: check.line,
    query: check.sql,
  };
}

function describeScope({ scope, valid, total }: { readonly scope: string | null; readonly valid: number; readonly total: number }): string {
  return `${scope ?? '(null)'} (${valid} of ${total} valid)`;
}

/** One sentence for each check that failed. */
export function describeFailures(results: readonly CheckResult[]): readonly string[] {
  return results
    .filter((result) => result.status === 'fail')
    .map((result) => {
      const named = result.samples.join(', ');
      const samples = named === '' ? '' : ` (${named}${result.bad > result.samples.length ? ' …' : ''})`;
      const scopes = named === '' ? '' : `; below the plan's quality: ${named}`;
      const found =
        result.total === null ? `found ${result.bad}, expected none${samples}` : `${result.bad} of ${result.total} rows are not valid${scopes}`;
      return `${result.file}:${result.line}: check ${result.name} failed: ${found}`;
    });
}
