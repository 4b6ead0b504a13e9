import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'stepgate-app-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Four seconds each on an idle machine. */
const SLOWLY = { timeout: 120_000 };

interface Ended {
  readonly code: number;
  readonly stderr: string;
}

/** Nothing of this machine's AWS settings, and addresses that nobody answers at. */
const OFFLINE = {
  PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
  HOME: folder,
  HTTPS_PROXY: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
  CDK_DISABLE_CLI_TELEMETRY: '1',
};

function run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd: ROOT, env: { ...OFFLINE, ...env } }, (error, _stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }));
  });
}

test('cdk synth makes the stack without credentials, context or a network', SLOWLY, async () => {
  const out = path.join(folder, 'cdk.out');
  const ended = await run(path.join(ROOT, 'node_modules/.bin/cdk'), ['synth', '--quiet', '--output', out], {});
  expect(ended).toMatchObject({ code: 0 });
  const template = JSON.parse(readFileSync(path.join(out, 'Stepgate.template.json'), 'utf8')) as Record<string, Record<string, unknown>>;
  expect(Object.keys(template.Parameters ?? {})).toEqual(expect.arrayContaining(['ClusterIdentifier', 'SecretArn', 'DatabaseName']));
  expect(template.Outputs).toHaveProperty('StepgateStateMachineArn');
});

test('the app takes the database from the context, and asks for nothing then', SLOWLY, async () => {
  const out = path.join(folder, 'with-context');
  const context = {
    clusterIdentifier: 'crm-production',
    secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:crm/migrator-a1B2c3',
    databaseName: 'crm',
    snapshot: 'none',
    restore: 'swap',
  };
  const ended = await run(process.execPath, ['bin/app.ts'], { CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) });
  expect(ended).toEqual({ code: 0, stderr: '' });
  const template = JSON.parse(readFileSync(path.join(out, 'Stepgate.template.json'), 'utf8')) as Record<string, Record<string, unknown>>;
  expect(Object.keys(template.Parameters ?? {})).toEqual(['BootstrapVersion']);
  expect(JSON.stringify(template.Resources)).toContain('"STEPGATE_SNAPSHOT":"none"');
  expect(JSON.stringify(template.Resources)).toContain('"STEPGATE_RESTORE":"swap"');
  // Commands in a report reach the stack that made it.
  expect(JSON.stringify(template.Resources)).toContain('--stack Stepgate/Stepgate');
});

test.each([
  { what: 'half an address', context: { clusterIdentifier: 'crm-production' }, message: 'only clusterIdentifier is given; give both or neither' },
  { what: 'another word on snapshots', context: { snapshot: 'maybe' }, message: 'snapshot is "maybe"; it is one of required, none' },
])('$what is refused', SLOWLY, async ({ context, message }) => {
  const { code, stderr } = await run(process.execPath, ['bin/app.ts'], {
    CDK_OUTDIR: path.join(folder, 'half'),
    CDK_CONTEXT_JSON: JSON.stringify(context),
  });
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test('a plan that is wrong fails the app, with file, line and column, and makes no stack', SLOWLY, async () => {
  const migrations = path.join(folder, 'migrations');
  cpSync(path.join(ROOT, 'migrations/lead-centric'), path.join(migrations, 'lead-centric'), { recursive: true });
  mkdirSync(path.join(migrations, 'broken/1-schema'), { recursive: true });
  writeFileSync(path.join(migrations, 'broken/plan.yaml'), 'title: Broken\nquality: 99%\nphases:\n  - { id: schema }\n');
  writeFileSync(path.join(migrations, 'broken/1-schema/up.sql'), 'create table a (id int primary key);\ncreate tabel b (id int);\n');
  const out = path.join(folder, 'broken');
  const { code, stderr } = await run(process.execPath, ['bin/app.ts'], { CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify({ migrations }) });
  expect(code).toBe(1);
  expect(stderr).toContain('plan broken does not compile:');
  expect(stderr).toMatch(/1-schema\/up\.sql:2:\d+: .*tabel/);
  expect(existsSync(path.join(out, 'Stepgate.template.json'))).toBe(false);
});
