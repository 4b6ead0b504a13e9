import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { OutputName } from '../../infra/outputs.ts';
import { engineEnvironment } from '../../local/engine.ts';
import type { Face } from '../../local/http-face.ts';
import { RunningEngine } from '../../local/running-engine.ts';
import { type StackOutputs, startCloudFormation } from '../support/cloudformation-face.ts';
import { type Said, stepgate } from './test-shell.ts';

/** The first engine of a fresh clone synthesizes the stack, on a machine that may have other work. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PLANS = ['--plans', 'test/support/plans'];
const root = mkdtempSync(join(tmpdir(), 'stepgate-stack-'));
const stacks = new Map<string, StackOutputs>();
const down = new AbortController();
let engine: Promise<Said>;
let cloudFormation: Face;

beforeAll(async () => {
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  engine = stepgate(['local', 'up', '--demo', ...PLANS, '--data', join(root, 'data')], {
    signal: down.signal,
    onLine: (line) => line.startsWith('the engine runs until') && resolve(),
  });
  await Promise.race([ready, engine]);
  cloudFormation = await startCloudFormation(stacks);
  const running = RunningEngine.parse(JSON.parse(readFileSync(join(root, 'data', 'engine.json'), 'utf8')));
  const environment = { ...engineEnvironment(running), AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.url };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  stacks.set('Crm', outputsOf(running, await digestOfShop()));
  stacks.set('Plain', { BucketName: 'photos' });
  stacks.set('Two', { ...outputsOf(running, await digestOfShop(), 'Blue'), ...outputsOf(running, await digestOfShop(), 'Green') });
  stacks.set('Old', outputsOf(running, '0'.repeat(64)));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  down.abort();
  await engine;
  await cloudFormation.close();
  rmSync(root, { recursive: true, force: true });
});

async function digestOfShop(): Promise<string> {
  const { out } = await stepgate(['check', '--json', ...PLANS]);
  return JSON.parse(out)[0].digest;
}

/** The engine as a stack would tell of itself. */
function outputsOf({ stack }: RunningEngine, digest: string, construct = 'Stepgate'): StackOutputs {
  const values: Partial<Record<OutputName, string>> = {
    StateMachineArn: stack.stateMachineArn,
    PlanDigests: JSON.stringify({ shop: digest }),
    ReportBucket: stack.reportBucket,
    ScheduleGroupName: 'default',
    SchedulerRoleArn: 'arn:aws:iam::000000000000:role/Scheduler',
    DeadLetterQueueArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
    ClusterArn: stack.clusterArn,
    SecretArn: stack.secretArn,
    DatabaseName: stack.database,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [construct + name, value]));
}

const inStack = (...args: readonly string[]) => [...args, '--stack', 'Crm', ...PLANS];

test.each([
  { stack: 'Nowhere', message: 'stack Nowhere cannot be read: ValidationError: Stack with id Nowhere does not exist; see --region' },
  { stack: 'Plain', message: 'stack Plain has no outputs of Stepgate' },
  { stack: 'Two', message: 'stack Two holds 2 Stepgate constructs, Blue, Green; name one: --stack Two/Blue' },
  { stack: 'Two/Red', message: 'stack Two has no Stepgate construct "Red"; it has Blue, Green' },
])('--stack $stack is refused with one line', async ({ stack, message }) => {
  const { exitCode, err } = await stepgate(['status', '--stack', stack]);
  expect({ exitCode, err }).toEqual({ exitCode: 1, err: expect.stringContaining(`stepgate: ${message}`) });
});

test.each(['dry-run', 'backup', 'execute', 'verify', 'rollback', 'schedule'])(
  '%s is refused before anything is asked when the stack deploys another version of the plan',
  async (verb) => {
    const time = verb === 'schedule' ? ['--at', '2099-12-01T22:00', '--zone', 'UTC'] : [];
    const { exitCode, err } = await stepgate([verb, ...time, '--stack', 'Old', ...PLANS], { answer: 'yes' });
    expect(exitCode).toBe(1);
    expect(err).toMatch(
      /^stepgate: plan shop is another one in stack Old than here: digest 0{64} there, [0-9a-f]{64} here\. Deploy this one: npx cdk deploy/,
    );
  },
);

test('a profile that is not there is refused, and one that is there is taken', async () => {
  const config = join(root, 'config');
  writeFileSync(config, '[profile prod]\nregion = us-east-1\naws_access_key_id = prod\naws_secret_access_key = prod\n');
  const keys = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_CONFIG_FILE'] as const;
  const before = keys.map((key) => [key, process.env[key]] as const);
  for (const key of keys) vi.stubEnv(key, key === 'AWS_CONFIG_FILE' ? config : undefined);
  const missing = await stepgate(['status', '--stack', 'Crm', '--profile', 'nobody']);
  expect(missing).toMatchObject({ exitCode: 1, err: expect.stringContaining('stack Crm cannot be read: CredentialsProviderError') });
  const there = await stepgate(['schedule', '--list', '--stack', 'Two/Green', '--profile', 'prod', '--region', 'us-east-1']);
  expect(there).toMatchObject({ exitCode: 0, out: 'no schedules' });
  for (const [key, value] of before) vi.stubEnv(key, value);
});

test('a plan runs in the stack, is left at the terminal, followed to its end, reported, verified and rolled back', async () => {
  const dryRun = await stepgate(inStack('dry-run', '--json'));
  expect(dryRun.exitCode).toBe(0);
  expect(JSON.parse(dryRun.out)).toMatchObject({
    outcome: 'passed',
    page: expect.stringMatching(/^s3:\/\/stepgate-reports\/runs\/shop-dry-run-.*\/report\.md$/),
  });

  const interruption = new AbortController();
  const onLine = (line: string) => line.startsWith('run shop-execute-') && interruption.abort();
  const left = await stepgate(inStack('execute'), { answer: 'yes', onLine, signal: interruption.signal });
  expect(left.exitCode).toBe(130);
  expect(left.err).toContain('stack Crm, arn:aws:states:');
  const [, id = ''] = /interrupted; run (\S+) goes on in stack Crm\n/.exec(left.err) ?? [];
  expect(left.err).toContain(`npx stepgate stop --run ${id} --stack Crm`);

  const followed = await stepgate(inStack('status', '--follow', '--run', id));
  // On a quick machine it has ended by then, and status says how.
  expect(followed).toMatchObject({ exitCode: 0, out: expect.stringContaining('migrated: shop is migrated') });
  expect(followed.out).toContain('npx stepgate verify shop --stack Crm');

  expect((await stepgate(inStack('report', '--run', id))).out).toMatch(/^# shop: migrated\n/);
  const listed = JSON.parse((await stepgate(inStack('status', 'shop', '--json'))).out);
  expect(listed).toMatchObject({ run: id, isUnderWay: false, report: { totals: { rowsMoved: 20 } } });
  expect((await stepgate(inStack('rollback', '--yes'))).exitCode).toBe(0);
});

test('a schedule is made in the group of the stack, named and deleted', async () => {
  const made = await stepgate(inStack('schedule', '--at', '2099-12-01T22:00', '--zone', 'UTC', '--mode', 'execute', '--json'));
  expect(made.exitCode).toBe(0);
  const name = 'execute-shop-20991201T2200';
  const kept = JSON.parse(readFileSync(join(root, 'data', 'schedules', `${name}.json`), 'utf8'));
  expect(kept.Target).toMatchObject({
    RoleArn: 'arn:aws:iam::000000000000:role/Scheduler',
    DeadLetterConfig: { Arn: 'arn:aws:sqs:us-east-1:000000000000:dead' },
  });
  expect(JSON.parse((await stepgate(inStack('schedule', '--list', '--json'))).out)).toEqual([name]);
  expect((await stepgate(inStack('schedule', '--delete', name))).exitCode).toBe(0);
});

test('stop ends the run under way, in a stack and in an engine, and both terminals follow it to its outcome', async () => {
  expect(await stepgate(inStack('stop'))).toMatchObject({ exitCode: 1, err: expect.stringContaining('stepgate: no run is under way in stack Crm') });
  for (const at of [inStack(), [...PLANS, '--data', join(root, 'data')]]) {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const run = stepgate(['execute', '--yes', ...at], { onLine: (line) => line.startsWith('run shop-execute-') && resolve() });
    await Promise.race([begun, run]);
    const stopped = await stepgate(['stop', 'shop', '--json', ...at]);
    expect([2, 3], stopped.err).toContain(stopped.exitCode);
    const { outcome, ...said } = JSON.parse(stopped.out) as { outcome: string };
    expect(said).toMatchObject({ plan: 'shop', mode: 'execute', stopped: true, exitCode: stopped.exitCode });
    expect(['refused', 'rolled-back']).toContain(outcome);
    expect(stopped.err).toMatch(/its execution ended ABORTED; recover-shop-execute-\S+-1 settles it/);
    expect((await run).exitCode).toBe(stopped.exitCode);
  }
});
