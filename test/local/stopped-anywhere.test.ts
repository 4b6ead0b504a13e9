import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DoorSite, openDoorSite } from '../support/door-site.ts';

// Every function of a fenced run, and of its rollback: stopped while it works, each run ends with an outcome and holds nothing.

let site: DoorSite;
beforeAll(async () => {
  site = await openDoorSite();
}, 60_000);
afterAll(() => site?.close());

/** Long enough for the next state's function to be at work; what it does then counts, and is shut out. */
const INTO_THE_NEXT_MS = 15;

interface Place {
  readonly mode: 'execute' | 'rollback';
  /** The function that is at work; it comes behind the nth exit of this state. */
  readonly stoppedIn: string;
  readonly behind: string;
  readonly nth?: number;
  /** Either, where the function at work decides it. */
  readonly ends: readonly string[];
}

const REFUSED = ['refused'];
const UNDONE = ['rolled-back'];
const of = (
  mode: Place['mode'],
  ends: readonly string[],
  places: readonly (readonly [stoppedIn: string, behind: string, nth?: number])[],
): readonly Place[] => places.map(([stoppedIn, behind, nth = 1]) => ({ mode, stoppedIn, behind, nth, ends }));

test.each([
  ...of('execute', REFUSED, [
    ['LoadPlan', 'Begin'],
    ['AcquireLock', 'DoesItChangeAnything'],
    ['Preflight', 'IsLockTaken'],
    ['Assess', 'AfterPreflight'],
    ['CreateSnapshot', 'AfterAssess'],
    ['AwaitSnapshot', 'CreateSnapshot'],
    ['ValidateSource', 'IsSnapshotReady', 2],
    ['MeasureBefore', 'AfterValidation'],
    ['NextStep', 'IsBaselineTaken'],
  ]),
  // The phase commits or is shut out.
  ...of('execute', [...REFUSED, ...UNDONE], [['RunPhase', 'WhichStep']]),
  ...of('execute', UNDONE, [
    ['RunBackfill', 'WhichStep', 2],
    ['RaiseFence', 'WhichStep', 3],
    ['CatchUp', 'RaiseFence'],
    ['RunPhase behind the fence', 'WhichStep', 4],
    ['VerifyTarget', 'WhichStep', 5],
  ]),
  ...of('execute', [...UNDONE, 'migrated'], [['CompleteRun', 'IsTargetVerified']]),
  ...of(
    'execute',
    ['migrated'],
    [
      ['LowerFence', 'CompleteRun'],
      ['CloseRun', 'LowerFence'],
      ['WriteReport', 'CloseRun'],
    ],
  ),
  ...of('rollback', REFUSED, [['Preflight', 'IsLockTaken']]),
  ...of('rollback', [...REFUSED, ...UNDONE], [['DecideRecovery', 'AfterPreflight']]),
  ...of('rollback', UNDONE, [
    ['UndoPhase', 'WhichUndo'],
    ['UndoPhase of the next phase', 'WhichUndo', 2],
    ['VerifyUndo', 'WhichUndo', 4],
    ['LowerFence', 'IsUndoVerified'],
    ['CloseRun', 'LowerFence'],
  ]),
])(
  '$mode that is stopped in $stoppedIn ends with an outcome and holds nothing',
  async ({ mode, behind, nth, ends }) => {
    await site.reset();
    if (mode === 'rollback') await site.ended(await site.start('execute'));
    const stopped = Promise.withResolvers<void>();
    site.onExit(behind, (execution) => void setTimeout(() => void site.stop(execution).then(stopped.resolve), INTO_THE_NEXT_MS), nth);
    const run = await site.start(mode);
    await stopped.promise;
    // A function may have been quicker than the stop; the last ones are.
    if ((await site.ended(run)) === 'ABORTED') {
      const [answer = ''] = await site.answers(1);
      if (answer.endsWith('started')) expect(await site.ended(`recover-${run}-1`)).toBe('SUCCEEDED');
    }
    const { outcome } = await site.report(run);
    expect(ends).toContain(outcome?.outcome);
    const isThere = outcome?.outcome === 'migrated' || (mode === 'rollback' && outcome?.outcome === 'refused');
    expect(await site.held()).toEqual({ fences: 0, lock: null, made: isThere });
  },
  60_000,
);
