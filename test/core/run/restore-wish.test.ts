import { expect, test } from 'vitest';
import { type SwapFacts, whyNotRestored, whyOnlyPrepared } from '../../../core/run/restore-wish.ts';
import { restoreNames } from '../../../core/run/restore-work.ts';

const FREE: SwapFacts = {
  isAsked: true,
  isFencedSince: false,
  ties: [],
  managedSecretArn: null,
  secretArn: 'arn:secret',
  instances: ['crm-1'],
  changeable: ['crm*'],
  neighbours: { databases: [], slots: [], hasProxy: false },
};

test('a stack that swaps does so when somebody has asked, or a fence has kept writes out since before the snapshot', () => {
  expect(whyOnlyPrepared('swap', FREE)).toEqual([]);
  expect(whyOnlyPrepared('swap', { ...FREE, isAsked: false, isFencedSince: true })).toEqual([]);
  expect(whyOnlyPrepared('swap', { ...FREE, isAsked: false })).toEqual([
    'writes since the snapshot would be lost, and nobody has said that they may be',
  ]);
  expect(whyOnlyPrepared('prepare', FREE)).toEqual(['this stack leaves the swap to a person (restore: prepare)']);
});

test.each([
  { facts: { ties: ['custom endpoint reports'] }, said: 'custom endpoint reports is not restored' },
  { facts: { managedSecretArn: 'arn:secret' }, said: 'goes when that one goes' },
  { facts: { managedSecretArn: 'arn:other' }, said: 'makes none for a restored one' },
  { facts: { instances: ['crm-1', 'crm-2'] }, said: '1 reader beside the writer' },
  { facts: { instances: ['legacy'] }, said: 'may not rename instance legacy' },
  { facts: { neighbours: null }, said: 'cannot be asked what else lives' },
  { facts: { neighbours: { databases: ['billing'], slots: [], hasProxy: false } }, said: 'database billing lives on this cluster' },
  { facts: { neighbours: { databases: [], slots: ['feed'], hasProxy: false } }, said: 'logical replication slot feed' },
  { facts: { neighbours: { databases: [], slots: [], hasProxy: true } }, said: 'an RDS proxy is connected' },
])('$said keeps the restored cluster beside', ({ facts, said }) => {
  expect(whyOnlyPrepared('swap', { ...FREE, ...facts })).toEqual([expect.stringContaining(said)]);
});

const RUN = { policy: 'prepare', mode: 'execute', isAsked: false, error: 'StatementFailedError', hasSnapshot: true } as const;

test.each([
  { run: RUN, why: null },
  { run: { ...RUN, error: 'UndoFailedError' }, why: null },
  { run: { ...RUN, mode: 'rollback', isAsked: true, error: null }, why: null },
  { run: { ...RUN, error: 'DatabaseBusyError' }, why: 'can be tried again' },
  { run: { ...RUN, mode: 'cleanup' }, why: 'cleanup' },
  { run: { ...RUN, policy: 'none' }, why: 'restore: none' },
  { run: { ...RUN, hasSnapshot: false }, why: 'no snapshot' },
] as const)('after $run.error in $run.mode with $run.policy: $why', ({ run, why }) => {
  expect(whyNotRestored(run)).toEqual(why === null ? null : expect.stringContaining(why));
});

test('names are legal, of 63 characters at most, and the same at every visit', () => {
  const hash = '0123456789abcdef';
  const names = restoreNames('crm-production', hash);
  expect(names).toMatchObject({ restored: 'stepgate-restored-01234567', kept: 'crm-production-before-01234567' });
  expect(names.instance('crm-production-1', 1)).toEqual({ restored: 'stepgate-restored-01234567-1', kept: 'crm-production-1-before-01234567' });
  const long = restoreNames('c'.repeat(60), hash);
  expect(long.kept).toBe('stepgate-before-01234567');
  expect(long.instance('i'.repeat(60), 2).kept).toBe('stepgate-before-01234567-2');
});
