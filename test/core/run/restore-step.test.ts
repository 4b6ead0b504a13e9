import { expect, test } from 'vitest';
import { type RestoreProgress, restoreStep, type SeenCluster } from '../../../core/run/restore-step.ts';
import type { RestoreWork } from '../../../core/run/restore-work.ts';

const instance = { name: 'crm-1', restored: 'new-1', kept: 'crm-1-before', settings: {} as RestoreWork['instances'][number]['settings'] };
const WORK = {
  mode: 'swap',
  because: [],
  snapshot: 'snap',
  base: 'first',
  cluster: 'crm',
  clusterArn: 'arn:crm',
  resourceId: 'OLD',
  restored: 'new',
  kept: 'crm-before',
  settings: { maintenanceWindow: 'sun' } as RestoreWork['settings'],
  instances: [instance],
  notRestored: [],
  run: 'run',
} as const satisfies RestoreWork & { run: string };

const MINUTE = 60_000;
const STARTED: RestoreProgress = { verified: null, isConfirmed: false, isSwapping: false, failure: null, quietMs: MINUTE };
const VERIFIED = { ...STARTED, verified: { resourceId: 'NEW', isEqual: true } };
const SWAPPING = { ...VERIFIED, isSwapping: true };

function old(over: Partial<SeenCluster> = {}): SeenCluster {
  const id = over.id ?? 'crm';
  return {
    id,
    arn: `arn:${id}`,
    resourceId: 'OLD',
    status: 'available',
    isEndpointOn: true,
    maintenanceWindow: 'sun',
    run: null,
    instances: [{ id: 'crm-1', status: 'available' }],
    ...over,
  };
}

function fresh(over: Partial<SeenCluster> = {}): SeenCluster {
  return { ...old({ id: 'new', resourceId: 'NEW', isEndpointOn: false, run: 'run', instances: [{ id: 'new-1', status: 'available' }] }), ...over };
}

const kept = (over: Partial<SeenCluster> = {}) => old({ id: 'crm-before', isEndpointOn: false, ...over });
const serving = (over: Partial<SeenCluster> = {}) => fresh({ id: 'crm', arn: 'arn:crm', ...over });
const named = [{ id: 'crm-1', status: 'available' }];
const keptNames = [{ id: 'crm-1-before', status: 'available' }];

test.each([
  { name: 'nothing is made yet', seen: [old()], progress: STARTED, step: { kind: 'restore-cluster' } },
  { name: 'the new cluster is being made', seen: [old(), fresh({ status: 'creating', instances: [] })], progress: STARTED, step: { kind: 'wait' } },
  {
    name: 'its maintenance window is RDS’s',
    seen: [old(), fresh({ maintenanceWindow: 'mon' })],
    progress: STARTED,
    step: { kind: 'set-maintenance' },
  },
  { name: 'it has no instance', seen: [old(), fresh({ instances: [] })], progress: STARTED, step: { kind: 'create-instance', instance } },
  {
    name: 'its instance is being made',
    seen: [old(), fresh({ instances: [{ id: 'new-1', status: 'creating' }] })],
    progress: STARTED,
    step: { kind: 'wait' },
  },
  { name: 'nobody can ask it', seen: [old(), fresh()], progress: STARTED, step: { kind: 'switch-endpoint', cluster: 'new', isOn: true } },
  { name: 'nobody has looked at it', seen: [old(), fresh({ isEndpointOn: true })], progress: STARTED, step: { kind: 'verify', resourceId: 'NEW' } },
  {
    name: 'another one was looked at',
    seen: [old(), fresh({ isEndpointOn: true })],
    progress: { ...STARTED, verified: { resourceId: 'GONE', isEqual: true } },
    step: { kind: 'verify' },
  },
  {
    name: 'it differs',
    seen: [old(), fresh({ isEndpointOn: true })],
    progress: { ...STARTED, verified: { resourceId: 'NEW', isEqual: false } },
    step: { kind: 'prepared' },
  },
  {
    name: 'it is verified, its Data API on',
    seen: [old(), fresh({ isEndpointOn: true })],
    progress: VERIFIED,
    step: { kind: 'switch-endpoint', cluster: 'new', isOn: false },
  },
  {
    name: 'it is verified, its Data API off',
    seen: [old(), fresh()],
    progress: VERIFIED,
    step: { kind: 'switch-endpoint', cluster: 'crm', isOn: false },
  },
  {
    name: 'both Data APIs are off',
    seen: [old({ isEndpointOn: false }), fresh()],
    progress: VERIFIED,
    step: { kind: 'rename-cluster', from: 'crm', to: 'crm-before' },
  },
  {
    name: 'the old name is being given away',
    seen: [old({ status: 'renaming', isEndpointOn: false }), fresh()],
    progress: SWAPPING,
    step: { kind: 'wait' },
  },
  { name: 'the old one is found under no name for a moment', seen: [fresh()], progress: SWAPPING, step: { kind: 'wait' } },
  { name: 'nobody has the name', seen: [fresh(), kept()], progress: SWAPPING, step: { kind: 'rename-cluster', from: 'new', to: 'crm' } },
  { name: 'the new one is found under no name for a moment', seen: [kept()], progress: SWAPPING, step: { kind: 'wait' } },
  { name: 'the new one takes the name', seen: [fresh({ status: 'renaming' }), kept()], progress: SWAPPING, step: { kind: 'wait' } },
  {
    name: 'the instances have their first names',
    seen: [serving(), kept()],
    progress: SWAPPING,
    step: { kind: 'rename-instance', from: 'crm-1', to: 'crm-1-before' },
  },
  {
    name: 'the old instance has another',
    seen: [serving(), kept({ instances: keptNames })],
    progress: SWAPPING,
    step: { kind: 'rename-instance', from: 'new-1', to: 'crm-1' },
  },
  {
    name: 'all have their names',
    seen: [serving({ instances: named }), kept({ instances: keptNames })],
    progress: SWAPPING,
    step: { kind: 'switch-endpoint', cluster: 'crm', isOn: true },
  },
  {
    name: 'it can be asked',
    seen: [serving({ instances: named, isEndpointOn: true }), kept({ instances: keptNames })],
    progress: SWAPPING,
    step: { kind: 'confirm' },
  },
  {
    name: 'it has answered',
    seen: [serving({ instances: named, isEndpointOn: true }), kept({ instances: keptNames })],
    progress: { ...SWAPPING, isConfirmed: true },
    step: { kind: 'restored' },
  },
  {
    name: 'the old one is deleted behind the swap',
    seen: [serving({ instances: named, isEndpointOn: true })],
    progress: { ...SWAPPING, isConfirmed: true },
    step: { kind: 'restored' },
  },
] as const)('where $name, the next step is $step.kind', ({ seen, progress, step }) => {
  const found = restoreStep(WORK, seen, progress);
  expect(found.step).toMatchObject(step);
  expect(found.failure).toBeNull();
});

const LATE = { ...SWAPPING, quietMs: 20 * MINUTE };
const TROUBLED = { ...SWAPPING, failure: 'access denied' };

test.each([
  {
    name: 'somebody’s cluster has the name',
    seen: [old(), fresh({ run: 'another' })],
    progress: STARTED,
    step: { kind: 'failed' },
    failure: 'cluster new has a name',
  },
  {
    name: 'the new cluster fails',
    seen: [old(), fresh({ status: 'incompatible-restore' })],
    progress: STARTED,
    step: { kind: 'failed' },
    failure: 'is incompatible-restore',
  },
  {
    name: 'its instance fails',
    seen: [old(), fresh({ instances: [{ id: 'new-1', status: 'failed' }] })],
    progress: STARTED,
    step: { kind: 'failed' },
    failure: 'new-1 is failed',
  },
  {
    name: 'it never comes',
    seen: [old(), fresh({ status: 'creating' })],
    progress: { ...STARTED, quietMs: 300 * MINUTE },
    step: { kind: 'failed' },
    failure: '5 hours',
  },
  { name: 'the old one is gone before the swap', seen: [fresh()], progress: VERIFIED, step: { kind: 'failed' }, failure: 'cluster crm is gone' },
  {
    name: 'the new one is gone in the swap',
    seen: [kept()],
    progress: LATE,
    step: { kind: 'rename-cluster', from: 'crm-before', to: 'crm' },
    failure: 'cluster new is gone',
  },
  {
    name: 'it breaks in the swap',
    seen: [kept(), fresh({ status: 'failed' })],
    progress: SWAPPING,
    step: { kind: 'rename-cluster', from: 'crm-before', to: 'crm' },
    failure: 'new is failed',
  },
  {
    name: 'a call is refused in the swap',
    seen: [kept(), fresh()],
    progress: TROUBLED,
    step: { kind: 'rename-cluster', from: 'crm-before', to: 'crm' },
    failure: 'access denied',
  },
  {
    name: 'the old one takes its name back',
    seen: [old({ status: 'renaming' }), fresh()],
    progress: TROUBLED,
    step: { kind: 'wait' },
    failure: 'access denied',
  },
  {
    name: 'the old one has its name back',
    seen: [old({ isEndpointOn: false }), fresh()],
    progress: TROUBLED,
    step: { kind: 'switch-endpoint', cluster: 'crm', isOn: true },
    failure: 'access denied',
  },
  { name: 'the old one serves again', seen: [old(), fresh()], progress: TROUBLED, step: { kind: 'failed' }, failure: 'access denied' },
  {
    name: 'an instance had another name by then',
    seen: [old({ instances: keptNames })],
    progress: TROUBLED,
    step: { kind: 'rename-instance', from: 'crm-1-before', to: 'crm-1' },
    failure: 'access denied',
  },
  {
    name: 'the new one has the name already',
    seen: [serving(), kept()],
    progress: TROUBLED,
    step: { kind: 'switch-endpoint', cluster: 'crm', isOn: true },
    failure: 'access denied',
  },
  {
    name: 'the new one serves',
    seen: [serving({ isEndpointOn: true }), kept()],
    progress: TROUBLED,
    step: { kind: 'failed' },
    failure: 'access denied',
  },
] as const)('where $name, it goes back as far as it can', ({ seen, progress, step, failure }) => {
  const found = restoreStep(WORK, seen, progress);
  expect(found.step).toMatchObject(step);
  expect(found.failure).toContain(failure);
});

test('a prepared restore changes nothing of the old cluster', () => {
  const { step } = restoreStep({ ...WORK, mode: 'prepare' }, [old(), fresh({ isEndpointOn: true })], VERIFIED);
  expect(step).toEqual({ kind: 'prepared' });
});

test('a name is given only while nobody has it, whatever is seen', () => {
  const clusters = [undefined, 'crm', 'crm-before'] as const;
  const mine = [undefined, 'crm', 'new'] as const;
  for (const oldName of clusters) {
    for (const freshName of mine) {
      if (oldName !== undefined && oldName === freshName) continue;
      for (const progress of [STARTED, VERIFIED, SWAPPING, LATE, TROUBLED]) {
        for (const status of ['available', 'renaming', 'failed', 'creating']) {
          const seen = [...(oldName ? [old({ id: oldName })] : []), ...(freshName ? [fresh({ id: freshName, status })] : [])];
          const { step } = restoreStep(WORK, seen, progress);
          if (step.kind !== 'rename-cluster') continue;
          expect(
            seen.map(({ id }) => id),
            JSON.stringify({ oldName, freshName, progress, status }),
          ).not.toContain(step.to);
          expect(seen.map(({ id }) => id)).toContain(step.from);
        }
      }
    }
  }
});
