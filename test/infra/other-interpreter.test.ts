import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetExecutionHistoryCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PlanId } from '../../core/ids.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';
import { bundleFunctions } from '../../infra/bundle.ts';
import { stateMachine } from '../../infra/state-machine.asl.ts';
import { type Engine, engineEnvironment, startEngine } from '../../local/engine.ts';
import { startSns } from '../../local/sns/face.ts';
import { interpret } from '../support/other-interpreter.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../support/small-plan.ts';
import { executionArn, openWorkbench, type Workbench } from '../support/workbench.ts';

const root = join(import.meta.dirname, '..', '..');
const bundles = join(root, 'node_modules', '.cache', 'stepgate', `bundles-${process.pid}`);
let folder: string;
let engine: Engine;
let bench: Workbench;
let functions: Server;
const close: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepgate-'));
  const compiled = await compilePlan({ id: 'small', files: new Map(Object.entries(SMALL_PLAN)) });
  if (!compiled.ok) throw new Error('the small plan does not compile');
  engine = await startEngine({
    folder,
    plans: new Map([[PlanId.parse('small'), compiled.json]]),
    assemblyFolder: join(root, 'node_modules', '.cache', 'stepgate', 'assembly'),
  });
  const client = new Client({ connectionString: engine.psqlUrl });
  await client.connect();
  await client.query(SMALL_SOURCE);
  await client.end();

  bench = await openWorkbench();
  await bench.sql(SMALL_SOURCE);
  const { digest } = await bench.deploy(SMALL_PLAN);
  const topicArn = bench.environment.STEPGATE_TOPIC_ARN;
  const sns = await startSns({ file: join(folder, 'notices.jsonl'), topicArn, clock: { now: () => new Date() } });
  close.push(async () => sns.close());
  Object.assign(process.env, bench.environment, {
    STEPGATE_PLANS: JSON.stringify({ small: digest }),
    AWS_ENDPOINT_URL_SNS: sns.url,
    POWERTOOLS_TRACE_ENABLED: 'false',
  });
  bundleFunctions({ outFolder: bundles, root });
  functions = createServer(async (request, response) => {
    const body = await Array.fromAsync(request);
    const { handler } = await import(join(bundles, (request.url ?? '').slice(1), 'index.mjs'));
    try {
      response.end(JSON.stringify(await handler(JSON.parse(Buffer.concat(body).toString()), { functionName: request.url, awsRequestId: '1' })));
    } catch (error) {
      const { name, message } = error as Error;
      response.writeHead(500).end(JSON.stringify({ errorType: name, errorMessage: message }));
    }
  });
  await new Promise<void>((resolve) => functions.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  functions?.close();
  await Promise.all(close.map((one) => one()));
  await bench?.close();
  await engine?.stop();
  await Promise.all([folder, bundles].map((path) => rm(path, { recursive: true, force: true })));
});

test.each([
  { name: 'a dry run', runs: ['dry-run'], spoil: '', ends: ['passed'] },
  {
    name: 'a run, its verification and its rollback',
    runs: ['execute', 'verify', 'rollback'],
    spoil: '',
    ends: ['migrated', 'passed', 'rolled-back'],
  },
  { name: 'a refused rollback', runs: ['rollback'], spoil: '', ends: ['refused'] },
])(
  '$name visits the same states and ends the same in another interpreter',
  async ({ runs, ends }) => {
    for (const [index, mode] of runs.entries()) {
      const ours = await runInEngine(mode);
      const others = await runElsewhere(mode);
      expect(others.states).toEqual(ours.states);
      expect(others.outcome).toBe(ends[index]);
      expect(ours.outcome).toBe(ends[index]);
    }
    // Three runs, twice each.
  },
  60_000,
);

async function runInEngine(mode: string): Promise<{ states: readonly string[]; outcome: string }> {
  const variables = engineEnvironment(engine);
  const sfn = new SFNClient({
    endpoint: engine.endpoints.sfn,
    region: 'us-east-1',
    credentials: { accessKeyId: variables.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: 'local' },
  });
  const { executionArn: arn } = await sfn.send(
    new StartExecutionCommand({
      stateMachineArn: engine.stack.stateMachineArn,
      name: `${mode}-${Date.now()}`,
      input: JSON.stringify({ plan: 'small', mode }),
    }),
  );
  const history = async () => (await sfn.send(new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1000 }))).events ?? [];
  await expect.poll(async () => (await history()).at(-1)?.type, { timeout: 25_000 }).toMatch(/^Execution(Succeeded|Failed)$/);
  const events = await history();
  const last = events.at(-1);
  const output = last?.executionSucceededEventDetails?.output;
  return {
    states: withoutPolls(events.flatMap((event) => event.stateEnteredEventDetails?.name ?? [])),
    outcome: output === undefined ? String(last?.executionFailedEventDetails?.error) : JSON.parse(output).outcome,
  };
}

async function runElsewhere(mode: string): Promise<{ states: readonly string[]; outcome: string }> {
  const name = `${mode}-${Date.now()}`;
  const rendered = JSON.parse(JSON.stringify(stateMachine).replaceAll(/\$\{(\w+)\}/g, 'arn:aws:lambda:eu-west-1:123456789012:function:other-$1:7'));
  const visit = await interpret(rendered, {
    context: {
      Execution: {
        Id: executionArn(name),
        Name: name,
        StartTime: new Date().toISOString(),
        Input: { plan: 'small', mode },
        RoleArn: 'arn:aws:iam::123456789012:role/other',
      },
      StateMachine: { Id: 'arn:aws:states:eu-west-1:123456789012:stateMachine:other', Name: 'other' },
    },
    wait: async (seconds) => bench.passSeconds(seconds),
    invoke: async (functionName, payload) => {
      const path = /other-(\w+)/.exec(functionName)?.[1] ?? '';
      const answer = await fetch(`http://127.0.0.1:${(functions.address() as AddressInfo).port}/${path}`, {
        method: 'POST',
        body: JSON.stringify(payload),
      });
      const body = (await answer.json()) as { errorType?: string };
      return answer.ok ? { payload: body } : { failure: { Error: String(body.errorType), Cause: JSON.stringify(body) } };
    },
  });
  return { states: withoutPolls(visit.states), outcome: visit.error ?? (visit.output as { outcome: string }).outcome };
}

/** How often a snapshot is asked for depends on the clock, not on the definition. */
function withoutPolls(states: readonly string[]): readonly string[] {
  return states.filter((state, index) => {
    const isPoll = ['WaitForSnapshot', 'AwaitSnapshot', 'IsSnapshotReady'].includes(state);
    return !isPoll || states.indexOf(state) === index;
  });
}
