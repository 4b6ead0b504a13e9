import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SnapshotPolicy } from '../../../core/run/environment.ts';
import { measureBefore } from '../../../lambdas/checks/measure-before.ts';
import { awaitSnapshot } from '../../../lambdas/snapshot/await-snapshot.ts';
import { createSnapshot } from '../../../lambdas/snapshot/create-snapshot.ts';
import { beginRun, type Deployed, deploy, emptyPlanDatabase, entries, runPhases } from '../../support/run-driver.ts';
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

const deps = (policy: SnapshotPolicy) => ({ ...bench.ports, snapshots: { ...bench.snapshots, policy } });

/** A run under one policy, stopped half-way; then the next one, under another. */
async function goOn({ from, to }: { readonly from: SnapshotPolicy; readonly to: SnapshotPolicy }) {
  const first = await beginRun(bench, plan, { id: 'first' });
  const taken = await createSnapshot(deps(from))(first);
  await measureBefore(bench.ports)({ ...first, progress: null });
  await runPhases(bench.ports, first, 'copy');
  await bench.sql('update stepgate.lock set run_id = null');
  const second = await beginRun(bench, plan, { id: `second-${from}` });
  return { taken, answer: await createSnapshot(deps(to))(second), entries: await entries(bench, second, 'snapshot') };
}

test('where the operator said so none is asked for or waited for, and the journal says why, once', async () => {
  const run = await beginRun(bench, plan, { id: 'without' });
  const [snapshot, again] = [await createSnapshot(deps('none'))(run), await createSnapshot(deps('none'))(run)];
  expect(again).toEqual(snapshot);
  expect(snapshot).toMatchObject({ id: null, adoptedFrom: null });
  expect(await awaitSnapshot(deps('none'))({ ...run, snapshot })).toEqual({ done: true, percent: 100 });
  expect(await entries(bench, run, 'snapshot')).toEqual([
    {
      kind: 'snapshot',
      at: run.now.toISOString(),
      status: 'none',
      because: 'none was taken, because the operator said so (snapshot: none)',
      adoptedFrom: null,
    },
  ]);
});

test('a run that goes on where one without a snapshot stopped takes none: it would hold half of the change', async () => {
  const { answer, entries: written } = await goOn({ from: 'none', to: 'required' });
  expect(answer).toMatchObject({ id: null, adoptedFrom: 'first' });
  expect(written).toMatchObject([{ status: 'none', because: 'run first, which made the first change, took none', adoptedFrom: 'first' }]);
});

test('a run without a snapshot that goes on where one with it stopped has that one', async () => {
  const { taken, answer } = await goOn({ from: 'required', to: 'none' });
  expect(taken.id).not.toBeNull();
  expect(answer).toMatchObject({ id: taken.id, adoptedFrom: 'first' });
});
