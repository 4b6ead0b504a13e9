import { expect, test } from 'vitest';
import { zonedTime } from '../../../local/scheduler/zoned-time.ts';

test.each([
  { local: '2026-11-29T02:00:00', zone: 'UTC', utc: '2026-11-29T02:00:00.000Z' },
  { local: '2026-11-29T02:00:00', zone: 'Europe/Berlin', utc: '2026-11-29T01:00:00.000Z' },
  { local: '2026-07-01T00:15:00', zone: 'America/New_York', utc: '2026-07-01T04:15:00.000Z' },
  { local: '2026-01-01T00:00:00', zone: 'Pacific/Kiritimati', utc: '2025-12-31T10:00:00.000Z' },
  { local: '2026-10-25T02:30:00', zone: 'Europe/Berlin', utc: '2026-10-25T00:30:00.000Z' },
])('$local in $zone is $utc', ({ local, zone, utc }) => {
  expect(zonedTime(local, zone)?.toISOString()).toBe(utc);
});

test('a time that the zone skips is no moment', () => {
  expect(zonedTime('2026-03-29T02:30:00', 'Europe/Berlin')).toBeUndefined();
});
