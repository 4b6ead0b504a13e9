import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteDBClusterSnapshotCommand, DescribeDBClusterSnapshotsCommand, RDSClient } from '@aws-sdk/client-rds';
import { DescribeExecutionCommand, ListExecutionsCommand, type SFNClient, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { Client, escapeIdentifier } from 'pg';
import { sfnOf } from '../../bin/open-engine.ts';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import type { Mode } from '../../core/run/mode.ts';
import { type Engine, startEngine } from '../../local/engine.ts';
import { type Effect, type Fault, faultDesk, type Invoked, type NotedCall } from '../../local/faults/fault-desk.ts';
import { LEFT_OVER, look, type World } from './look.ts';

/** How an execution ended, as Step Functions tells it: `error` is `refused`, `rolled-back`, `halted`, or nothing where it succeeded. */
export interface Ended {
  readonly run: string;
  readonly error: string | null;
  readonly cause: string;
  readonly calls: readonly NotedCall[];
  /** With those of the second door, and of what it has started. */
  readonly allCalls: readonly NotedCall[];
  readonly unmet: readonly Fault[];
  readonly invocations: readonly Invoked[];
  /** How many executions the second door has started for it. */
  readonly recoveries: number;
  /** `report.json` of its folder; null when there is none. */
  readonly report: string | null;
}

export interface Start {
  readonly plan: string;
  readonly mode: Mode;
  /** With which it ends. @default - none */
  readonly error?: string;
  /** The execution is stopped from outside when this state is left. */
  readonly stopAfter?: string;
  /** Whether the second door hears of that end; what it then starts belongs to the run. @default false */
  readonly isSettled?: boolean;
}

/** An engine with plans, whose database can be put back, and looked at past everything that is under test. */
export interface Site {
  run(start: Start, faults: readonly Fault[]): Promise<Ended>;
  /** An empty database, in which `sql` is run; no snapshot is left. */
  begin(sql: string): Promise<void>;
  /** As it was when it began. */
  source(): World;
  /** Keeps the database as it is, for `restore`; an earlier one is given up. */
  save(): Promise<void>;
  /** The database as it was when it was saved, nobody at work, and no snapshot newer than that. */
  restore(): Promise<void>;
  /** Lets virtual time pass. */
  passHours(hours: number): Promise<void>;
  sql<Row extends object>(text: string): Promise<readonly Row[]>;
  /** What an application sees: schemas, rights, rows outside the ledger, as one text each. */
  look(): Promise<World>;
  /** Ends the backend that builds or drops an index, while it waits for a transaction that writes its table. */
  readonly halfWay: Effect;
  /** What a run that ended has no right to leave behind. */
  leftOver(): Promise<readonly string[]>;
  /** Where another role finds the database now: a server that was started again has another port. */
  urlAs(login: { readonly user: string; readonly password: string }): () => string;
  /** RDS's snapshots with their status. */
  snapshots(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

/** Longer than any run takes, and shorter than a person waits. */
const PATIENCE_MS = 240_000;
const LOOK_MS = 5;
const SAVED = 'faults_saved';
const HOUR_MS = 3_600_000;

/** The second door hears nothing of an execution's end. */
const UNHEARD: Fault = { call: { service: 'events' }, nth: 1, moment: 'before', effect: { kind: 'lost' } };

function executionsOf(engine: Engine): string {
  return engine.stack.stateMachineArn.replace(':stateMachine:', ':execution:');
}

/** What differs between two runs of the same: their names, and tokens in the labels of statements. Entries of the journal are read one like the other. */
function sameText(about: string, action: string): string {
  const read = action === 'GET' ? about.replace(/(\/journal\/).*/, '$1…') : about;
  return read
    .replaceAll(/faults-[0-9a-f]{12}/g, 'RUN')
    .replaceAll(/dead-man-RUN-[0-9a-f]{12}/g, 'dead-man-RUN')
    .replaceAll(/(\/\* stepgate [^*]*)\/\d+ \*\//g, '$1 */');
}

export async function openSite(plans: Readonly<Record<string, Readonly<Record<string, string>>>>, assemblyFolder: string): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'stepgate-faults-'));
  const compiled = new Map<PlanId, string>();
  for (const [id, files] of Object.entries(plans)) compiled.set(PlanId.parse(id), await compile(id, files));
  const desk = faultDesk(sameText);
  let stopping: { readonly run: string; readonly after: string | undefined } = { run: '', after: undefined };
  let callsAtStop = 0;
  const engine = await startEngine({
    folder: join(root, 'engine'),
    assemblyFolder,
    plans: compiled,
    faults: desk,
    // A transaction whose answer was lost stays open; three minutes of it would pass for each case.
    limits: { idleTransactionMs: 500 },
    tell: () => {},
    // The last way back has a matrix of its own: test/faults/restore-matrix.ts.
    restore: 'none',
    onStateExited: async ({ executionName, state }) => {
      if (executionName !== stopping.run || state !== stopping.after) return;
      stopping = { run: '', after: undefined };
      callsAtStop = desk.calls().length;
      await sfn.send(new StopExecutionCommand({ executionArn: `${executionsOf(engine)}:${executionName}`, error: 'stopped' }));
    },
  });
  const sfn = sfnOf(engine);
  const rds = new RDSClient({
    endpoint: engine.endpoints.rds,
    region: engine.stack.region,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const database = databaseOf(engine);
  const snapshots = async () => {
    const { DBClusterSnapshots = [] } = await rds.send(new DescribeDBClusterSnapshotsCommand({}));
    return new Map(DBClusterSnapshots.map((one) => [one.DBClusterSnapshotIdentifier ?? '', one.Status ?? '']));
  };
  let kept: ReadonlyMap<string, string> = new Map();
  let source: World = {};
  const dropSnapshots = async () => {
    for (const id of (await snapshots()).keys()) {
      if (!kept.has(id)) await rds.send(new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: id })).catch(() => undefined);
    }
  };
  return {
    async run({ plan, mode, stopAfter, isSettled = false }, faults) {
      const isUnheard = stopAfter !== undefined && !isSettled;
      desk.plan(isUnheard ? [...faults, UNHEARD] : faults);
      const name = `faults-${randomUUID().replaceAll('-', '').slice(0, 12)}`;
      stopping = { run: name, after: stopAfter };
      const { executionArn } = await sfn.send(
        new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name, input: JSON.stringify({ plan, mode }) }),
      );
      const report = join(root, 'engine', 'buckets', engine.stack.reportBucket, 'runs', name, 'report.json');
      const ended = async (error: string | null, cause: string): Promise<Ended> => ({
        ...{
          run: name,
          error,
          cause,
          calls: desk.calls(),
          allCalls: desk.calls(),
          unmet: desk.unmet(),
          invocations: desk.invocations(),
          recoveries: 0,
        },
        report: await readFile(report, 'utf8').catch(() => null),
      });
      for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; ) {
        const { status, error = null, cause = '' } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        if (status !== 'RUNNING') {
          const end = await ended(status === 'SUCCEEDED' ? null : (error ?? status ?? ''), cause);
          if (status === 'SUCCEEDED' || isUnheard) return end;
          // What looks at it, and settles it where it has to be settled, would meet the next run's faults.
          const last = await settled(join(root, 'engine'), { sfn, executionArn: executionArn ?? '' });
          if (!isSettled) return { ...end, allCalls: desk.calls(), recoveries: last.recoveries };
          return { ...(await ended(last.error, last.cause)), calls: desk.calls().slice(callsAtStop) };
        }
        await delay(LOOK_MS);
      }
      await sfn.send(new StopExecutionCommand({ executionArn, error: 'stopped' }));
      return ended('never ended', executionArn ?? '');
    },
    async begin(sql) {
      kept = new Map();
      await dropSnapshots();
      await database.replace(null);
      await database.sql(`drop schema public cascade; create schema public; grant usage on schema public to public; ${sql}`);
      source = await database.inside(look);
    },
    source: () => source,
    async save() {
      kept = await snapshots();
      await database.save();
    },
    async restore() {
      await dropSnapshots();
      await database.replace(SAVED);
    },
    async passHours(hours) {
      const release = engine.clock.hold();
      await engine.clock.waitUntil(new Date(engine.clock.now().getTime() + hours * HOUR_MS), new AbortController().signal);
      release();
    },
    sql: database.sql,
    halfWay: { kind: 'disturbed', disturb: (go) => database.endHalfWay(go) },
    look: () => database.inside(look),
    leftOver: async () => (await database.sql<{ what: string }>(LEFT_OVER)).map(({ what }) => what),
    urlAs:
      ({ user, password }) =>
      () => {
        const url = new URL(engine.psqlUrl);
        Object.assign(url, { username: user, password });
        return url.href;
      },
    snapshots,
    async close() {
      rds.destroy();
      await engine.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function compile(id: string, files: Readonly<Record<string, string>>): Promise<string> {
  const compiled = await compilePlan({ id: PlanId.parse(id), files: new Map(Object.entries(files)) });
  if (!compiled.ok) throw new Error(compiled.faults.map(describeFault).join('\n'));
  return compiled.json;
}

/** Waits until the second door has answered about the run and, where it has sent a recovery, until none of them runs. */
async function settled(
  folder: string,
  { sfn, executionArn }: { readonly sfn: SFNClient; readonly executionArn: string },
): Promise<Pick<Ended, 'error' | 'cause' | 'recoveries'>> {
  const [, machineArn = '', run = ''] = /^(.*):([^:]+)$/.exec(executionArn.replace(':execution:', ':stateMachine:')) ?? [];
  for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; await delay(LOOK_MS)) {
    const events = await readFile(join(folder, 'events.jsonl'), 'utf8').catch(() => '');
    const answered = new Set(events.split('\n').flatMap((line) => /"execution":"([^"]+)"/.exec(line)?.[1] ?? []));
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machineArn, maxResults: 20 }));
    const own = executions.filter(({ name = '' }) => name.includes(run));
    if (!own.every(({ name = '', status }) => status === 'SUCCEEDED' || (status !== 'RUNNING' && answered.has(name)))) continue;
    // Newest first: the last recovery, or the run itself where there was none.
    const last = await sfn.send(new DescribeExecutionCommand({ executionArn: own[0]?.executionArn ?? executionArn }));
    return {
      error: last.status === 'SUCCEEDED' ? null : (last.error ?? last.status ?? ''),
      cause: last.cause ?? '',
      recoveries: own.filter(({ name }) => name?.startsWith('recover-')).length,
    };
  }
  return { error: 'never settled', cause: executionArn, recoveries: 0 };
}

/** The engine's database, made from another one in a tenth of the time that a run takes. */
function databaseOf(engine: Engine) {
  const { database } = engine.stack;
  const name = escapeIdentifier(database);
  const at = async <Result>(where: string, work: (client: Client) => Promise<Result>): Promise<Result> => {
    const url = new URL(engine.psqlUrl);
    url.pathname = where;
    const client = new Client({ connectionString: url.href });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const inside = <Result>(work: (client: Client) => Promise<Result>) => at(database, work);
  return {
    inside,
    endHalfWay: <Result>(go: () => Promise<Result>) =>
      inside(async (writer) => {
        const { rows } = await writer.query<{ names: string }>(
          "select string_agg(oid::regclass::text, ', ') as names from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
        );
        await writer.query(`begin; lock table ${rows[0]?.names} in row exclusive mode`);
        const work = go();
        for (let looks = 0; looks < 200; looks += 1) {
          const ended = await writer.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where query ~* ' index concurrently ' and pid <> pg_backend_pid() and wait_event_type = 'Lock'",
          );
          if ((ended.rowCount ?? 0) > 0) break;
          await delay(10);
        }
        await writer.query('rollback');
        return work;
      }),
    sql: <Row extends object>(text: string) => inside(async (client) => (await client.query<Row>(text)).rows ?? []),
    replace: (template: string | null) =>
      at('postgres', async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
        await client.query(`create database ${name}${template === null ? '' : ` template ${template}`}`);
      }),
    save: () =>
      at('postgres', async (client) => {
        await client.query(`drop database if exists ${SAVED}`);
        for (let tries = 50; ; tries -= 1) {
          await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`);
          try {
            await client.query(`create database ${SAVED} template ${name}`);
            return;
          } catch (error) {
            if (tries === 1) throw error;
            await delay(20);
          }
        }
      }),
  };
}
