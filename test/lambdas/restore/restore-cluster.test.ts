import { createHash } from 'node:crypto';
import { DescribeDBClustersCommand, DescribeDBInstancesCommand, ModifyDBClusterCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { dataApiClient, rdsClient } from '../../../adapters/aws-clients.ts';
import { rdsClusters } from '../../../adapters/clusters.ts';
import { sqlSession } from '../../../adapters/sql-session.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import type { Environment } from '../../../core/run/environment.ts';
import { restoreFacts } from '../../../core/run/restore-facts.ts';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { measureBefore } from '../../../lambdas/checks/measure-before.ts';
import { closeRun } from '../../../lambdas/finish/close-run.ts';
import { completeRun } from '../../../lambdas/finish/complete-run.ts';
import { lowerFence } from '../../../lambdas/finish/lower-fence.ts';
import { type RestorePorts, type RestoreVisit, restoreCluster } from '../../../lambdas/restore/restore-cluster.ts';
import { awaitSnapshot } from '../../../lambdas/snapshot/await-snapshot.ts';
import { createSnapshot } from '../../../lambdas/snapshot/create-snapshot.ts';
import { beginRun, type Deployed, deploy, retried, runPhases } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { NO_DEAD_MAN, openWorkbench, type Workbench } from '../../support/workbench.ts';

// A migrated database, and its way back by the snapshot. The tests share it: the last one swaps.

let bench: Workbench;
let plan: Deployed;
let first: ChangingEnvelope;
let minutes = 0;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
  first = await migrated();
});
afterAll(() => bench?.close());
beforeEach(() => bench.sql('update stepgate.lock set run_id = null'));

const ASKED = { ...NOTHING_ASKED, level: 3 } as const;

function ports(environment: Partial<Environment> = {}): RestorePorts {
  return {
    ...bench.ports,
    clusters: rdsClusters(rdsClient()),
    snapshots: bench.snapshots,
    sessionAt: (arn) => sqlSession({ ...bench.environment, STEPGATE_CLUSTER_ARN: arn }, dataApiClient()),
    environment: { ...bench.environment, ...environment },
  };
}

/** Migrates with a snapshot from before, then lets the application write. */
async function migrated(): Promise<ChangingEnvelope> {
  await bench.sql(SMALL_SOURCE);
  const run = await beginRun(bench, plan, { id: 'forward' });
  const deps = { ...bench.ports, snapshots: bench.snapshots };
  const snapshot = await createSnapshot(deps)(run);
  bench.passSeconds(200);
  for (let done = false; !done; ) ({ done } = await awaitSnapshot(deps)({ ...run, snapshot }));
  await measureBefore(bench.ports)({ ...run, progress: null });
  await runPhases(bench.ports, run);
  await completeRun(bench.ports)(run);
  await closeRun(bench.ports)({ ...run, outcome: 'migrated', failure: null, laterFailure: null, planState: 'fresh', ...NOTHING });
  await bench.sql(`insert into customers (id, full_name) values (5000, 'since then'); drop table towns`);
  return run;
}

const NOTHING = { proof: null, kept: null, restoreFailure: null, restored: null } as const;

type Given = Partial<Parameters<ReturnType<typeof restoreCluster>>[0]>;

/** A run, or a recovery that cannot ask for its lock. */
type Held = Omit<ChangingEnvelope, 'run'> & { readonly run: Omit<ChangingEnvelope['run'], 'token'> & { readonly token: number | null } };

/** Visits until the restore has ended, each of them twice; the clock passes a minute while RDS works. */
async function toTheEnd(run: Held, given: Given = {}, deps = ports()): Promise<RestoreVisit> {
  const visit = () => {
    const now = new Date(run.now.getTime() + minutes * 60_000);
    return retried(() => restoreCluster(deps)({ ...run, now, asked: ASKED, laterFailure: null, restoreFailure: null, ...given }));
  };
  for (let visits = 0; visits < 200; visits += 1) {
    await visit();
    const { done, ...rest } = await visit();
    if (done) return { done, ...rest };
    bench.passSeconds(60);
    minutes += 1;
  }
  throw new Error('the restore never ended');
}

/** The one that serves, and those of the run. */
async function clusters({ run }: ChangingEnvelope) {
  const hash = createHash('sha256').update(run.executionArn).digest('hex').slice(0, 8);
  const { DBClusters = [] } = await rdsClient().send(new DescribeDBClustersCommand({}));
  return DBClusters.filter(({ DBClusterIdentifier: id }) => id === 'local' || id?.endsWith(hash)).map(
    ({ DBClusterIdentifier: id = '', HttpEndpointEnabled: isOn }) => ({ id: id.replace(hash, 'RUN'), isOn }),
  );
}

async function steps(run: ChangingEnvelope): Promise<readonly string[]> {
  const facts = restoreFacts(await bench.ports.journal.readAll(run.run.id));
  return facts.steps.map(({ what }) => what.replaceAll(/\b[0-9a-f]{8}\b/g, 'RUN'));
}

async function count(sql: string): Promise<unknown> {
  const [row] = await bench.ports.session.query(z.object({ found: z.unknown() }), `select (${sql}) as found`);
  return row?.found;
}

test('where the stack leaves the swap to a person, the restored cluster stands beside, verified', async () => {
  const run = await beginRun(bench, plan, { id: 'back-1', mode: 'rollback' });
  const end = await toTheEnd(run, {}, ports({ STEPGATE_RESTORE: 'prepare' }));
  expect(end).toMatchObject({ done: true, outcome: 'halted' });
  expect(end.sentence).toMatch(
    /is restored as cluster stepgate-restored-\w+, verified by the digests of 2 tables, and not swapped in: this stack leaves/,
  );
  expect(await clusters(run)).toEqual([
    { id: 'local', isOn: true },
    { id: 'stepgate-restored-RUN', isOn: true },
  ]);
  expect(await count('select count(*)::int from customers')).toBe(1001);
});

test('after a failed undo it is prepared, because writes since the snapshot would be lost', async () => {
  const failed = { Error: 'StatementFailedError', Cause: '{"errorMessage":"no"}' };
  const [lock] = await bench.sql<{ token: number }>(`update stepgate.lock set run_id = 'forward' returning token::int`);
  const run = { ...first, run: { ...first.run, token: lock?.token ?? 0 } };
  const end = await toTheEnd(run, { asked: NOTHING_ASKED, laterFailure: failed });
  expect(end.sentence).toContain('not swapped in: writes since the snapshot would be lost, and nobody has said that they may be');
});

test.each([
  {
    name: 'the stack restores nothing',
    given: {},
    policy: 'none',
    sentence: 'nothing was restored: this stack restores nothing by itself (restore: none)',
  },
  {
    name: 'the way back can be tried again',
    given: { asked: NOTHING_ASKED, laterFailure: { Error: 'DatabaseBusyError', Cause: '' } },
    policy: 'swap',
    sentence: null,
  },
] as const)('nothing is restored where $name', async ({ given, policy, sentence }) => {
  const run = await beginRun(bench, plan, { id: `back-${policy}`, mode: 'rollback' });
  const visit = await toTheEnd(run, given, ports({ STEPGATE_RESTORE: policy }));
  expect(visit).toMatchObject({ done: true, outcome: 'halted', sentence });
  expect(await clusters(run)).toHaveLength(1);
});

test('what was written between the snapshot and the digests keeps the restored cluster from being swapped in', async () => {
  const run = await beginRun(bench, plan, { id: 'back-3', mode: 'rollback' });
  const [baseline] = (await bench.ports.journal.readAll(first.run.id)).filter(({ kind }) => kind === 'baseline');
  if (baseline?.kind !== 'baseline') throw new Error('no baseline');
  const tables = baseline.tables.map((table) => (table.table === 'public.people' ? { ...table, rows: 1001, digest: 'other' } : table));
  await bench.ports.journal.write(first.run.id, 'baseline', { ...baseline, tables });
  const end = await toTheEnd(run);
  await bench.ports.journal.write(first.run.id, 'baseline', baseline);
  expect(end).toMatchObject({ outcome: 'halted' });
  expect(end.sentence).toContain('which differs from the state of before and not swapped in: other rows in public.people');
  expect((await clusters(run)).map(({ id }) => id)).toEqual(['local', 'stepgate-restored-RUN']);
});

test('a recovery without a lock goes on with nothing that was not begun', async () => {
  const run = await beginRun(bench, plan, { id: 'back-7', mode: 'rollback' });
  expect(await toTheEnd({ ...run, run: { ...run.run, token: null } })).toMatchObject({ done: true, token: null });
  expect(await clusters(run)).toHaveLength(1);
});

test('a run whose lock was taken over restores nothing more', async () => {
  const run = await beginRun(bench, plan, { id: 'back-4', mode: 'rollback' });
  const input = { ...run, asked: ASKED, laterFailure: null, restoreFailure: null };
  await restoreCluster(ports())(input);
  await bench.sql('update stepgate.lock set token = token + 1');
  await expect(restoreCluster(ports())(input)).rejects.toMatchObject({ name: 'StaleTokenError' });
  expect(await clusters(run)).toHaveLength(1);
});

test('an error in the middle of the swap gives the old cluster its name back', async () => {
  const run = await beginRun(bench, plan, { id: 'back-5', mode: 'rollback' });
  const deps = ports();
  const renameCluster = async (from: string, to: string) => {
    if (from.startsWith('stepgate-restored')) throw new Error('AccessDenied');
    await deps.clusters.renameCluster(from, to);
  };
  const failing = { ...deps, clusters: { ...deps.clusters, renameCluster } };
  await expect(toTheEnd(run, {}, failing)).rejects.toThrow('AccessDenied');
  expect((await clusters(run)).map(({ id }) => id)).toEqual(['local-before-RUN', 'stepgate-restored-RUN']);
  const end = await toTheEnd(run, { restoreFailure: { Error: 'ConfigurationError', Cause: '{"errorMessage":"AccessDenied"}' } });
  expect(end).toMatchObject({ outcome: 'halted' });
  expect(end.sentence).toMatch(/failed: AccessDenied$/);
  expect(await clusters(run)).toEqual([
    { id: 'local', isOn: true },
    { id: 'stepgate-restored-RUN', isOn: false },
  ]);
  expect(await count('select count(*)::int from customers')).toBe(1001);
});

test('a restore that was asked for gives the old rows the old name, and keeps the old cluster', async () => {
  await rdsClient().send(
    new ModifyDBClusterCommand({
      DBClusterIdentifier: 'local',
      BackupRetentionPeriod: 14,
      PreferredMaintenanceWindow: 'sun:01:00-sun:01:30',
      DeletionProtection: true,
    }),
  );
  const run = await beginRun(bench, plan, { id: 'back-6', mode: 'rollback' });
  const deps = ports();
  const dies = {
    ...deps.clusters,
    renameCluster: async (from: string, to: string) => {
      await deps.clusters.renameCluster(from, to);
      throw new Error('the execution was stopped');
    },
  };
  await expect(toTheEnd(run, {}, { ...deps, clusters: dies })).rejects.toThrow('stopped');
  // Nobody has the name, and so nobody can be asked for the lock.
  const end = await toTheEnd({ ...run, run: { ...run.run, token: null } });
  expect(end).toMatchObject({ done: true, outcome: 'restored', token: run.run.token });
  expect(end.sentence).toMatch(/^snapshot stepgate-small-forward-\w+ serves as cluster local; the old cluster is kept as local-before-[0-9a-f]{8}$/);
  expect(await steps(run)).toEqual([
    'restore the snapshot into a new cluster, with the settings of the old one',
    'set the maintenance window of stepgate-restored-RUN',
    'create instance stepgate-restored-RUN-1, as local-writer',
    'switch the Data API of stepgate-restored-RUN on',
    'hold rows and schema against the digests of before',
    'switch the Data API of stepgate-restored-RUN off',
    'switch the Data API of local off',
    'rename cluster local to local-before-RUN',
    'rename cluster stepgate-restored-RUN to local',
    'rename instance local-writer to local-writer-before-RUN',
    'rename instance stepgate-restored-RUN-1 to local-writer',
    'switch the Data API of local on',
    'ask the restored database under the old name',
  ]);
  expect(await clusters(run)).toEqual([
    { id: 'local-before-RUN', isOn: false },
    { id: 'local', isOn: true },
  ]);
  expect(await count(`select count(*)::int from people`)).toBe(1000);
  expect(await count(`select count(*)::int from towns`)).toBe(2);
  expect(await count(`select to_regclass('customers')::text`), 'the migration is gone').toBeNull();
  const { DBClusters } = await rdsClient().send(new DescribeDBClustersCommand({ DBClusterIdentifier: 'local' }));
  expect(DBClusters?.[0]).toMatchObject({ BackupRetentionPeriod: 14, PreferredMaintenanceWindow: 'sun:01:00-sun:01:30', DeletionProtection: true });
  const { DBInstances } = await rdsClient().send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'local-writer' }));
  expect(DBInstances).toMatchObject([{ DBClusterIdentifier: 'local', DBInstanceStatus: 'available' }]);

  // The ledger that came back with the snapshot: the run is its own, the lock is free, a next execute begins anew.
  await lowerFence({ ...bench.ports, deadMan: NO_DEAD_MAN })(run);
  await closeRun(bench.ports)({
    ...run,
    outcome: 'restored',
    failure: null,
    laterFailure: null,
    planState: 'migrated',
    ...NOTHING,
    restored: end.sentence,
  });
  expect(await count(`select string_agg(run_id || ' ' || outcome, ', ' order by run_id) from stepgate.run`)).toBe(
    'back-6 restored, forward restored',
  );
  expect(await count('select run_id from stepgate.lock')).toBeNull();
  const next = await beginRun(bench, plan, { id: 'again' });
  expect(next.run.token).toBeGreaterThan(run.run.token);
  await measureBefore(bench.ports)({ ...next, progress: null });
  expect(await runPhases(bench.ports, next)).toEqual(['schema', 'copy', 'indexes', 'owners']);
});
