import { expect, test } from 'vitest';
import { type LedgerPhase, planState } from '../../../core/run/next-step.ts';

const applied = (phase: string, ordinal: number, more: Partial<LedgerPhase> = {}): LedgerPhase => ({
  phase,
  ordinal,
  digest: 'd',
  isApplied: true,
  isUndoing: false,
  ...more,
});

test.each([
  { name: 'with nothing in the ledger is fresh', ledger: [], isMigrated: false, state: 'fresh' },
  { name: 'with a phase applied is interrupted', ledger: [applied('a', 1)], isMigrated: false, state: 'interrupted' },
  { name: 'with a phase begun is interrupted', ledger: [applied('a', 1, { isApplied: false })], isMigrated: false, state: 'interrupted' },
  { name: 'with every phase applied and completed is migrated', ledger: [applied('a', 1), applied('b', 2)], isMigrated: true, state: 'migrated' },
  {
    name: 'with a phase that is being undone is half undone',
    ledger: [applied('a', 1, { isUndoing: true })],
    isMigrated: false,
    state: 'half-undone',
  },
  { name: 'that was migrated and misses a phase is half undone', ledger: [applied('a', 1)], isMigrated: true, state: 'half-undone' },
  { name: 'that was migrated and has no phase left is half undone', ledger: [], isMigrated: true, state: 'half-undone' },
])('a plan of two phases $name', ({ ledger, isMigrated, state }) => {
  expect(planState(ledger, { isMigrated, isChanged: isMigrated, phases: 2 })).toBe(state);
});
