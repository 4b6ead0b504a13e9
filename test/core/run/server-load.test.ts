import { expect, test } from 'vitest';
import { kept, reasonToPause } from '../../../core/run/server-load.ts';

const QUIET = { waiting: 0, active: 2, mostActive: 8, walBytes: 1_000_000_000, replicas: 1, lagMs: null, atMs: 60_000 };
const BEFORE = { ...QUIET, atMs: 58_000 };
const MIB = 1024 ** 2;

test.each([
  { what: 'a quiet server', now: QUIET, because: null },
  { what: 'somebody who waits', now: { ...QUIET, waiting: 2 }, because: '2 sessions waiting for a lock of the run' },
  { what: 'as many sessions as usual', now: { ...QUIET, active: 8 }, because: null },
  { what: 'more sessions', now: { ...QUIET, active: 9 }, because: '9 sessions at work, more than 8' },
  { what: 'a replica that follows', now: { ...QUIET, lagMs: 4_000 }, because: null },
  { what: 'a replica that does not', now: { ...QUIET, lagMs: 7_200 }, because: 'a replica is 7 s behind' },
  { what: 'a log that grows', now: { ...QUIET, walBytes: 1_000_000_000 + 128 * MIB }, because: null },
  { what: 'a log that grows fast', now: { ...QUIET, walBytes: 1_000_000_000 + 160 * MIB }, because: 'the write-ahead log grows by 80 MiB a second' },
  { what: 'a log that grows fast and that nobody follows', now: { ...QUIET, replicas: 0, walBytes: 1_000_000_000 + 160 * MIB }, because: null },
  {
    what: 'a log that grows very fast',
    now: { ...QUIET, replicas: 0, walBytes: 1_000_000_000 + 600 * MIB },
    because: 'the write-ahead log grows by 300 MiB a second',
  },
  { what: 'a log that is not shown', now: { ...QUIET, walBytes: null }, because: null },
])('$what: $because', ({ now, because }) => {
  expect(reasonToPause(now, BEFORE)).toBe(because);
});

test('a rate is measured over a second or more, however often one looks', () => {
  const burst = { ...QUIET, walBytes: QUIET.walBytes + 50 * MIB };
  let last = kept(QUIET, null);
  for (const atMs of [60_100, 60_500, 60_900]) {
    expect(reasonToPause({ ...burst, atMs }, last)).toBeNull();
    last = kept({ ...burst, atMs }, last);
    expect(last).toBe(QUIET);
  }
  expect(kept({ ...burst, atMs: 61_000 }, last)).toMatchObject({ atMs: 61_000 });
  expect(reasonToPause(burst, null)).toBeNull();
});
