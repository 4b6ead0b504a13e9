import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeExecutionCommand, ListExecutionsCommand, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { s3Journal } from '../../adapters/journal-store.ts';
import { s3Of, schedulerOf, sfnOf } from '../../bin/open-engine.ts';
import { PlanId, RunId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { buildReport, type Report } from '../../core/run/report.ts';
import { type Engine, type EngineOptions, startEngine } from '../../local/engine.ts';
import { type FaultDesk, faultDesk } from '../../local/faults/fault-desk.ts';

/** Three phases over a table of three rows, the last one behind a fence. */
const PLAN = {
  'plan.yaml': 'title: Three phases\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n  - { id: use, fence: true }\n',
  '1-schema/up.sql': 'create table made (id bigint primary key, note text);\n',
  '1-schema/undo.sql': 'drop table made;\n',
  '2-copy/rows.sql': '--! into: made\n--! from: source\n--! key: id\n--! sync: none\nselect s.id, s.note from source s;\n',
  '3-use/up.sql': "comment on table made is 'in use';\n",
  '3-use/undo.sql': 'comment on table made is null;\n',
};
const SOURCE = "create table source (id bigint primary key, note text); insert into source values (1, 'one'), (2, 'two'), (3, 'three');";

/** Whether the fence stands and who has the lock; what stands of the plan. */
const HELD = `select (select count(*)::int from stepgate.fence) as fences, (select run_id from stepgate.lock) as lock,
to_regclass('public.made') is not null as made, to_regclass('stepgate.version') is not null as ledger`;

export interface DoorSite {
  readonly engine: Engine;
  readonly desk: FaultDesk;
  readonly migrator: Client;
  /** The database as before any run. */
  reset(): Promise<void>;
  /** Starts a run; gives its id. */
  start(mode: string, id?: string): Promise<string>;
  stop(execution: string): Promise<void>;
  /** What is done when a state is left for the nth time from now on, once. */
  onExit(state: string, act: (execution: string) => void | Promise<void>, nth?: number): void;
  /** Waits for the end of an execution, whether it is there yet or not; gives its status. */
  ended(execution: string): Promise<string>;
  /** Waits until the door has answered to so many events since the last reset; gives what it did about each. */
  answers(count: number): Promise<readonly string[]>;
  executions(): Promise<readonly string[]>;
  report(run: string): Promise<Report>;
  held(): Promise<{ readonly fences: number; readonly lock: string | null; readonly made: boolean }>;
  notices(): readonly string[];
  schedules(): ReturnType<typeof schedulerOf>;
  close(): Promise<void>;
}

export async function openDoorSite(more: Partial<EngineOptions> = {}): Promise<DoorSite> {
  const root = mkdtempSync(join(tmpdir(), 'stepgate-door-'));
  const folder = join(root, 'engine');
  const id = PlanId.parse('three');
  const compiled = await compilePlan({ id, files: new Map(Object.entries(PLAN)) });
  if (!compiled.ok) throw new Error(compiled.faults.map(describeFault).join('\n'));
  const desk = faultDesk();
  const watched = new Map<string, { left: number; readonly act: (execution: string) => void | Promise<void> }>();
  const engine = await startEngine({
    folder,
    assemblyFolder: join(tmpdir(), 'stepgate-assemblies'),
    plans: new Map([[id, compiled.json]]),
    faults: desk,
    onStateExited: async ({ state, executionName }) => {
      const watch = watched.get(state);
      if (watch === undefined) return;
      watch.left -= 1;
      if (watch.left > 0) return;
      watched.delete(state);
      await watch.act(executionName);
    },
    ...more,
  });
  const migrator = new Client({ connectionString: engine.psqlUrl });
  await migrator.connect();
  const sfn = sfnOf(engine);
  const arnOf = (name: string) => `${engine.stack.stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  let number = 0;
  let seen = 0;
  const lines = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
  const events = () => lines(join(folder, 'events.jsonl'));
  let told = 0;
  return {
    engine,
    desk,
    migrator,
    async reset() {
      watched.clear();
      desk.plan([]);
      [seen, told] = [events().length, lines(join(folder, 'notifications.jsonl')).length];
      await migrator.query(`drop schema if exists stepgate cascade; drop schema if exists stepgate_archive cascade;
drop schema public cascade; create schema public; grant usage on schema public to public; ${SOURCE}`);
    },
    async start(mode, name = `run-${++number}-${mode}`) {
      await sfn.send(new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name, input: JSON.stringify({ plan: id, mode }) }));
      return name;
    },
    stop: async (execution) =>
      void (await sfn.send(new StopExecutionCommand({ executionArn: arnOf(execution), error: 'Interrupted', cause: 'by the test' }))),
    onExit: (state, act, nth = 1) => void watched.set(state, { left: nth, act }),
    ended: (execution) =>
      until(async () => {
        const described = await sfn.send(new DescribeExecutionCommand({ executionArn: arnOf(execution) })).catch(() => undefined);
        return described === undefined || described.status === 'RUNNING' ? undefined : described.status;
      }),
    answers: (count) =>
      until(async () => {
        const answers = events()
          .slice(seen)
          .map((line) => JSON.parse(line) as { execution: string; answer?: { did: string }; error?: string });
        return answers.length < count ? undefined : answers.map(({ execution, answer, error }) => `${execution} ${answer?.did ?? error}`);
      }),
    async executions() {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: engine.stack.stateMachineArn }));
      return executions.map(({ name = '' }) => name);
    },
    report: async (run) => buildReport(await s3Journal(engine.stack.reportBucket, s3Of(engine)).readAll(RunId.parse(run))),
    async held() {
      const there = await migrator.query("select to_regclass('stepgate.fence') is not null as ledger");
      if (there.rows[0]?.ledger !== true) return { fences: 0, lock: null, made: false };
      const { rows } = await migrator.query(HELD);
      return { fences: rows[0].fences, lock: rows[0].lock, made: rows[0].made };
    },
    notices: () => lines(join(folder, 'notifications.jsonl')).slice(told),
    schedules: () => schedulerOf(engine),
    async close() {
      await migrator.end();
      await engine.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The test's own limit ends it. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
