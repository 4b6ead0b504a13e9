import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteDBClusterCommand, DeleteDBInstanceCommand, DescribeDBClustersCommand, ModifyDBClusterCommand, RDSClient } from '@aws-sdk/client-rds';
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data';
import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { sfnOf } from '../../bin/open-engine.ts';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import type { RestorePolicy } from '../../core/run/restore-work.ts';
import { startEngine } from '../../local/engine.ts';
import { type Call, type Fault, faultDesk } from '../../local/faults/fault-desk.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';

/** How a rollback at level 3 ended, and what stands then. */
export interface RestoreEnd {
  readonly outcome: string;
  readonly said: string;
  readonly calls: readonly Call[];
  readonly met: number;
  /** What nobody may find, in words; empty for a good end. */
  readonly wrong: readonly string[];
}

export interface RestoreSite {
  /** Migrates, lets somebody write and break the way back, then restores under these faults. */
  restore(faults: readonly Fault[]): Promise<RestoreEnd>;
  execute(): Promise<string>;
  close(): Promise<void>;
}

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const region = 'us-east-1';
const PATIENCE_MS = 120_000;

export async function openRestoreSite(restore: RestorePolicy = 'swap'): Promise<RestoreSite> {
  const root = await mkdtemp(join(tmpdir(), 'stepgate-restores-'));
  const id = PlanId.parse('small');
  const compiled = await compilePlan({ id, files: new Map(Object.entries(SMALL_PLAN)) });
  if (!compiled.ok) throw new Error('the small plan does not compile');
  const desk = faultDesk();
  const engine = await startEngine({
    folder: join(root, 'engine'),
    assemblyFolder: join(tmpdir(), 'stepgate-assemblies'),
    plans: new Map([[id, compiled.json]]),
    faults: desk,
    limits: { idleTransactionMs: 500 },
    restore,
  });
  const rds = new RDSClient({ endpoint: engine.endpoints.rds, region, credentials });
  const data = new RDSDataClient({ endpoint: engine.endpoints.rdsData, region, credentials });
  const sfn = sfnOf(engine);

  async function sql(text: string): Promise<void> {
    const client = new Client({ connectionString: engine.psqlUrl });
    await client.connect();
    await client.query(text);
    await client.end();
  }

  async function run(input: object): Promise<{ readonly name: string; readonly outcome: string; readonly said: string }> {
    const name = `restores-${randomUUID()}`;
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name, input: JSON.stringify({ plan: id, ...input }) }),
    );
    for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; await delay(20)) {
      const { status, error, cause, output } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (status === 'SUCCEEDED') return { name, outcome: (JSON.parse(output ?? '{}') as { outcome: string }).outcome, said: output ?? '' };
      if (status !== 'RUNNING') return { name, outcome: error ?? status ?? '', said: cause ?? '' };
    }
    return { name, outcome: 'never ended', said: '' };
  }

  async function clusters() {
    const { DBClusters = [] } = await rds.send(new DescribeDBClustersCommand({}));
    return DBClusters.map(
      ({ DBClusterIdentifier: name = '', Status: status = '', HttpEndpointEnabled: isOn = false, DBClusterMembers: members = [] }) => ({
        name,
        status,
        isOn,
        instances: members.map((member) => member.DBInstanceIdentifier ?? ''),
      }),
    );
  }

  /** By the Data API, under the name that applications know. */
  async function rowsOf(table: string): Promise<number | null> {
    const address = { resourceArn: engine.stack.clusterArn, secretArn: engine.stack.secretArn, database: engine.stack.database };
    const { records } = await data.send(
      new ExecuteStatementCommand({ ...address, sql: `select case when to_regclass('${table}') is null then null else 1 end as there` }),
    );
    if (records?.[0]?.[0]?.longValue !== 1) return null;
    const { records: counted } = await data.send(new ExecuteStatementCommand({ ...address, sql: `select count(*)::int from ${table}` }));
    return counted?.[0]?.[0]?.longValue ?? null;
  }

  async function wrongWith(
    { name, outcome }: { readonly name: string; readonly outcome: string },
    earlier: readonly string[],
  ): Promise<readonly string[]> {
    const all = (await clusters()).filter((one) => one.name === engine.stack.clusterId || !earlier.includes(one.name));
    const [serving, ...more] = all.filter((one) => one.name === engine.stack.clusterId);
    const page = await readFile(join(root, 'engine', 'buckets', engine.stack.reportBucket, 'runs', name, 'report.md'), 'utf8').catch(() => '');
    const found = await Promise.all([rowsOf('people'), rowsOf('customers')]).catch((error: unknown) => [String(error)]);
    // A halt may come when the new cluster has the name: then that one serves, and the report says so.
    const worlds = (
      outcome === 'restored'
        ? [[1000, null]]
        : [
            [1000, 1001],
            [1000, null],
          ]
    ).map((world) => JSON.stringify(world));
    return [
      ...(['restored', 'halted'].includes(outcome) ? [] : [`it ended ${outcome}`]),
      ...(serving?.status === 'available' && serving.isOn && more.length === 0 ? [] : [`under the name is ${JSON.stringify(serving ?? 'nothing')}`]),
      ...(worlds.includes(JSON.stringify(found)) ? [] : [`people and customers hold ${JSON.stringify(found)}, not ${worlds.join(' or ')}`]),
      ...all.filter((one) => one !== serving && !page.includes(one.name)).map((one) => `the report does not name cluster ${one.name}`),
    ];
  }

  /** Clusters of earlier cases, but for the one that serves. */
  async function takeAway(): Promise<void> {
    for (const { name, instances, status } of await clusters()) {
      if (name === engine.stack.clusterId || status !== 'available') continue;
      for (const instance of instances) await rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: instance, SkipFinalSnapshot: true }));
    }
    for (const { name, instances, status } of await clusters()) {
      if (name !== engine.stack.clusterId && status === 'available' && instances.length === 0)
        await rds.send(new DeleteDBClusterCommand({ DBClusterIdentifier: name, SkipFinalSnapshot: true }));
    }
  }

  return {
    async restore(faults) {
      await takeAway();
      await sql(
        `drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade; drop schema public cascade; create schema public; ${SMALL_SOURCE}`,
      );
      await rds.send(new ModifyDBClusterCommand({ DBClusterIdentifier: engine.stack.clusterId, PreferredMaintenanceWindow: 'sun:02:00-sun:02:30' }));
      desk.plan([]);
      const forward = await run({ mode: 'execute', digest: compiled.digest });
      if (forward.outcome !== 'migrated') throw new Error(`the run before it ended ${forward.outcome}: ${forward.said}`);
      await sql(`insert into customers (id, full_name) values (5000, 'since then')`);
      desk.plan(faults);
      const earlier = (await clusters()).map(({ name }) => name);
      const end = await run({ mode: 'rollback', level: 3 });
      const [calls, met] = [desk.calls(), faults.length - desk.unmet().length];
      desk.plan([]);
      return { outcome: end.outcome, said: end.said, calls, met, wrong: await wrongWith(end, earlier) };
    },
    execute: async () => (await run({ mode: 'execute', digest: compiled.digest })).outcome,
    async close() {
      rds.destroy();
      data.destroy();
      await engine.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** What changes something. */
export function actsOf(calls: readonly Call[]): readonly Pick<Call, 'service' | 'action' | 'by'>[] {
  return calls
    .filter(({ service, action, by }) => service === 'rds' && by === 'RestoreCluster' && !action.startsWith('Describe'))
    .map(({ service, action, by }) => ({ service, action, by }));
}
