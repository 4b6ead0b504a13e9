import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { phaseLedger } from '../../../adapters/phase-ledger.ts';
import { DatabaseBusyError, StaleTokenError } from '../../../core/errors.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { runPhase } from '../../../lambdas/phases/run-phase.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import {
  beginMeasuredRun,
  beginRun,
  type Deployed,
  deploy,
  emptyPlanDatabase,
  onePhase,
  refusal,
  retried,
  runPhases,
  until,
} from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, SMALL_SOURCE));

test('NextStep and DecideRecovery read what is there, as often as they are asked', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'asked' });
  const next = () => nextStep(bench.ports)(run);
  const back = () => decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
  expect(await Promise.all([next(), next()])).toEqual([
    { kind: 'transaction', phase: 'schema' },
    { kind: 'transaction', phase: 'schema' },
  ]);
  expect(await back()).toEqual({ kind: 'verify', phase: null, outcome: 'halted', kept: null });
  await runPhases(bench.ports, run, 'copy');
  expect(await next()).toEqual({ kind: 'transfer', phase: 'copy' });
  const [, copy] = plan.plan.phases;
  if (copy === undefined) throw new Error('the small plan has changed');
  await phaseLedger(bench.ports.session).begin(run.run, copy);
  expect(await next()).toEqual({ kind: 'transfer', phase: 'copy' });
  expect(await Promise.all([back(), back()])).toEqual([1, 2].map(() => ({ kind: 'undo', phase: 'copy', outcome: 'halted', kept: null })));
  await runPhases(bench.ports, run);
  expect(await next()).toEqual({ kind: 'done', phase: null });
  expect(await back()).toMatchObject({ kind: 'undo', phase: 'owners' });
});

test('what this run left at work in the server is ended before anything is undone', async () => {
  await bench.sql(`create function works() returns boolean language plpgsql as $$
begin while true loop perform pg_sleep(0.01); end loop; end $$`);
  const run = await beginMeasuredRun(bench, await deploy(bench, onePhase('delete from people where works();\n', 'analyze people;\n')), {
    id: 'left',
  });
  const working = refusal(runPhase(bench.ports)({ ...run, phase: 'only' }));
  await until(bench, "exists (select from pg_stat_activity where application_name = 'stepgate/left/only')");
  expect(await refusal(decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED }))).toBeInstanceOf(
    DatabaseBusyError,
  );
  expect((await working).name).toBe('UnknownOutcomeError');
  await until(bench, "not exists (select from pg_stat_activity where application_name = 'stepgate/left/only')");
  expect(await retried(() => decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED }))).toMatchObject({
    kind: 'verify',
  });
});

test('without a baseline nothing was changed, and nothing is undone', async () => {
  const run = await beginRun(bench, plan, { id: 'fresh' });
  expect(await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED })).toEqual({
    kind: 'none',
    phase: null,
    outcome: 'refused',
    kept: null,
  });
});

test('a stale run decides nothing', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'stale' });
  await bench.sql('update stepgate.lock set token = token + 1');
  expect(await refusal(nextStep(bench.ports)(run))).toBeInstanceOf(StaleTokenError);
  expect(await refusal(decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED }))).toBeInstanceOf(
    StaleTokenError,
  );
});
