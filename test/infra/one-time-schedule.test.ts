import { expect, test } from 'vitest';
import { type OneTimeSchedule, scheduledStart } from '../../infra/one-time-schedule.ts';

const SCHEDULE: OneTimeSchedule = { plan: 'lead-centric', mode: 'execute', at: '2026-11-29T02:00', zone: 'Europe/Berlin', digest: 'a'.repeat(64) };

test('a schedule becomes a start with a name of its own', () => {
  expect(scheduledStart(SCHEDULE, 'arn:machine')).toEqual({
    name: 'execute-lead-centric-20261129T0200',
    expression: 'at(2026-11-29T02:00:00)',
    zone: 'Europe/Berlin',
    input: JSON.stringify({
      StateMachineArn: 'arn:machine',
      Name: 'execute-lead-centric-20261129T0200',
      Input: JSON.stringify({ plan: 'lead-centric', mode: 'execute', digest: 'a'.repeat(64), start: '2026-11-29T01:00:00.000Z' }),
    }),
  });
});

test('the longest name fits', () => {
  const { name } = scheduledStart({ ...SCHEDULE, mode: 'rollback', plan: 'p'.repeat(40) }, 'arn:machine');
  expect(name.length).toBeLessThanOrEqual(64);
});

test.each([
  { name: 'a time with a zone', change: { at: '2026-11-29T02:00Z' }, says: '"2026-11-29T02:00Z" is not a time' },
  { name: 'a date alone', change: { at: '2026-11-29' }, says: 'is not a time' },
  { name: 'a day that does not exist', change: { at: '2026-02-30T02:00' }, says: 'is not a time' },
  { name: 'a zone that does not exist', change: { zone: 'Europe/Berln' }, says: '"Europe/Berln" is not a time zone' },
  { name: 'a time that clocks skip', change: { at: '2027-03-28T02:30' }, says: 'clocks in Europe/Berlin skip 2027-03-28T02:30' },
  { name: 'a time that clocks skip far east', change: { at: '2026-10-04T02:30', zone: 'Australia/Sydney' }, says: 'skip' },
  { name: 'a digest that is none', change: { digest: 'abc' }, says: '64 hexadecimal digits' },
  { name: 'a plan that cannot be one', change: { plan: 'Lead Centric' }, says: 'lower-case words' },
])('$name is refused', ({ change, says }) => {
  expect(() => scheduledStart({ ...SCHEDULE, ...change }, 'arn:machine')).toThrow(says);
});

test.each([
  { at: '2027-03-28T01:59', zone: 'Europe/Berlin' },
  { at: '2027-03-28T03:00', zone: 'Europe/Berlin' },
  { at: '2026-10-25T02:30', zone: 'Europe/Berlin' },
  { at: '2026-12-31T23:59', zone: 'Pacific/Kiritimati' },
  { at: '2028-02-29T00:00', zone: 'Pacific/Pago_Pago' },
  { at: '2026-11-29T02:00', zone: 'UTC' },
])('$at exists in $zone', ({ at, zone }) => {
  expect(scheduledStart({ ...SCHEDULE, at, zone }, 'arn:machine').expression).toBe(`at(${at}:00)`);
});
