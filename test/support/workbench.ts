import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { PlanDigest, RunId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import type { ChangingEnvelope, ReadingEnvelope } from '../../core/run/envelope.ts';
import type { Environment } from '../../core/run/environment.ts';
import type { Mode } from '../../core/run/mode.ts';
import { PLAIN_PLACE } from '../../core/run/run-place.ts';
import { type StatePorts, snapshotPort, statePorts } from '../../lambdas/middleware/ports.ts';
import type { Clock } from '../../local/clock.ts';
import { type DataApiLimits, startDataApi } from '../../local/data-api/server.ts';
import { readSuperuserPassword, SUPERUSER } from '../../local/postgres/data-folder.ts';
import { startRds } from '../../local/rds/server.ts';
import { openBuckets } from '../../local/s3/buckets.ts';
import { startS3 } from '../../local/s3/face.ts';

/** The states' outside for a test file: a real server, the local faces, the real SDK clients. */
export interface Workbench {
  readonly environment: Environment;
  readonly ports: StatePorts;
  readonly snapshots: ReturnType<typeof snapshotPort>;
  /** Moves the time that the faces see. */
  passSeconds(seconds: number): void;
  /** As the migrator, past the Data API: what another client would see or do. */
  sql<Row extends QueryResultRow>(text: string): Promise<readonly Row[]>;
  /** One more client of the migrator, which the caller ends. */
  connect(): Promise<Client>;
  /** As the server's superuser, whom RDS gives to nobody. */
  superuser(text: string): Promise<void>;
  /** Compiles a plan from its files and stores it where the states read it. */
  deploy(files: Readonly<Record<string, string>>, id?: string): Promise<{ readonly plan: CompiledPlan; readonly digest: PlanDigest }>;
  close(): Promise<void>;
}

export async function openWorkbench(limits: Partial<DataApiLimits> = {}): Promise<Workbench> {
  const folder = await mkdtemp(join(tmpdir(), 'stepgate-'));
  let aheadMs = 0;
  const clock: Clock = { now: () => new Date(Date.now() + aheadMs) };
  const rds = await startRds({ folder: join(folder, 'rds'), clock, region: 'us-east-1', accountId: '000000000000' });
  const cluster = await rds.clusters.ensure({ id: 'local', database: 'crm', managesSecret: false });
  const dataApi = await startDataApi({ clusters: rds.clusters, limits });
  const buckets = openBuckets(join(folder, 'buckets'), ['plans', 'reports']);
  const s3 = await startS3(buckets);
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_RDS_DATA: dataApi.url,
    AWS_ENDPOINT_URL_RDS: rds.url,
    AWS_ENDPOINT_URL_S3: s3.url,
  });
  const environment: Environment = {
    STEPGATE_CLUSTER_ID: 'local',
    STEPGATE_CLUSTER_ARN: cluster.arn,
    STEPGATE_SECRET_ARN: cluster.secretArn,
    STEPGATE_DATABASE: 'crm',
    STEPGATE_PLAN_BUCKET: 'plans',
    STEPGATE_REPORT_BUCKET: 'reports',
    STEPGATE_TOPIC_ARN: 'arn:aws:sns:us-east-1:000000000000:stepgate',
    STEPGATE_PLANS: '{}',
    STEPGATE_SNAPSHOT: 'required',
    STEPGATE_RESTORE: 'swap',
    STEPGATE_INSTANCES: '["*"]',
    STEPGATE_PLACE: JSON.stringify(PLAIN_PLACE),
    STEPGATE_DEAD_MAN: '',
  };
  const client = new Client({ connectionString: cluster.migratorUrl });
  // A renamed instance restarts.
  client.on('error', () => undefined);
  await client.connect();
  return {
    environment,
    ports: statePorts(environment),
    snapshots: snapshotPort(environment),
    passSeconds: (seconds) => {
      aheadMs += seconds * 1000;
    },
    sql: async (text) => (await client.query(text)).rows,
    connect: async () => {
      const another = new Client({ connectionString: cluster.migratorUrl });
      await another.connect();
      return another;
    },
    superuser: async (text) => {
      const url = new URL(cluster.migratorUrl);
      url.username = SUPERUSER;
      url.password = await readSuperuserPassword(join(folder, 'rds', 'clusters', 'local', 'data'));
      const superuser = new Client({ connectionString: url.href });
      await superuser.connect();
      await superuser.query(text);
      await superuser.end();
    },
    deploy: async (files, id = 'small') => {
      const compiled = await compilePlan({ id, files: new Map(Object.entries(files)) });
      if (!compiled.ok) {
        throw new Error(compiled.faults.map(describeFault).join('\n'));
      }
      buckets.put('plans', `plans/${compiled.digest}.json`, Buffer.from(compiled.json), false);
      return { plan: compiled.plan, digest: compiled.digest };
    },
    close: async () => {
      await client.end();
      await Promise.all([dataApi.close(), s3.close()]);
      await rds.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The envelope that the definition gives a state of a run that holds the lock. */
export function changing(
  plan: { readonly plan: CompiledPlan; readonly digest: PlanDigest },
  run: { readonly token: number; readonly id?: string; readonly mode?: Mode },
): ChangingEnvelope {
  return {
    ...reading(plan, { ...(run.id === undefined ? {} : { id: run.id }), mode: run.mode ?? 'execute' }),
    run: { ...reading(plan, { mode: run.mode ?? 'execute', ...(run.id === undefined ? {} : { id: run.id }) }).run, token: run.token },
  };
}

/** The envelope of a run that only looks. */
export function reading(
  plan: { readonly plan: CompiledPlan; readonly digest: PlanDigest },
  run: { readonly mode: Mode; readonly id?: string },
): ReadingEnvelope {
  const id = RunId.parse(run.id ?? `run-${randomUUID()}`);
  const now = new Date('2026-01-05T22:00:00.000Z');
  return { run: { id, executionArn: executionArn(id), startedAt: now, plan: plan.plan.id, digest: plan.digest, mode: run.mode, token: null }, now };
}

/** Where nobody looks whether a run lives. */
export const NO_DEAD_MAN = { set: async () => undefined, remove: async () => undefined };

export function executionArn(run: string): string {
  return `arn:aws:states:us-east-1:000000000000:execution:Stepgate:${run}`;
}

export function digestOf(text: string): PlanDigest {
  return PlanDigest.parse(createHash('sha256').update(text).digest('hex'));
}
