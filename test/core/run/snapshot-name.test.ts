import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PlanId, RunId } from '../../../core/ids.ts';
import { snapshotName } from '../../../core/run/snapshot-name.ts';

const plans = fc.stringMatching(/^[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,3}$/).filter((id) => PlanId.safeParse(id).success);
const runs = fc.stringMatching(/^[A-Za-z0-9_-]{1,80}$/);

function nameOf(plan: string, run: string): string {
  return snapshotName({ plan: PlanId.parse(plan), run: RunId.parse(run), hash: createHash('sha256').update(run).digest('hex') });
}

test('a snapshot’s name is always one that RDS takes', () => {
  fc.assert(
    fc.property(plans, runs, (plan, run) => {
      const name = nameOf(plan, run);
      expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
      expect(name.length).toBeLessThanOrEqual(63);
    }),
  );
});

test('one run has one name, and two runs have two', () => {
  fc.assert(
    fc.property(plans, runs, runs, (plan, one, other) => {
      expect(nameOf(plan, one)).toBe(nameOf(plan, one));
      if (one !== other) expect(nameOf(plan, one)).not.toBe(nameOf(plan, other));
    }),
  );
});

test.each([
  { run: 'lead-centric-2026', name: /^stepgate-lead-centric-2026-[0-9a-f]{8}$/ },
  { run: 'run-1', name: /^stepgate-lead-centric-run-1-[0-9a-f]{8}$/ },
  { run: '___', name: /^stepgate-lead-centric-[0-9a-f]{8}$/ },
])('run $run of lead-centric is told in its snapshot’s name', ({ run, name }) => {
  expect(nameOf('lead-centric', run)).toMatch(name);
});
