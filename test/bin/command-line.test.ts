import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stepgate } from './test-shell.ts';

const PLANS = 'test/support/plans';
const nowhere = join(mkdtempSync(join(tmpdir(), 'stepgate-cli-')), 'none');

test.each([
  { args: ['chek'], message: /^stepgate: unknown command 'chek'\n\(Did you mean check\?\)$/ },
  { args: ['execute', '--yess'], message: /^stepgate: unknown option '--yess'\n\(Did you mean --yes\?\)$/ },
  { args: ['execute', 'shop', 'again'], message: /^stepgate: too many arguments/ },
  { args: ['verify', '--data'], message: /^stepgate: option '--data <dir>' argument missing$/ },
  { args: ['check', 'shp', '--plans', PLANS], message: /^stepgate: there is no plan "shp"; did you mean shop\?$/ },
  { args: ['check', '--plans', nowhere], message: /^stepgate: there are no plans in .*--plans DIR$/ },
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

test('an execute that is answered with no does nothing', async () => {
  const { exitCode, err } = await stepgate(['execute', '--plans', PLANS, '--data', nowhere], { answer: 'no' });
  expect(exitCode).toBe(1);
  expect(err).toContain('shop: Items become products');
  expect(err).toContain('2 copy         rows in batches: items → products');
  expect(err).toMatch(/stepgate: not confirmed, nothing was done$/);
});
