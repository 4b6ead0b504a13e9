import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { planLedger } from '../../../adapters/plan-ledger.ts';
import { StaleTokenError, UnknownOutcomeError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import type { Outcome } from '../../../core/run/outcome.ts';
import { closeRun } from '../../../lambdas/finish/close-run.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import {
  beginMeasuredRun,
  beginRun,
  brokenWire,
  type Deployed,
  deploy,
  emptyDatabase,
  emptyPlanDatabase,
  entries,
  refusal,
  runPhases,
} from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, SMALL_SOURCE));

const LOCK = 'select token::int, run_id as run from stepgate.lock';

function close(run: ChangingEnvelope, outcome: Outcome, more: { error?: string; cause?: string; planState?: string } = {}) {
  const failure = more.error === undefined ? null : { Error: more.error, Cause: more.cause ?? '' };
  return closeRun(bench.ports)({
    ...run,
    outcome,
    failure,
    laterFailure: null,
    planState: more.planState ?? 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
}

test('CompleteRun run twice and beside itself keeps the first moment', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'complete' });
  await runPhases(bench.ports, run);
  expect(await Promise.all([completeRun(bench.ports)(run), completeRun(bench.ports)(run)])).toEqual([{ completed: true }, { completed: true }]);
  const first = await bench.sql('select migrated_run, migrated_at from stepgate.plan');
  expect(await completeRun(bench.ports)(run)).toEqual({ completed: true });
  expect(await bench.sql('select migrated_run, migrated_at from stepgate.plan')).toEqual(first);
});

test('CompleteRun whose answer was lost has completed', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'lost' });
  const wire = await brokenWire(bench, (sql) => sql.includes('migrated_run'));
  expect(await refusal(completeRun(wire.ports)(run))).toBeInstanceOf(UnknownOutcomeError);
  await wire.close();
  expect(await completeRun(bench.ports)(run)).toEqual({ completed: true });
});

test('CloseRun run twice and beside itself closes once, and gives the lock back', async () => {
  const run = await beginRun(bench, plan, { id: 'closed' });
  const both = await Promise.all([close(run, 'migrated'), close(run, 'migrated')]);
  expect(both[0]).toEqual({ outcome: 'migrated', sentence: 'small is migrated: every phase done, every check passed' });
  expect(both[1]).toEqual(both[0]);
  expect(await bench.sql(LOCK)).toEqual([{ token: 1, run: null }]);
  const ended = 'select outcome, sentence, ended_at from stepgate.run';
  const first = await bench.sql(ended);
  expect(first).toMatchObject([{ outcome: 'migrated' }]);
  await close(run, 'migrated');
  expect(await bench.sql(ended)).toEqual(first);
  expect(await entries(bench, run, 'outcome')).toHaveLength(1);
});

test('CloseRun releases its own lock only', async () => {
  const old = await beginRun(bench, plan, { id: 'old' });
  await bench.sql('update stepgate.lock set run_id = null');
  const other = await beginRun(bench, plan, { id: 'other' });
  await close(old, 'halted', { error: 'StaleTokenError', cause: '{"errorMessage":"taken over"}' });
  expect(await bench.sql(LOCK)).toEqual([{ token: 2, run: 'other' }]);
  expect(await bench.sql("select outcome from stepgate.run where run_id = 'old'")).toEqual([{ outcome: 'halted' }]);
  expect(await refusal(completeRun(bench.ports)(old))).toBeInstanceOf(StaleTokenError);
  await close(other, 'refused');
  expect(await bench.sql(LOCK)).toEqual([{ token: 2, run: null }]);
});

test.each([
  {
    outcome: 'refused',
    more: { error: 'GateRefusedError', cause: '{"errorMessage":"names are taken"}' },
    sentence: 'small is refused: names are taken',
  },
  { outcome: 'rolled-back', more: { error: 'States.Timeout' }, sentence: 'small is rolled back, the database is as before the run: States.Timeout' },
  { outcome: 'halted', more: { error: 'X', cause: 'not json' }, sentence: 'small is halted, a person must choose: not json' },
  { outcome: 'refused', more: {}, sentence: 'small is refused before the first change' },
] as const)('an end by $outcome is said in a sentence: $sentence', async ({ outcome, more, sentence }) => {
  const run = await beginRun(bench, plan, { id: 'said' });
  expect(await close(run, outcome, more)).toEqual({ outcome, sentence });
});

test('a plan that was migrated before is said with its date', async () => {
  const first = await beginMeasuredRun(bench, plan, { id: 'first' });
  await runPhases(bench.ports, first);
  await completeRun(bench.ports)(first);
  await close(first, 'migrated');
  const { migratedAt } = (await planLedger(bench.ports.session).inForce(plan.plan.id)) ?? {};
  const again = await beginRun(bench, plan, { id: 'again' });
  expect(await close(again, 'migrated', { planState: 'migrated' })).toEqual({
    outcome: 'migrated',
    sentence: `small was migrated at ${migratedAt}; nothing was done`,
  });
});

test('a run whose lock was taken without its knowing the token gives it back', async () => {
  const { run, now } = await beginRun(bench, plan, { id: 'unknown-token' });
  const end = {
    outcome: 'refused',
    failure: { Error: 'UnknownOutcomeError', Cause: '' },
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  } as const;
  await closeRun(bench.ports)({ run: { ...run, token: null }, now, ...end });
  expect(await bench.sql(LOCK)).toEqual([{ token: 1, run: null }]);
});

test('a run that only looked closes without a ledger', async () => {
  await emptyDatabase(bench);
  const input = reading(plan, { mode: 'dry-run', id: 'looked' });
  expect(
    await closeRun(bench.ports)({
      ...input,
      outcome: 'passed',
      failure: null,
      laterFailure: null,
      planState: 'fresh',
      proof: null,
      kept: null,
      restoreFailure: null,
      restored: null,
    }),
  ).toEqual({
    outcome: 'passed',
    sentence: 'dry-run of small passed',
  });
  expect(await bench.sql("select to_regnamespace('stepgate')::text as ledger")).toEqual([{ ledger: null }]);
});

test('a run that was refused before its plan was known closes too', async () => {
  const { run, now } = reading(plan, { mode: 'dry-run', id: 'unknown' });
  const input = { run: { ...run, plan: null, digest: null, mode: null }, now };
  const failure = { Error: 'InputRefusedError', Cause: '{"errorMessage":"no such plan"}' };
  expect(
    await closeRun(bench.ports)({
      ...input,
      outcome: 'refused',
      failure,
      laterFailure: null,
      planState: 'fresh',
      proof: null,
      kept: null,
      restoreFailure: null,
      restored: null,
    }),
  ).toEqual({
    outcome: 'refused',
    sentence: 'the plan is refused: no such plan',
  });
});
