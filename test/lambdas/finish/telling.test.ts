import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3Client } from '../../../adapters/aws-clients.ts';
import { snsNotices } from '../../../adapters/notices.ts';
import { PLAIN_PLACE } from '../../../core/run/run-place.ts';
import { closeRun } from '../../../lambdas/finish/close-run.ts';
import { notify } from '../../../lambdas/finish/notify.ts';
import { writeReport } from '../../../lambdas/finish/write-report.ts';
import { loadPlan } from '../../../lambdas/start/load-plan.ts';
import { startSns } from '../../../local/sns/face.ts';
import { type Deployed, deploy, refusal } from '../../support/run-driver.ts';
import { SMALL_PLAN } from '../../support/small-plan.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
let plan: Deployed;
let folder: string;
let sns: Awaited<ReturnType<typeof startSns>>;
beforeAll(async () => {
  [bench, folder] = await Promise.all([openWorkbench(), mkdtemp(join(tmpdir(), 'stepgate-sns-'))]);
  plan = await deploy(bench, SMALL_PLAN);
  sns = await startSns({ file: join(folder, 'topic.jsonl'), topicArn: bench.environment.STEPGATE_TOPIC_ARN, clock: { now: () => new Date() } });
});
afterAll(async () => {
  await Promise.all([bench?.close(), sns?.close()]);
  await rm(folder, { recursive: true, force: true });
});

async function page(id: string, name: string): Promise<string> {
  const { Body } = await s3Client().send(new GetObjectCommand({ Bucket: 'reports', Key: `runs/${id}/${name}` }));
  return (await Body?.transformToString()) ?? '';
}

test('WriteReport run twice and beside itself writes the same two pages', async () => {
  const input = reading(plan, { mode: 'dry-run', id: 'reported' });
  const start = { ...input, run: { ...input.run, plan: null, digest: null, mode: null } };
  await loadPlan({ ...bench.ports, executions: { describe: async () => null }, deployed: { [plan.plan.id]: plan.digest } })({ ...start, input: {} });
  await closeRun(bench.ports)({
    ...input,
    outcome: 'passed',
    failure: null,
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  const visit = () => writeReport({ ...bench.ports, place: PLAIN_PLACE })({ ...input, outcome: 'passed' });
  const [one, other] = await Promise.all([visit(), visit()]);
  expect(one).toEqual({ json: 's3://reports/runs/reported/report.json', page: 's3://reports/runs/reported/report.md' });
  expect(other).toEqual(one);
  const first = [await page('reported', 'report.json'), await page('reported', 'report.md')];
  await visit();
  expect([await page('reported', 'report.json'), await page('reported', 'report.md')]).toEqual(first);
  expect(JSON.parse(first[0] ?? '')).toMatchObject({ run: { id: 'reported', mode: 'dry-run' }, outcome: { outcome: 'passed', exitCode: 0 } });
});

test('a run that was refused before its plan was known has a report', async () => {
  const { run, now } = reading(plan, { mode: 'dry-run', id: 'unknown' });
  const start = { run: { ...run, plan: null, digest: null, mode: null }, now };
  await closeRun(bench.ports)({
    ...start,
    outcome: 'refused',
    failure: { Error: 'InputRefusedError', Cause: 'no' },
    laterFailure: null,
    planState: 'fresh',
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  });
  await writeReport({ ...bench.ports, place: PLAIN_PLACE })({ ...start, outcome: 'refused' });
  expect(JSON.parse(await page('unknown', 'report.json'))).toMatchObject({ run: null, outcome: { outcome: 'refused' } });
});

test.each(['fresh', 'interrupted', 'half-undone', 'migrated'] as const)('a run that found its plan %s has a report', async (planState) => {
  const input = reading(plan, { mode: 'execute', id: `found-${planState}` });
  await bench.ports.journal.write(input.run.id, 'lock', { kind: 'lock', at: input.now.toISOString(), token: 1, takenOverFrom: null, planState });
  await writeReport({ ...bench.ports, place: PLAIN_PLACE })({ ...input, outcome: 'rolled-back' });
  expect(JSON.parse(await page(input.run.id, 'report.json'))).toMatchObject({ lock: { planState } });
});

test('Notify tells the topic how the run ended and where its report lies, each time it is run', async () => {
  const notices = snsNotices(bench.environment.STEPGATE_TOPIC_ARN, new SNSClient({ endpoint: sns.url, maxAttempts: 1 }));
  const input = { ...reading(plan, { mode: 'dry-run', id: 'told' }), outcome: 'passed', sentence: 'dry-run of small passed – grün' } as const;
  const visit = () => notify({ notices, reportBucket: 'reports' })(input);
  expect(await Promise.all([visit(), visit()])).toEqual([{ published: true }, { published: true }]);
  const lines = (await readFile(join(folder, 'topic.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { subject: string; message: string });
  expect(lines).toHaveLength(2);
  expect(lines[0]?.subject).toBe('Stepgate: small passed');
  expect(lines[0]?.message).toContain('dry-run of small passed – grün');
  expect(lines[0]?.message).toContain('s3://reports/runs/told/report.md');
});

test('a topic that is not there is said', async () => {
  const notices = snsNotices('arn:aws:sns:us-east-1:000000000000:other', new SNSClient({ endpoint: sns.url, maxAttempts: 1 }));
  const error = await refusal(notices.publish({ subject: 'x', text: 'y' }));
  expect(error.message).toContain('publishing to arn:aws:sns:us-east-1:000000000000:other');
});
