import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { DATA_FOLDER } from '../bin/data-folder.ts';
import { type LoadedPlan, loadPlan } from '../bin/plans.ts';
import type { Environment } from '../core/run/environment.ts';
import { PLAIN_PLACE } from '../core/run/run-place.ts';
import { type Assembly, assemblyFolderFor, obtainAssembly } from '../local/assembly.ts';
import { type Engine, engineEnvironment, startEngine } from '../local/engine.ts';
import { type FunctionHost, functionHost } from '../local/lambda/function-host.ts';
import { deadManPlaceOf } from '../local/services.ts';
import type { StateExited } from '../local/step-functions/visit.ts';

/** A local engine with plans, and direct ways to its parts. */
export interface Stage {
  readonly engine: Engine;
  /** The engine's data folder. */
  readonly folder: string;
  /** The folder of plans, where the command line finds them too. */
  readonly plansFolder: string;
  plan(id: string): LoadedPlan;
  readonly functions: Assembly['functions'];
  /** Calls a function as it would be deployed, which stays warm. */
  readonly invoke: FunctionHost['invoke'];
  /** The functions in workers of their own, which start cold. */
  openFunctions(): FunctionHost;
  /** Hears each state's end until the returned function is called. */
  onStateExited(heard: (state: string) => void): () => void;
  /** As the migrator, past the Data API. */
  sql<Row extends QueryResultRow>(text: string): Promise<readonly Row[]>;
  /** Takes every schema of the database away, the ledger's too. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** A plan's files by their path in its folder. */
export type PlanFiles = Readonly<Record<string, string>>;

export interface StageOptions {
  /** Plans that are made for the bench, by id. */
  readonly plans: Readonly<Record<string, PlanFiles>>;
  /** The folders of plans that bring a demo. */
  readonly demos: readonly string[];
  /** Synthesized stacks are kept here. @default - where the command line keeps them */
  readonly assemblyFolder?: string;
}

export async function openStage({ plans: files, demos, assemblyFolder = assemblyFolderFor(resolve(DATA_FOLDER)) }: StageOptions): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), 'stepgate-bench-'));
  const plansFolder = join(root, 'plans');
  for (const [id, plan] of Object.entries(files)) await writePlan(join(plansFolder, id), plan);
  const plans = await Promise.all([
    ...demos.map((demo) => loadPlan(dirname(demo), basename(demo))),
    ...Object.keys(files).map((id) => loadPlan(plansFolder, id)),
  ]);
  const listeners = new Set<(state: string) => void>();
  const onStateExited: StateExited = async ({ state }) => {
    for (const heard of listeners) heard(state);
  };
  const folder = join(root, 'engine');
  const engine = await startEngine({ folder, assemblyFolder, onStateExited, plans: new Map(plans.map(({ plan, json }) => [plan.id, json])) });
  const { functions } = await obtainAssembly(assemblyFolder);
  const client = new Client({ connectionString: engine.psqlUrl });
  await client.connect();
  const environment = { ...engineEnvironment(engine), ...functionEnvironment(engine, plans) };
  const openFunctions = () =>
    functionHost({
      functions,
      environment: () => environment,
      region: engine.stack.region,
      accountId: engine.stack.accountId,
      logFolder: join(root, 'logs'),
      hold: () => () => {},
    });
  const warm = openFunctions();
  return {
    ...{ engine, folder, plansFolder },
    plan: (id) => planOf(plans, id),
    functions,
    openFunctions,
    invoke: warm.invoke,
    onStateExited: (heard) => {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
    sql: async (text) => (await client.query(text)).rows,
    empty: () => emptyDatabase(client),
    close: async () => {
      await warm.close();
      await client.end();
      await engine.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function writePlan(folder: string, files: PlanFiles): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

function planOf(plans: readonly LoadedPlan[], id: string): LoadedPlan {
  const found = plans.find(({ plan }) => plan.id === id);
  if (found === undefined) throw new Error(`the bench has no plan ${id}; it has ${plans.map(({ plan }) => plan.id).join(', ')}`);
  return found;
}

/** As the engine sets it for the functions that the state machine calls. */
function functionEnvironment({ stack }: Engine, plans: readonly LoadedPlan[]): Environment & Record<string, string> {
  return {
    STEPGATE_CLUSTER_ID: stack.clusterId,
    STEPGATE_CLUSTER_ARN: stack.clusterArn,
    STEPGATE_SECRET_ARN: stack.secretArn,
    STEPGATE_DATABASE: stack.database,
    STEPGATE_PLAN_BUCKET: stack.planBucket,
    STEPGATE_REPORT_BUCKET: stack.reportBucket,
    STEPGATE_TOPIC_ARN: stack.topicArn,
    STEPGATE_PLANS: JSON.stringify(Object.fromEntries(plans.map(({ plan, digest }) => [plan.id, digest]))),
    STEPGATE_SNAPSHOT: 'required',
    STEPGATE_RESTORE: 'none',
    STEPGATE_INSTANCES: '["*"]',
    STEPGATE_PLACE: JSON.stringify(PLAIN_PLACE),
    STEPGATE_DEAD_MAN: JSON.stringify(deadManPlaceOf(stack)),
    POWERTOOLS_TRACE_ENABLED: 'false',
  };
}

async function emptyDatabase(client: Client): Promise<void> {
  await client.query(`drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade;
drop schema if exists auth cascade; drop schema public cascade; create schema public; grant usage on schema public to public`);
}
