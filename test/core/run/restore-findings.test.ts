import { expect, test } from 'vitest';
import { restoreFindings } from '../../../core/run/restore-findings.ts';

const FREE = {
  ties: [],
  managedSecretArn: null,
  secretArn: 'arn:secret',
  instances: ['crm-1'],
  changeable: ['crm*'],
  neighbours: { databases: [], slots: [], hasProxy: false },
};
const TIED = { ...FREE, neighbours: { ...FREE.neighbours, databases: ['billing'] } };

test.each([
  { restore: 'none', isAsked: false, facts: null, status: 'info', said: 'restores no snapshot by itself' },
  { restore: 'none', isAsked: true, facts: null, status: 'fail', said: 'restores no snapshot by itself' },
  { restore: 'prepare', isAsked: false, facts: FREE, status: 'info', said: 'leaves the swap to a person' },
  { restore: 'prepare', isAsked: true, facts: FREE, status: 'warn', said: 'leaves the swap to a person' },
  { restore: 'swap', isAsked: false, facts: FREE, status: 'info', said: 'where no write is lost by it' },
  { restore: 'swap', isAsked: true, facts: FREE, status: 'info', said: 'every write since the snapshot stays in the old one' },
  { restore: 'swap', isAsked: false, facts: TIED, status: 'warn', said: 'database billing lives on this cluster, too' },
] as const)('a stack with restore: $restore says so as $status, asked $isAsked', ({ restore, isAsked, facts, status, said }) => {
  const [found, ...more] = restoreFindings({ restore, snapshot: 'required' }, { isAsked, facts });
  expect(found).toMatchObject({ name: 'restore', status, found: expect.stringContaining(said) });
  expect(more).toEqual([]);
});

test('where no snapshot is taken nothing is said of restoring one', () => {
  expect(restoreFindings({ restore: 'swap', snapshot: 'none' }, { isAsked: false, facts: null })).toEqual([]);
});
