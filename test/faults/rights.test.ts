import { expect, test } from 'vitest';
import { ALL_FUNCTIONS, type DoorName, type FunctionName } from '../../infra/functions.ts';
import { faultsOfRights, needsOf } from './rights.ts';

const given = (Object.keys(ALL_FUNCTIONS) as (FunctionName | DoorName)[]).flatMap((name) =>
  ALL_FUNCTIONS[name].access.map((access) => `${name} ${access}`),
);

test('rights that are all needed are right', () => {
  expect(faultsOfRights(new Set(given))).toEqual([]);
});

test('a call that its function may not make fails, and so does a right that no call needs', () => {
  const needs = new Set([...given.filter((one) => one !== 'Notify publish'), 'Notify database']);
  expect(faultsOfRights(needs)).toEqual([
    'a call needs what its function may not: Notify database',
    'no call needs what its function may: Notify publish',
  ]);
});

test('what a call needs follows from its service and its address', () => {
  const call = { service: 's3', action: 'GET', by: 'LoadPlan' } as const;
  expect([
    ...needsOf([
      { ...call, about: '/stepgate-plans/plans/1.json' },
      { ...call, by: 'WriteReport', about: '/stepgate-reports' },
    ]),
  ]).toEqual(['LoadPlan read-plans', 'WriteReport read-journal']);
});
