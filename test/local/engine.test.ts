import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, GetExecutionHistoryCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PlanId } from '../../core/ids.ts';
import { type Engine, engineEnvironment, startEngine } from '../../local/engine.ts';
import { attachEngine } from '../../local/running-engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'stepgate-engine-'));
const assemblyFolder = join(tmpdir(), 'stepgate-assemblies');
const plans = new Map([[PlanId.parse('some-plan'), '{"format":1}']]);
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
  expect(Contents.map(({ Key }) => Key)).toEqual(['plans/3f0a99256beeb89a6b9f2793885291a6454928fd74903159ab2e51452b13df6f.json']);
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: Contents[0]?.Key }));
  expect(await object.Body?.transformToString()).toBe('{"format":1}');
});

test('the cluster answers through the Data API', async () => {
  const { clusterArn, secretArn, database } = engine.stack;
  const { records } = await new RDSDataClient({}).send(
    new ExecuteStatementCommand({ resourceArn: clusterArn, secretArn, database, sql: 'select current_user::text' }),
  );
  expect(records).toEqual([[{ stringValue: 'migrator' }]]);
});

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
