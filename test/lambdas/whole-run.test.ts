import { afterAll, beforeAll, expect, test } from 'vitest';
import { NOTHING_ASKED } from '../../core/run/run-input.ts';
import { measureBefore } from '../../lambdas/checks/measure-before.ts';
import { verifyTarget } from '../../lambdas/checks/verify-target.ts';
import { closeRun } from '../../lambdas/finish/close-run.ts';
import { completeRun } from '../../lambdas/finish/complete-run.ts';
import { decideRecovery } from '../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../lambdas/rollback/verify-undo.ts';
import { beginRun, type Deployed, deploy, emptyDatabase, runPhases } from '../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
  await emptyDatabase(bench, SMALL_SOURCE);
});
afterAll(() => bench?.close());

async function forward(id: string): Promise<readonly string[]> {
  const run = await beginRun(bench, plan, { id });
  await measureBefore(bench.ports)({ ...run, progress: null });
  const ran = await runPhases(bench.ports, run);
  const same = { sourceRows: 1000, targetRows: 1000, missing: 0, extra: 0, different: 0 };
  expect(await verifyTarget(bench.ports)({ ...run, progress: null })).toMatchObject({ done: true, results: [same] });
  await completeRun(bench.ports)(run);
  await closeRun(bench.ports)({
    ...run,
    outcome: 'migrated',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  return ran;
}

async function back(id: string): Promise<readonly string[]> {
  const run = await beginRun(bench, plan, { id, mode: 'rollback' });
  const undone: string[] = [];
  for (let step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED }); step.kind === 'undo'; ) {
    expect(await undoPhase(bench.ports)({ ...run, phase: step.phase })).toEqual({ next: 'decide' });
    undone.push(step.phase);
    step = await decideRecovery(bench.ports)({ ...run, failure: null, stage: 'changing', asked: NOTHING_ASKED });
  }
  expect(await verifyUndo(bench.ports)({ ...run, progress: null, asked: NOTHING_ASKED })).toEqual({ done: true, meanwhile: 0, accepted: 0 });
  await closeRun(bench.ports)({
    ...run,
    outcome: 'rolled-back',
    failure: null,
    laterFailure: null,
    planState: 'migrated',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  return undone;
}

test('a plan goes forward, back, and forward again', async () => {
  expect(await forward('first')).toEqual(['schema', 'copy', 'indexes', 'owners']);
  expect(await back('second')).toEqual(['owners', 'indexes', 'copy', 'schema']);
  expect(await bench.sql('select count(*)::int as archived from stepgate_archive.row')).toEqual([{ archived: 0 }]);
  expect(await forward('third')).toEqual(['schema', 'copy', 'indexes', 'owners']);
  expect(await bench.sql('select run_id, outcome from stepgate.run order by token')).toEqual([
    { run_id: 'first', outcome: 'migrated' },
    { run_id: 'second', outcome: 'rolled-back' },
    { run_id: 'third', outcome: 'migrated' },
  ]);
  expect(await bench.sql('select run_id from stepgate.lock')).toEqual([{ run_id: null }]);
});
