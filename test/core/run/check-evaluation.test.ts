import { expect, test } from 'vitest';
import type { Check } from '../../../core/plan/compiled-plan.ts';
import { checkResult, describeFailures } from '../../../core/run/check-evaluation.ts';

const check: Check = { name: 'whole', severity: 'fail', expects: 'quality', sql: 'select 1', file: 'before.sql', line: 1 };
const NINETY_NINE = { numerator: 99, denominator: 100 };

test.each([
  { name: 'passes at 99 % overall and in each scope', scopes: [[99, 100]], status: 'pass' },
  { name: 'fails at 98.996 %', scopes: [[98_996, 100_000]], status: 'fail' },
  {
    name: 'fails where one scope is below, however good the rest',
    scopes: [
      [98, 100],
      [1_000_000, 1_000_000],
    ],
    status: 'fail',
  },
  {
    name: 'passes with an empty scope',
    scopes: [
      [0, 0],
      [10, 10],
    ],
    status: 'pass',
  },
  { name: 'passes with no scope at all', scopes: [], status: 'pass' },
])('a quality check of 99 % $name', ({ scopes, status }) => {
  expect(resultOf(scopes).status).toBe(status);
});

test('a scope that is below is named with its rows', () => {
  expect(
    describeFailures([
      resultOf([
        [98, 100],
        [1_000_000, 1_000_000],
      ]),
    ]),
  ).toEqual(["before.sql:1: check whole failed: 2 of 1000100 rows are not valid; below the plan's quality: scope-0 (98 of 100 valid)"]);
});

function resultOf(counts: readonly (readonly number[])[]) {
  const scopes = counts.map(([valid = 0, total = 0], index) => ({ scope: `scope-${index}`, valid, total }));
  const total = scopes.reduce((sum, scope) => sum + scope.total, 0);
  const bad = total - scopes.reduce((sum, scope) => sum + scope.valid, 0);
  return checkResult(check, { bad: String(bad), total: String(total), detail: JSON.stringify({ scopes }) }, { quality: NINETY_NINE, durationMs: 1 });
}
