import { afterAll, beforeAll, expect, test } from 'vitest';
import { actsOf, openRestoreSite, type RestoreSite } from '../faults/restore-site.ts';
import { faultsOfRights, needsOf } from '../faults/rights.ts';

// The way back by the snapshot through the whole definition, by the functions that would be deployed. All cases: npm run test:faults:restore.

let site: RestoreSite;
beforeAll(async () => {
  site = await openRestoreSite();
}, 60_000);
afterAll(() => site?.close());

test('an application reads the old rows under the old name, and the plan can be executed again', async () => {
  const { outcome, wrong, calls } = await site.restore([]);
  expect(wrong).toEqual([]);
  expect(outcome).toBe('restored');
  expect(actsOf(calls).map(({ action }) => action)).toEqual([
    'RestoreDBClusterFromSnapshot',
    'ModifyDBCluster',
    'CreateDBInstance',
    'EnableHttpEndpoint',
    'DisableHttpEndpoint',
    'DisableHttpEndpoint',
    'ModifyDBCluster',
    'ModifyDBCluster',
    'ModifyDBInstance',
    'ModifyDBInstance',
    'EnableHttpEndpoint',
  ]);
  expect(faultsOfRights(needsOf(calls), 'restores')).toEqual([]);
  expect(await site.execute()).toBe('migrated');
}, 60_000);

const by = 'RestoreCluster';
const refused = { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' } as const;

test.each([
  {
    name: 'the function dies before it asks for the cluster',
    fault: { action: 'RestoreDBClusterFromSnapshot', nth: 1, moment: 'before', effect: { kind: 'killed' } },
    outcome: 'restored',
  },
  {
    name: 'the function dies behind the first change of names',
    fault: { action: 'ModifyDBCluster', nth: 2, moment: 'after', effect: { kind: 'killed' } },
    outcome: 'restored',
  },
  {
    name: 'the answer to the second change of names is lost',
    fault: { action: 'ModifyDBCluster', nth: 3, moment: 'after', effect: { kind: 'lost' } },
    outcome: 'restored',
  },
  {
    name: 'the second change of names is not allowed',
    fault: { action: 'ModifyDBCluster', nth: 3, moment: 'before', effect: refused },
    outcome: 'halted',
  },
  { name: 'no cluster may be made', fault: { action: 'RestoreDBClusterFromSnapshot', nth: 1, moment: 'before', effect: refused }, outcome: 'halted' },
] as const)(
  'where $name, one cluster serves and every other is named',
  async ({ fault: { action, ...fault }, outcome }) => {
    const end = await site.restore([{ call: { service: 'rds', action, by }, ...fault }]);
    expect(end.wrong).toEqual([]);
    expect(end).toMatchObject({ outcome, met: 1 });
    expect(await site.execute()).toBe('migrated');
  },
  60_000,
);
