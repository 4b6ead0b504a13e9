import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { stepgate } from './test-shell.ts';

const PLANS = 'test/support/plans';
const root = mkdtempSync(join(tmpdir(), 'stepgate-cli-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const [nowhere, empty, strange, file] = ['none', 'empty', 'strange', 'file'].map((name) => join(root, name)) as [string, string, string, string];
for (const folder of [empty, join(strange, 'photos')]) mkdirSync(folder, { recursive: true });
for (const path of [file, join(strange, 'notes.txt')]) writeFileSync(path, '');

test.each([
  { args: ['chek'], message: /^stepgate: unknown command 'chek'\n\(Did you mean check\?\)$/ },
  { args: ['execute', '--yess'], message: /^stepgate: unknown option '--yess'\n\(Did you mean --yes\?\)$/ },
  { args: ['execute', 'shop', 'again'], message: /^stepgate: too many arguments/ },
  { args: ['verify', '--data'], message: /^stepgate: option '--data <dir>' argument missing$/ },
  { args: ['check', 'shp', '--plans', PLANS], message: /^stepgate: there is no plan "shp"; did you mean shop\?$/ },
  {
    args: ['check', '--plans', nowhere],
    message: /^stepgate: there is no folder .*none; .* --plans DIR, or "stepgate init NAME" writes a plan to begin with$/,
  },
  { args: ['check', '--plans', empty], message: /^stepgate: there are no plans in .*empty: it holds no folder; "stepgate init NAME" writes a plan/ },
  {
    args: ['check', '--plans', strange],
    message: /^stepgate: there are no plans in .*: none of its folders \(photos\) holds a plan\.yaml; "stepgate init/,
  },
  { args: ['check', '--plans', `${PLANS}/shop`], message: /^stepgate: .*shop is a plan itself; .*: --plans \S*support\/plans$/ },
  { args: ['check', '--plans', file], message: /^stepgate: .*file is a file; --plans DIR names the folder that holds a folder for each plan$/ },
  ...['status', 'report', 'stop', 'dry-run', 'demo', 'local up', 'local down', 'local psql-url', 'local reset'].map((words) => ({
    args: [...words.split(' '), '--plans', PLANS, '--data', file],
    message: /^stepgate: (the local engine cannot start in \S+: )?\S+file is a file and no folder; choose another folder$/,
  })),
  { args: ['local', 'reset', '--data', strange], message: /^stepgate: \S+ holds what no engine made: notes\.txt, photos; nothing was removed/ },
  {
    args: ['demo', '--plans', PLANS, '--data', strange],
    message: /^stepgate: \S+ holds what no engine made: notes\.txt, photos; nothing was removed/,
  },
  { args: ['execute', '--plans', PLANS], message: /no terminal to ask on; add --yes$/ },
  { args: ['rollback', '--plans', PLANS], message: /no terminal to ask on; add --yes$/ },
  { args: ['check', '--stack', 'Prod'], message: /^stepgate: unknown option '--stack'$/ },
  { args: ['execute', '--profile', 'prod'], message: /^stepgate: --profile and --region go with --stack/ },
  {
    args: ['status', '--stack', 'Prod', '--database-url', 'postgres://me@db/crm'],
    message: /^stepgate: --stack and --database-url exclude one another/,
  },
  { args: ['rehearse', 'shop', '--anything'], message: /^stepgate: "rehearse" is not part of this version; there are init, check, / },
  { args: ['sign-off', 'approve'], message: /^stepgate: "sign-off" is not part of this version/ },
  { args: ['schedule', '--plans', PLANS], message: /^stepgate: a schedule needs --at and --zone/ },
  { args: ['schedule', '--list', '--delete', 'tonight'], message: /^stepgate: --list and --delete exclude one another; say one of them$/ },
  { args: ['schedule', '--plans', PLANS, '--at', '2099-01-01T00:00', '--zone', 'UTC', '--mode', 'dry'], message: /^stepgate: mode "dry" is unknown/ },
  { args: ['report', '--data', nowhere], message: /^stepgate: there are no runs in / },
  { args: ['stop', '--data', nowhere], message: /^stepgate: no engine runs in .*, so no run is under way there/ },
  { args: ['check', '--phase', 'copy', '--plans', PLANS], message: /^stepgate: --phase goes with --sql$/ },
  { args: ['check', '--sql', '--phase', 'copi', '--plans', PLANS], message: /^stepgate: plan shop has no phase "copi"; did you mean copy\?$/ },
  { args: ['init', 'Shop', '--plans', PLANS], message: /^stepgate: a plan is called lower-case words .*; got "Shop"$/ },
  { args: ['init', 'shop', '--plans', PLANS], message: /^stepgate: .*shop is there already, and stays as it is/ },
  { args: ['completion', 'tcsh'], message: /Allowed choices are bash, zsh, fish/ },
  { args: ['status', 'shop', '--data', nowhere], message: /^stepgate: there are no runs of plan shop in / },
  { args: ['local', 'psql-url', '--data', nowhere], message: /^stepgate: no engine runs in / },
  { args: ['demo', '--fail', 'copyy', '--plans', PLANS, '--data', nowhere], message: /no phase "copyy"; its phases are schema, copy, indexes$/ },
])('$args is refused with one message and exit code 1', async ({ args, message }) => {
  const { exitCode, out, err } = await stepgate(args);
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
  expect(err).toMatch(message);
});

test('a plan that does not compile stops every verb that needs it, with the fault and where it is', async () => {
  const { exitCode, err } = await stepgate(['dry-run', '--plans', 'test/support/broken-plans', '--data', nowhere]);
  expect(exitCode).toBe(1);
  expect(err).toMatch(/^stepgate: plan no-phases does not compile\ntest\/support\/broken-plans\/no-phases\/plan\.yaml:2:\d+: /);
});

test('check --json gives one document, and exit code 1 when a plan does not compile', async () => {
  const good = await stepgate(['check', '--all', '--json', '--plans', PLANS]);
  expect(good.exitCode).toBe(0);
  expect(JSON.parse(good.out)).toMatchObject([{ plan: 'shop', compiles: true, phases: [{ id: 'schema' }, { id: 'copy' }, { id: 'indexes' }] }]);
  const bad = await stepgate(['check', '--json', '--plans', 'test/support/broken-plans']);
  expect(bad.exitCode).toBe(1);
  expect(JSON.parse(bad.out)).toMatchObject([{ plan: 'no-phases', compiles: false }]);
});

test('reset leaves other data folders below it, and says how they are emptied', async () => {
  const folder = join(root, 'data');
  for (const name of ['rds', 'demo/buckets', 'assembly']) mkdirSync(join(folder, name), { recursive: true });
  const { exitCode, out, err } = await stepgate(['local', 'reset', '--data', folder]);
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: `${folder} is empty, but for demo` });
  expect(err).toContain(`npx stepgate local reset --data ${join(folder, 'demo')}\n`);
  expect(['rds', 'demo/buckets'].map((name) => existsSync(join(folder, name)))).toEqual([false, true]);
});

test('an execute that is answered with no does nothing', async () => {
  const { exitCode, err } = await stepgate(['execute', '--plans', PLANS, '--data', nowhere], { answer: 'no' });
  expect(exitCode).toBe(1);
  expect(err).toContain('shop: Items become products');
  expect(err).toContain('2 copy         rows in batches: items → products');
  expect(err).toMatch(/stepgate: not confirmed, nothing was done$/);
});

test.each([
  { args: ['execute', '--help'], free: /@aws-sdk|bin\/commands|local\/engine|libpg-query/ },
  { args: ['check', 'shop', '--plans', PLANS], free: /@aws-sdk|local\/engine/ },
])('$args loads no code that it does not need, which would take longer than it does', async ({ args, free }) => {
  const told = `data:text/javascript,import{registerHooks}from"node:module";registerHooks({load:(url,context,next)=>{console.error(url);return next(url,context)}})`;
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', told, 'bin/stepgate.mjs', ...args]);
  expect(stderr).toContain('bin/program.ts');
  expect(stderr.split('\n').filter((url) => free.test(url))).toEqual([]);
});
