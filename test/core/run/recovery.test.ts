import { expect, test } from 'vitest';
import { RunId } from '../../../core/ids.ts';
import { type DeadRun, RUN_DIED, recoverName, recoveryNumber, recoveryWay } from '../../../core/run/recovery.ts';

const LONG = RunId.parse('r'.repeat(80));

test('a recovery is named after its run and its number, and the name is one that Step Functions takes', () => {
  expect(recoverName(RunId.parse('small-execute-1'), 2)).toBe('recover-small-execute-1-2');
  expect(recoverName(LONG, 1)).toHaveLength(80);
  expect(recoverName(LONG, 1)).not.toBe(recoverName(RunId.parse(`${'r'.repeat(79)}s`), 1));
  expect(recoveryNumber(LONG, recoverName(LONG, 3))).toBe(3);
});

test.each(['recover-other-1', 'small', 'recover-small-', 'recover-small-0', 'recover-small-12'])('%s is no recovery of run small', (name) => {
  expect(() => recoveryNumber(RunId.parse('small'), name)).toThrow('the stack itself starts mode recover, as recover-small-1');
});

const DEAD: DeadRun = { mode: 'execute', isCompleted: false, hasChanged: false, undoStage: null, cleanup: { hasBegun: false, left: [] } };
const failure = { Error: RUN_DIED, Cause: 'it was stopped' };

test.each<{ name: string; dead: Partial<DeadRun>; to: string; outcome: string; fails: boolean }>([
  { name: 'an execute that had changed nothing', dead: {}, to: 'lower', outcome: 'refused', fails: true },
  { name: 'an execute in its phases', dead: { hasChanged: true }, to: 'undo', outcome: 'halted', fails: true },
  { name: 'an execute past its point of no return', dead: { hasChanged: true, isCompleted: true }, to: 'lower', outcome: 'migrated', fails: false },
  { name: 'a rollback that had undone nothing', dead: { mode: 'rollback' }, to: 'lower', outcome: 'refused', fails: true },
  { name: 'a rollback on its way', dead: { mode: 'rollback', undoStage: 'changing' }, to: 'undo', outcome: 'halted', fails: false },
  {
    name: 'a cleanup before its first phase',
    dead: { mode: 'cleanup', cleanup: { hasBegun: false, left: ['phase drop'] } },
    ...{ to: 'lower', outcome: 'refused', fails: true },
  },
  {
    name: 'a cleanup half-way',
    dead: { mode: 'cleanup', cleanup: { hasBegun: true, left: ['phase drop'] } },
    ...{ to: 'lower', outcome: 'halted', fails: true },
  },
  { name: 'a cleanup that was done', dead: { mode: 'cleanup', cleanup: { hasBegun: true, left: [] } }, to: 'lower', outcome: 'passed', fails: false },
])('$name goes on to $to', ({ dead, to, outcome, fails }) => {
  const way = recoveryWay({ ...DEAD, ...dead }, { recorded: null, isRestoring: false, failure });
  expect([way.to, way.outcome, way.failure !== null]).toEqual([to, outcome, fails]);
});

test('a cleanup that died half-way says what is left', () => {
  const way = recoveryWay(
    { ...DEAD, mode: 'cleanup', cleanup: { hasBegun: true, left: ['the end of live sync', 'phase drop'] } },
    { recorded: null, isRestoring: false, failure },
  );
  expect(way.failure?.Cause).toBe(
    'it was stopped; what is left of the cleanup: the end of live sync, phase drop; start cleanup again, it goes on from what is done',
  );
});

test.each([
  { outcome: 'rolled-back', to: 'lower' },
  { outcome: 'halted', to: 'close' },
] as const)('a run that had come to $outcome keeps to it', ({ outcome, to }) => {
  const way = recoveryWay({ ...DEAD, hasChanged: true }, { recorded: { outcome, sentence: 'so it was' }, isRestoring: true, failure });
  expect([way.to, way.outcome]).toEqual([to, outcome]);
});

test.each(['execute', 'rollback'] as const)(
  '%s that had begun to restore its snapshot goes on with that, whatever the database that answers knows',
  (mode) => {
    const way = recoveryWay({ ...DEAD, mode }, { recorded: null, isRestoring: true, failure });
    expect([way.to, way.outcome]).toEqual(['restore', 'halted']);
  },
);
