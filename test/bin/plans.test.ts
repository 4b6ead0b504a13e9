import { expect, test } from 'vitest';
import { choosePlan } from '../../bin/plans.ts';

test('the only plan needs no name', () => {
  expect(choosePlan(undefined, ['migrations/shop'])).toBe('migrations/shop');
});

test('a plan is found by its folder', () => {
  expect(choosePlan('shop', ['migrations/crm', 'migrations/shop'])).toBe('migrations/shop');
});

test.each([
  { name: undefined, message: 'there are 2 plans, name one: crm, shop' },
  { name: 'shopp', message: 'there is no plan "shopp"; did you mean shop?' },
  { name: 'warehouse', message: 'there is no plan "warehouse"; there are crm, shop' },
])('of several plans, $name is refused with their names', ({ name, message }) => {
  expect(() => choosePlan(name, ['migrations/crm', 'migrations/shop'])).toThrow(message);
});
