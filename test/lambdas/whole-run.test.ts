import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureBefore } from '../../lambdas/checks/measure-before.ts';
import { verifyTarget } from '../../lambdas/checks/verify-target.ts';
import { completeRun } from '../../lambdas/finish/complete-run.ts';
import { nextStep } from '../../lambdas/phases/next-step.ts';
import { runBackfill } from '../../lambdas/phases/run-backfill.ts';
import { runLong } from '../../lambdas/phases/run-long.ts';
import { runPhase } from '../../lambdas/phases/run-phase.ts';
import { decideRecovery } from '../../lambdas/rollback/decide-recovery.ts';
import { undoPhase } from '../../lambdas/rollback/undo-phase.ts';
import { verifyUndo } from '../../lambdas/rollback/verify-undo.ts';
import { acquireLock } from '../../lambdas/start/acquire-lock.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import { changing, openWorkbench, reading, type Workbench } from '../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await bench.sql(SMALL_SOURCE);
});
afterAll(() => bench?.close());

test('a run goes forward and back again', async () => {
  const plan = await bench.deploy(SMALL_PLAN);
  const look = reading(plan, { mode: 'execute', id: 'run-1' });
  const deps = {
    ...bench.ports,
    executions: { statusOf: async () => ({ status: 'ended', said: 'ABORTED' }) as const },
    pause: async () => undefined,
  };
  const lock = await acquireLock(deps)({ ...look, holderSeen: null });
  expect(lock).toMatchObject({ token: 1, planState: 'fresh' });
  const run = changing(plan, { token: 1, id: 'run-1' });
  expect(await measureBefore(bench.ports)({ ...run, progress: null })).toEqual({ done: true });
  const steps: string[] = [];
  for (let step = await nextStep(bench.ports)(run); step.phase !== null; step = await nextStep(bench.ports)(run)) {
    steps.push(step.kind);
    const input = { ...run, phase: step.phase };
    for (let twice = 0; twice < 2; twice += 1) {
      if (step.kind === 'transaction') expect(await runPhase(bench.ports)(input)).toEqual({ done: true });
      if (step.kind === 'transfer') expect(await runBackfill(bench.ports)(input)).toMatchObject({ done: true });
      if (step.kind === 'long') expect(await runLong(bench.ports)(input)).toMatchObject({ next: 'next-step' });
    }
  }
  expect(steps).toEqual(['transaction', 'transfer', 'long', 'transaction']);
  expect(await verifyTarget(bench.ports)({ ...run, progress: null })).toMatchObject({
    done: true,
    results: [{ sourceRows: 1000, targetRows: 1000, missing: 0, extra: 0, different: 0 }],
  });
  await completeRun(bench.ports)(run);
  const undone: string[] = [];
  for (
    let step = await decideRecovery(bench.ports)({ ...run, failure: null });
    step.kind === 'undo';
    step = await decideRecovery(bench.ports)({ ...run, failure: null })
  ) {
    undone.push(step.phase);
    expect(await undoPhase(bench.ports)({ ...run, phase: step.phase })).toEqual({ next: 'decide' });
  }
  expect(undone).toEqual(['owners', 'indexes', 'copy', 'schema']);
  expect(await verifyUndo(bench.ports)({ ...run, progress: null })).toEqual({ done: true });
  expect(await bench.sql('select * from stepgate_archive.row')).toEqual([]);
});
