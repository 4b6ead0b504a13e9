import { expect, test } from 'vitest';
import { RECOVERY } from '../../../core/errors.ts';
import { changedPhases, type LedgerPhase, nextStep, planState, type Underway } from '../../../core/run/next-step.ts';
import { outcomeSentence } from '../../../core/run/sentence.ts';

const row = (phase: string, ordinal: number, more: Partial<LedgerPhase> = {}): LedgerPhase => ({
  phase,
  ordinal,
  digest: `digest of ${phase}`,
  isApplied: true,
  isUndoing: false,
  ...more,
});
type Plan = Parameters<typeof nextStep>[0];
const phase = (id: string, more: object = {}) => ({
  ...{ id, kind: 'transaction', digest: `digest of ${id}`, when: 'run', fence: false, cutover: null },
  ...more,
});
const plan = { phases: ['a', 'b', 'c'].map((id) => phase(id)) } as unknown as Plan;
const QUIET: Underway = { live: [], copied: [], isFenced: false };

test.each([
  { ledger: [], next: 'a' },
  { ledger: [row('a', 1)], next: 'b' },
  { ledger: [row('a', 1), row('b', 2, { isApplied: false })], next: 'b' },
  { ledger: [row('b', 2)], next: 'a' },
  { ledger: [row('a', 1), row('b', 2), row('c', 3)], next: null },
])('after $ledger.length rows the next phase is $next', ({ ledger, next }) => {
  expect(nextStep(plan, ledger, QUIET).phase).toBe(next);
});

const side = (transfer: string, of: 'source' | 'target', isSettled = true) => ({ transfer, side: of, isSettled, isSilenced: false });
const livePlan = {
  phases: [
    phase('copy', {
      kind: 'transfer',
      transfers: [
        { id: 'x', sync: 'both' },
        { id: 'y', sync: 'forward' },
        { id: 'z', sync: 'none' },
      ],
    }),
    phase('cutover', { cutover: 'flag', fence: true }),
    phase('drop', { when: 'cleanup' }),
  ],
} as unknown as Plan;
const FORWARD = [side('x', 'source'), side('y', 'source')];
const COPIED = [row('copy', 1)];

test.each([
  { name: 'sync before the first row', ledger: [], underway: {}, kind: 'sync' },
  {
    name: 'sync until older transactions have ended',
    ledger: [],
    underway: { live: [side('x', 'source'), side('y', 'source', false)] },
    kind: 'sync',
  },
  { name: 'the copy behind live sync', ledger: [], underway: { live: FORWARD, copied: ['x', 'y'] }, kind: 'transfer' },
  { name: 'the journal behind the copy', ledger: [], underway: { live: FORWARD, copied: ['x', 'y', 'z'] }, kind: 'catch-up' },
  { name: 'the fence before a fenced phase', ledger: COPIED, underway: { live: FORWARD }, kind: 'fence' },
  { name: 'the way back before a cutover', ledger: COPIED, underway: { live: FORWARD, isFenced: true }, kind: 'way-back' },
  { name: 'the cutover', ledger: COPIED, underway: { live: [...FORWARD, side('x', 'target')], isFenced: true }, kind: 'transaction' },
])('what comes next is $name', ({ ledger, underway, kind }) => {
  expect(nextStep(livePlan, ledger, { ...QUIET, ...underway }).kind).toBe(kind);
});

test('phases of cleanup wait for it, and it ends live sync first', () => {
  const ledger = [row('copy', 1), row('cutover', 2)];
  expect(nextStep(livePlan, ledger, QUIET)).toEqual({ kind: 'done', phase: null });
  expect(nextStep(livePlan, ledger, { ...QUIET, live: [side('y', 'source')] }, 'cleanup')).toEqual({ kind: 'end-sync', phase: 'copy' });
  expect(nextStep(livePlan, ledger, QUIET, 'cleanup')).toEqual({ kind: 'transaction', phase: 'drop' });
  expect(nextStep(livePlan, [...ledger, row('drop', 3)], QUIET, 'cleanup')).toEqual({ kind: 'done', phase: null });
});

test.each([
  { ledger: [], isMigrated: false, state: 'fresh' },
  { ledger: [row('a', 1)], isMigrated: false, state: 'interrupted' },
  { ledger: [row('a', 1, { isUndoing: true })], isMigrated: false, state: 'half-undone' },
  { ledger: [row('a', 1), row('b', 2), row('c', 3)], isMigrated: true, state: 'migrated' },
  { ledger: [row('a', 1), row('b', 2)], isMigrated: true, state: 'half-undone' },
  { ledger: [row('a', 1), row('b', 2), row('c', 3, { isUndoing: true })], isMigrated: true, state: 'half-undone' },
])('a plan with $ledger.length rows, migrated $isMigrated, is $state', ({ ledger, isMigrated, state }) => {
  expect(planState(ledger, { isMigrated, isChanged: isMigrated, phases: 3 })).toBe(state);
});

test.each([
  { ledger: [row('a', 1)], changed: [] },
  { ledger: [row('a', 1, { digest: 'other' })], changed: ['a'] },
  { ledger: [row('b', 1)], changed: ['b'] },
  { ledger: [row('a', 2)], changed: ['a'] },
  { ledger: [row('d', 4)], changed: ['d'] },
])('phases that are changed since they ran: $changed', ({ ledger, changed }) => {
  expect(changedPhases(plan, ledger)).toEqual(changed);
});

test('every outcome is said in one sentence', () => {
  const end = {
    mode: 'execute',
    plan: 'small',
    failure: { error: 'X', sentence: 'why' },
    laterFailure: { error: 'Y', sentence: 'and then' },
    migratedAt: null,
    proof: null,
    kept: null,
    restoreFailure: null,
    restored: null,
  } as const;
  const sentences = (['passed', 'migrated', 'refused', 'rolled-back', 'restored', 'halted'] as const).map((outcome) =>
    outcomeSentence({ ...end, outcome }),
  );
  expect(sentences).toEqual([
    'execute of small passed',
    'small is migrated: every phase done, every check passed',
    'small is refused: why',
    'small is rolled back, the database is as before the run: why',
    'small is taken back by its snapshot: the restored cluster has the old name. Why: why',
    'small is halted, a person must choose: why; then, on the way back: and then',
  ]);
});

test('errors after which nothing was done are tried again, and no others', () => {
  expect(
    Object.entries(RECOVERY)
      .filter(([, recovery]) => recovery === 'retry')
      .map(([name]) => name),
  ).toEqual([
    'DatabaseResumingError',
    'DatabaseBusyError',
    'DatabaseUnreachableError',
    'ThrottledError',
    'SecretRefusedError',
    'UnknownOutcomeError',
  ]);
});
