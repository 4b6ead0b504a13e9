import { expect, test } from 'vitest';
import type { LedgerPhase } from '../../../core/run/next-step.ts';
import { goalAfterFailure, recoveryStep, refuseGoal, type Stage, type WayBackGoal } from '../../../core/run/recovery-step.ts';

const row = (phase: string, ordinal: number, more: Partial<LedgerPhase> = {}): LedgerPhase => ({
  phase,
  ordinal,
  digest: 'd',
  isApplied: true,
  isUndoing: false,
  ...more,
});
const begun = (phase: string, ordinal: number) => row(phase, ordinal, { isApplied: false });
const undoing = (phase: string, ordinal: number) => row(phase, ordinal, { isUndoing: true });
const EVERYTHING: WayBackGoal = { kind: 'everything' };
const VERIFIED: WayBackGoal = { kind: 'verified' };
const step = (ledger: readonly LedgerPhase[], goal: WayBackGoal = EVERYTHING, { hasBaseline = true, stage = 'changing' as Stage } = {}) =>
  recoveryStep(ledger, { hasBaseline, isCompleted: false, goal, stage });

test('the way back goes newest phase first, then to the proof, and nowhere without a baseline', () => {
  expect(step([row('a', 1), row('c', 3), row('b', 2)])).toMatchObject({ kind: 'undo', phase: 'c' });
  expect(step([row('a', 1)], EVERYTHING, { hasBaseline: false })).toMatchObject({ kind: 'undo', phase: 'a' });
  expect(step([])).toMatchObject({ kind: 'verify' });
  expect(step([], EVERYTHING, { hasBaseline: false })).toMatchObject({ kind: 'none', outcome: 'refused' });
});

test('a run that is completed undoes nothing', () => {
  const run = { hasBaseline: true, isCompleted: true, goal: EVERYTHING, stage: 'changing' } as const;
  expect(recoveryStep([row('a', 1)], run)).toEqual({ kind: 'none', phase: null, outcome: 'migrated', kept: null });
});

test('keep-verified takes back what is begun or half undone, and keeps the newest whole phase', () => {
  expect(step([row('a', 1), begun('b', 2)], VERIFIED)).toMatchObject({ kind: 'undo', phase: 'b' });
  expect(step([row('a', 1), undoing('b', 2)], VERIFIED)).toMatchObject({ kind: 'undo', phase: 'b' });
  expect(step([row('a', 1), row('b', 2)], VERIFIED)).toEqual({ kind: 'none', phase: null, outcome: 'rolled-back', kept: 'b' });
  expect(step([begun('a', 1)], VERIFIED)).toMatchObject({ kind: 'undo', phase: 'a' });
  expect(step([], VERIFIED)).toMatchObject({ kind: 'verify' });
});

test('a gate that says no to a run that was to go on keeps what an earlier one verified, and is a refusal', () => {
  expect(step([row('a', 1)], VERIFIED, { stage: 'gates' })).toEqual({ kind: 'none', phase: null, outcome: 'refused', kept: 'a' });
});

test('what does not compare as a whole is kept by no plan', () => {
  expect(goalAfterFailure('keep-verified', 'unverified')).toEqual(EVERYTHING);
  expect(goalAfterFailure('keep-verified', 'changing')).toEqual(VERIFIED);
  expect(goalAfterFailure('undo-all', 'changing')).toEqual(EVERYTHING);
});

test('a rollback to a phase ends when that phase is the newest', () => {
  const to: WayBackGoal = { kind: 'to', phase: 'a' };
  expect(step([row('a', 1), row('b', 2)], to)).toMatchObject({ kind: 'undo', phase: 'b' });
  expect(step([row('a', 1)], to)).toEqual({ kind: 'none', phase: null, outcome: 'rolled-back', kept: 'a' });
});

test.each([
  { to: 'c', said: 'cannot be rolled back to phase c, which is not applied; applied are, newest first: b, a' },
  { to: 'b', said: 'phase b is the newest that is applied' },
  { to: 'a', said: null },
])('a rollback to phase $to is refused: $said', ({ to, said }) => {
  const refusal = refuseGoal(
    to,
    'small',
    [row('a', 1), row('b', 2), begun('c', 3)].filter(({ phase }) => phase !== 'c' || to === 'c'),
  );
  if (said === null) expect(refusal).toBeNull();
  else expect(refusal).toContain(said);
});
