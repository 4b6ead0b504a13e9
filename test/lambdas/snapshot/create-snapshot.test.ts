import { DeleteDBClusterSnapshotCommand, DescribeDBClusterSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { rdsClient } from '../../../adapters/aws-clients.ts';
import { GateRefusedError } from '../../../core/errors.ts';
import { measureBefore } from '../../../lambdas/checks/measure-before.ts';
import { awaitSnapshot } from '../../../lambdas/snapshot/await-snapshot.ts';
import { createSnapshot } from '../../../lambdas/snapshot/create-snapshot.ts';
import { beginRun, type Deployed, deploy, emptyDatabase, emptyPlanDatabase, entries, refusal, runPhases } from '../../support/run-driver.ts';
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

const deps = () => ({ ...bench.ports, snapshots: bench.snapshots });

async function named(id: string | null) {
  const { DBClusterSnapshots } = await rdsClient().send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: id ?? undefined }));
  return DBClusterSnapshots ?? [];
}

async function snapshots(): Promise<readonly (string | undefined)[]> {
  return (await rdsClient().send(new DescribeDBClusterSnapshotsCommand({}))).DBClusterSnapshots?.map((one) => one.DBClusterSnapshotIdentifier) ?? [];
}

test('CreateSnapshot run twice and beside itself takes one snapshot, tagged and written down before it is asked for', async () => {
  const run = await beginRun(bench, plan, { id: 'twice' });
  const [one, other] = await Promise.all([createSnapshot(deps())(run), createSnapshot(deps())(run)]);
  expect(other).toEqual(one);
  expect(await createSnapshot(deps())({ ...run, now: new Date('2026-01-05T23:00:00.000Z') })).toMatchObject({ id: one.id, adoptedFrom: null });
  const [snapshot, ...more] = await named(one.id);
  expect(more).toEqual([]);
  expect(snapshot?.TagList).toEqual(
    expect.arrayContaining([
      { Key: 'stepgate:run', Value: 'twice' },
      { Key: 'stepgate:role', Value: 'snapshot' },
      { Key: 'stepgate:keep-until', Value: '2026-02-09' },
    ]),
  );
  expect(await entries(bench, run, 'snapshot')).toMatchObject([{ id: one.id, status: 'requested', availableAt: null }]);
  expect(await bench.sql('select snapshot_id from stepgate.plan')).toEqual([{ snapshot_id: one.id }]);
});

test('runs of one name in two stacks of an account take two snapshots', async () => {
  const here = reading(plan, { mode: 'backup', id: 'nightly' });
  const there = { ...here, run: { ...here.run, executionArn: here.run.executionArn.replace('Stepgate', 'StepgateStaging') } };
  const [one, other] = [await createSnapshot(deps())(here), await createSnapshot(deps())(there)];
  expect(one.id).not.toBe(other.id);
});

test('a backup takes a snapshot without a ledger', async () => {
  await emptyDatabase(bench);
  const { id } = await createSnapshot(deps())(reading(plan, { mode: 'backup', id: 'backup' }));
  expect(await named(id)).toHaveLength(1);
  expect(await bench.sql("select to_regnamespace('stepgate')::text as ledger")).toEqual([{ ledger: null }]);
});

test('AwaitSnapshot waits until it is available, and says the same again', async () => {
  const input = reading(plan, { mode: 'backup', id: 'waits' });
  const snapshot = await createSnapshot(deps())(input);
  expect(await awaitSnapshot(deps())({ ...input, snapshot })).toMatchObject({ done: false });
  bench.passSeconds(200);
  for (let done = false; !done; ) ({ done } = await awaitSnapshot(deps())({ ...input, snapshot }));
  expect(await Promise.all([1, 2].map(() => awaitSnapshot(deps())({ ...input, snapshot })))).toEqual([
    { done: true, percent: 100 },
    { done: true, percent: 100 },
  ]);
  expect(await entries(bench, input as never, 'snapshot')).toMatchObject([{ status: 'available', adoptedFrom: null }]);
});

test('a snapshot that is gone refuses the run by its name', async () => {
  const input = reading(plan, { mode: 'backup', id: 'gone' });
  const snapshot = await createSnapshot(deps())(input);
  bench.passSeconds(200);
  for (let done = false; !done; ) ({ done } = await awaitSnapshot(deps())({ ...input, snapshot }));
  await rdsClient().send(new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: snapshot.id ?? '' }));
  const error = await refusal(awaitSnapshot(deps())({ ...input, snapshot }));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain(`snapshot ${snapshot.id} is gone`);
});

test.each(['failed', 'deleting', 'incompatible-restore'])('a snapshot that is %s refuses the run', async (status) => {
  const input = reading(plan, { mode: 'backup', id: 'failed' });
  const snapshots = { status: async (id: string) => ({ id, status, percent: 0, restoreCommand: null }) };
  const snapshot = { id: 'x', requestedAt: input.now.toISOString(), adoptedFrom: null };
  const error = await refusal(awaitSnapshot({ ...bench.ports, snapshots })({ ...input, snapshot }));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain(status);
});

test('a snapshot that has not come in twelve hours refuses the run, and until then is waited for', async () => {
  const input = reading(plan, { mode: 'backup', id: 'endless' });
  const snapshots = { status: async (id: string) => ({ id, status: 'creating', percent: 7, restoreCommand: null }) };
  const snapshot = { id: 'x', requestedAt: input.now.toISOString(), adoptedFrom: null };
  const look = (hours: number) =>
    awaitSnapshot({ ...bench.ports, snapshots })({ ...input, now: new Date(input.now.getTime() + hours * 3_600_000), snapshot });
  expect(await look(12)).toEqual({ done: false, percent: 7 });
  const error = await refusal(look(12.1));
  expect(error).toBeInstanceOf(GateRefusedError);
  expect(error.message).toContain('snapshot x is creating at 7 % since');
});

test('a run that goes on keeps the snapshot from before the first change', async () => {
  const first = await beginRun(bench, plan, { id: 'first' });
  const taken = await createSnapshot(deps())(first);
  await measureBefore(bench.ports)({ ...first, progress: null });
  await runPhases(bench.ports, first, 'copy');
  await bench.sql('update stepgate.lock set run_id = null');
  const second = await beginRun(bench, plan, { id: 'second' });
  expect(await createSnapshot(deps())(second)).toEqual({ id: taken.id, requestedAt: '2026-01-05T22:00:00+00:00', adoptedFrom: 'first' });
});

test('a stale run asks for no snapshot, and remembers none', async () => {
  const run = await beginRun(bench, plan, { id: 'stale' });
  const before = await snapshots();
  await bench.sql('update stepgate.lock set token = token + 1');
  expect((await refusal(createSnapshot(deps())(run))).name).toBe('StaleTokenError');
  expect(await bench.sql('select snapshot_id from stepgate.plan')).toEqual([{ snapshot_id: null }]);
  expect(await snapshots()).toEqual(before);
});
