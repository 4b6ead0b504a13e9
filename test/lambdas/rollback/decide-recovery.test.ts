import { afterAll, beforeAll, expect, test } from 'vitest';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import { decideRecovery } from '../../../lambdas/rollback/decide-recovery.ts';
import { beginMeasuredRun, deploy, emptyDatabase, runPhases } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await emptyDatabase(bench, SMALL_SOURCE);
});
afterAll(() => bench?.close());

test('DecideRecovery names the newest phase, and nothing once the run is completed, whatever became of the answer', async () => {
  const plan = await deploy(bench, SMALL_PLAN);
  const run = await beginMeasuredRun(bench, plan, { id: 'lost-answer' });
  await runPhases(bench.ports, run, 'indexes');
  const decide = () => decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
  expect(await decide()).toEqual({ kind: 'undo', phase: 'copy', outcome: 'halted', kept: null });
  expect(await decide()).toEqual({ kind: 'undo', phase: 'copy', outcome: 'halted', kept: null });
  await runPhases(bench.ports, run);
  await completeRun(bench.ports)(run);
  expect(await Promise.all([decide(), decide()])).toEqual(Array(2).fill({ kind: 'none', phase: null, outcome: 'migrated', kept: null }));
});
