import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, GetExecutionHistoryCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { type Engine, engineEnvironment, startEngine } from '../../local/engine.ts';
import { attachEngine } from '../../local/running-engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'stepgate-engine-'));
const assemblyFolder = join(tmpdir(), 'stepgate-assemblies');
const PEOPLE = 'select p.email, p.note from people p';
const copyOf = (select: string) => ({
  '1-schema/up.sql': 'create table made (email text primary key, note text);\n',
  '1-schema/undo.sql': 'drop table made;\n',
  '2-copy/rows.sql': `--! into: made\n--! from: people\n--! key: email\n--! sync: none\n${select};\n`,
});
/** Plans that meet a value that must not be told, each in another state. */
const MEETING = {
  checked: {
    'plan.yaml': 'title: Checked\nphases:\n  - { id: schema }\n',
    'before.sql': '--! check: told, warn, no rows\nselect email from people;\n--! check: refused, fail, no rows\nselect note, email from people;\n',
    '1-schema/up.sql': 'create table made (email text primary key);\n',
    '1-schema/undo.sql': 'drop table made;\n',
  },
  cast: {
    'plan.yaml': 'title: Cast\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n',
    ...copyOf('select p.email, p.note::int::text as note from people p'),
  },
  different: {
    'plan.yaml': 'title: Different\nphases:\n  - { id: schema }\n  - { id: copy, transfers: [rows] }\n  - { id: spoil }\n',
    ...copyOf(PEOPLE),
    '3-spoil/up.sql': "--! allow: WHOLE_TABLE_CHANGE because it has two rows\nupdate made set note = note || ' spoiled' where email like '%@%';\n",
    '3-spoil/undo.sql': 'select 1;\n',
  },
  unique: {
    'plan.yaml': 'title: Unique\nphases:\n  - { id: indexes }\n',
    '1-indexes/up.sql': 'create unique index concurrently people_note on people (note);\n',
    '1-indexes/undo.sql': 'drop index concurrently if exists people_note;\n',
  },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

async function compiled(id: string, files: Readonly<Record<string, string>>): Promise<readonly [PlanId, string]> {
  const plan = await compilePlan({ id, files: new Map(Object.entries(files)) });
  if (!plan.ok) throw new Error(plan.faults.map(describeFault).join('\n'));
  return [PlanId.parse(id), plan.json];
}

const plans = new Map([
  [PlanId.parse('some-plan'), '{"format":1}'],
  ...(await Promise.all(Object.entries(MEETING).map(([id, files]) => compiled(id, files)))),
]);
const left: string[] = [];
const before = { ...process.env };
let engine: Engine;

const start = () => startEngine({ folder, plans, assemblyFolder, onStateExited: async ({ state }) => void left.push(state) });

beforeAll(async () => {
  engine = await start();
  Object.assign(process.env, engineEnvironment(engine));
});
afterAll(async () => {
  await engine.stop();
  process.env = before;
  rmSync(folder, { recursive: true, force: true });
});

async function ended(sfn: SFNClient, executionArn: string | undefined) {
  for (;;) {
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (execution.status !== 'RUNNING') return execution;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('the synthesized stack runs: an execution with an unknown plan ends refused, by the functions that would be deployed', async () => {
  const sfn = new SFNClient({});
  const { stateMachineArn } = engine.stack;
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, name: 'unknown-plan', input: '{"plan":"nothing-such","mode":"dry-run"}' }),
  );
  const execution = await ended(sfn, executionArn);
  expect(execution).toMatchObject({ status: 'FAILED', error: 'refused' });
  expect(left).toEqual(expect.arrayContaining(['Begin', 'LoadPlan', 'CloseRun', 'WhichEnd']));
  const { events } = await sfn.send(new GetExecutionHistoryCommand({ executionArn }));
  expect(events?.find(({ type }) => type === 'TaskFailed')?.taskFailedEventDetails).toMatchObject({ error: 'PlanNotFoundError' });
  expect(readFileSync(join(folder, 'logs', 'LoadPlan.log'), 'utf8')).toContain('PlanNotFoundError');
});

test('plans lie in the plan bucket under their digest', async () => {
  const s3 = new S3Client({});
  const Bucket = engine.stack.planBucket;
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'plans/' }));
  expect(Contents).toHaveLength(plans.size);
  const Key = 'plans/3f0a99256beeb89a6b9f2793885291a6454928fd74903159ab2e51452b13df6f.json';
  const object = await s3.send(new GetObjectCommand({ Bucket, Key }));
  expect(await object.Body?.transformToString()).toBe('{"format":1}');
});

test('the cluster answers through the Data API', async () => {
  const { clusterArn, secretArn, database } = engine.stack;
  const { records } = await new RDSDataClient({}).send(
    new ExecuteStatementCommand({ resourceArn: clusterArn, secretArn, database, sql: 'select current_user::text' }),
  );
  expect(records).toEqual([[{ stringValue: 'migrator' }]]);
});

/** Every file of the engine but the database's own. */
function filesOutsideTheDatabase(): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/^(rds|assembly)\b/.test(path) && statSync(join(folder, path)).isFile())
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
}

test('what a run meets in the database is in no report, journal, history, notification or log', async () => {
  const secrets = ['ann.planted', 'planted note'] as const;
  const client = new Client({ connectionString: engine.psqlUrl });
  await client.connect();
  await client.query(`create table people (email text primary key, note text);
insert into people values ('${secrets[0]}@example.org', '${secrets[1]}'), ('bob', '${secrets[1]}')`);
  const sfn = new SFNClient({});
  const sentences: Record<string, string> = {};
  for (const plan of Object.keys(MEETING)) {
    const input = JSON.stringify({ plan, mode: plan === 'checked' ? 'dry-run' : 'execute' });
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name: `meets-${plan}`, input }),
    );
    sentences[plan] = (await ended(sfn, executionArn)).cause ?? '';
  }
  const [row] = (
    await client.query(
      "select left(md5('meets-different' || email), 12) as email, left(md5('meets-checked' || note), 12) as note from people order by people.email",
    )
  ).rows;
  await client.query('drop table people');
  await client.end();
  expect(sentences).toEqual({
    checked: expect.stringMatching(`before\\.sql:\\d+: check refused failed: found 2, expected none \\(md5:${row?.note}, md5:${row?.note}\\)`),
    cast: expect.stringMatching(
      /transfer rows \(2-copy\/rows\.sql:\d+\): ERROR: invalid input syntax for type integer: \(a value, not shown\); SQLState: 22P02/,
    ),
    different: expect.stringMatching(`transfer rows \\(2-copy/rows\\.sql:\\d+\\): .*1 different of 2 rows \\(keys md5:${row?.email}\\)`),
    unique: expect.stringMatching(/1-indexes\/up\.sql:\d+: statement 1: ERROR: could not create unique index "people_note"; SQLState: 23505/),
  });
  const files = filesOutsideTheDatabase();
  for (const kind of [/report\.md$/, /journal.*comparison\.json$/, /\.history\.jsonl$/, /RunBackfill\.log$/, /notifications|notices|sns/]) {
    expect(files.map(({ path }) => path)).toContainEqual(expect.stringMatching(kind));
  }
  for (const secret of secrets) expect(files.filter(({ text }) => text.includes(secret)).map(({ path }) => path)).toEqual([]);
}, 60_000);

test('a second engine on the folder is refused, and told who has it', async () => {
  await expect(start()).rejects.toThrow(new RegExp(`${folder}.*${process.pid}`));
});

test('another process finds the running engine', async () => {
  const found = await attachEngine(folder);
  expect(found).toMatchObject({ process: { pid: process.pid }, endpoints: engine.endpoints, stack: engine.stack });
  expect(await attachEngine(mkdtempSync(join(tmpdir(), 'stepgate-none-')))).toBeUndefined();
});

test('after a stop nobody is found, and the next engine knows database, executions and time of the last', async () => {
  const timeBefore = engine.clock.now();
  await engine.stop();
  expect(await attachEngine(folder)).toBeUndefined();
  expect(existsSync(join(folder, 'engine.json'))).toBe(false);
  const { clusterArn } = engine.stack;
  engine = await start();
  Object.assign(process.env, engineEnvironment(engine));
  expect(engine.stack.clusterArn).toBe(clusterArn);
  expect(engine.clock.now().getTime()).toBeGreaterThanOrEqual(timeBefore.getTime());
  const executionArn = `${engine.stack.stateMachineArn.replace(':stateMachine:', ':execution:')}:unknown-plan`;
  expect(await new SFNClient({}).send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({ status: 'FAILED', error: 'refused' });
});

test('the folder of a killed engine is taken over', async () => {
  await engine.stop();
  const script = `import { startEngine } from ${JSON.stringify(new URL('../../local/engine.ts', import.meta.url).href)};
    await startEngine({ folder: ${JSON.stringify(folder)}, plans: new Map(), assemblyFolder: ${JSON.stringify(assemblyFolder)} }); console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  expect((await attachEngine(folder))?.process.pid).toBe(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await attachEngine(folder)).toBeUndefined();
  engine = await start();
  expect((await attachEngine(folder))?.process.pid).toBe(process.pid);
});
