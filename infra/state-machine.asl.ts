import { type Catcher, machine, task } from './asl.ts';

/** Nothing has changed yet: a gate said no. */
const toRefuse: readonly Catcher<'GateSaidNo'>[] = [
  { ErrorEquals: ['States.ALL'], Assign: { failure: '{% $states.errorOutput %}' }, Next: 'GateSaidNo' },
];

/** Something may have changed: what is done is undone. */
const toRecovery: readonly Catcher<'DecideRecovery'>[] = [
  { ErrorEquals: ['States.ALL'], Assign: { failure: '{% $states.errorOutput %}' }, Next: 'DecideRecovery' },
];

/** The whole does not compare: whatever its own checks said, no phase counts as verified. */
function unverifiedTo<const Next extends string>(next: Next): readonly Catcher<Next>[] {
  return [{ ErrorEquals: ['States.ALL'], Assign: { failure: '{% $states.errorOutput %}', stage: 'unverified' }, Next: next }];
}

/** The way back failed too: the first error stays first, and the snapshot is what is left. Who has lost the lock touches nothing any more. */
const toRestore: readonly Catcher<'RestoreCluster' | 'CloseRun'>[] = [
  { ErrorEquals: ['StaleTokenError'], Assign: { laterFailure: '{% $states.errorOutput %}', outcome: 'halted' }, Next: 'CloseRun' },
  {
    ErrorEquals: ['States.ALL'],
    Assign: { laterFailure: '{% $states.errorOutput %}', outcome: 'halted', polls: 0 },
    Next: 'RestoreCluster',
  },
];

/** The outcome stands; an error in telling about it is passed over. */
function tellAnyway<const Next extends string>(next: Next): readonly Catcher<Next>[] {
  return [{ ErrorEquals: ['States.ALL'], Assign: { laterFailure: '{% $states.errorOutput %}' }, Next: next }];
}

/** 5, 10, 20, 40, 60, 60 … seconds. */
const POLL_SECONDS = '{% $min([60, 5 * $power(2, $min([$polls, 4]))]) %}';
/** What a state that works in visits says of where it stands; the Choice behind it reads it. */
const PROGRESS = { progress: '{% $states.result.Payload %}' } as const;

/** What stopped the run is not hidden by what kept it from being closed. */
const NOT_CLOSED = `{% 'the run could not be closed in the ledger; the next run takes its lock over' &
  ($failure = null ? '' : '. Before that: ' & $failure.Error & ' ' & $substring($string($failure.Cause), 0, 300)) %}`;

/** One sentence and where the rest stands; an execution's cause holds 32,768 characters (StopExecution and history events, cause). */
const CAUSE = "{% $sentence & ($report = '' ? '' : '; report: ' & $report) %}";

/** A recovery's own cause: what kept it from settling the run. */
const NOT_SETTLED = `{% 'the run is not settled: ' & ($why := $laterFailure = null ? $failure : $laterFailure; $why.Error & ' ' & $substring($string($why.Cause), 0, 2000)) %}`;

const ONE_MORE_POLL = { polls: '{% $polls + 1 %}' } as const;
/** Only visits that got nowhere are counted. */
const POLL_UNLESS_MOVING = { polls: '{% $progress.repaired > 0 ? 0 : $polls + 1 %}' } as const;

/** 48 hours: the longest plan that is meant, a 24-hour index build within it. */
const MACHINE_TIMEOUT_SECONDS = 172_800;

/** The whole process, in running order: start, gates, snapshot, phases, finish; then the way back; then the end. */
export const stateMachine = machine({
  Comment: 'Stepgate: one data migration, from gates to an outcome',
  TimeoutSeconds: MACHINE_TIMEOUT_SECONDS,
  StartAt: 'Begin',
  States: {
    // Start
    Begin: {
      Type: 'Pass',
      Assign: {
        runId: '{% $states.context.Execution.Name %}',
        executionArn: '{% $states.context.Execution.Id %}',
        startedAt: '{% $states.context.Execution.StartTime %}',
        input: '{% $states.context.Execution.Input %}',
        isRecovery: '{% $states.context.Execution.Input.mode = "recover" %}',
        recovery: null,
        way: null,
        isHeld: false,
        plan: null,
        digest: null,
        mode: null,
        asked: null,
        deadline: null,
        token: null,
        planState: 'fresh',
        stage: 'gates',
        holderSeen: null,
        snapshot: null,
        step: null,
        undo: null,
        progress: null,
        proof: null,
        polls: 0,
        outcome: 'refused',
        sentence: '',
        report: '',
        failure: null,
        laterFailure: null,
        restoreFailure: null,
        restoreFailures: 0,
        restored: null,
      },
      Next: 'LoadPlan',
    },
    LoadPlan: task('LoadPlan', {
      payload: { input: '{% $input %}' },
      assign: {
        plan: '{% $states.result.Payload.plan %}',
        digest: '{% $states.result.Payload.digest %}',
        mode: '{% $states.result.Payload.mode %}',
        asked: '{% $states.result.Payload.asked %}',
        deadline: '{% $states.result.Payload.deadline %}',
        runId: '{% $states.result.Payload.run %}',
        startedAt: '{% $states.result.Payload.startedAt %}',
        recovery: '{% $states.result.Payload.recovery %}',
      },
      catch: toRefuse,
      next: 'DoesItChangeAnything',
    }),
    DoesItChangeAnything: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $mode in ["execute", "rollback", "cleanup"] %}', Next: 'AcquireLock' },
        // A dead run that changes nothing holds nothing: all that it lacks is its end.
        {
          Condition: '{% $isRecovery %}',
          Assign: { outcome: '{% $recovery.recorded = null ? "refused" : $recovery.recorded.outcome %}', failure: '{% $recovery.failure %}' },
          Next: 'CloseRun',
        },
      ],
      Default: 'Preflight',
    },
    AcquireLock: task('AcquireLock', {
      payload: { holderSeen: '{% $holderSeen %}', asked: '{% $asked %}', recovery: '{% $recovery %}' },
      assign: {
        token: '{% $states.result.Payload.token %}',
        digest: '{% $states.result.Payload.digest %}',
        planState: '{% $states.result.Payload.planState %}',
        holderSeen: '{% $states.result.Payload.holderSeen %}',
        way: '{% $states.result.Payload.way %}',
      },
      catch: toRefuse,
      next: 'IsLockTaken',
    }),
    IsLockTaken: {
      Type: 'Choice',
      Choices: [
        {
          Condition: '{% $way != null %}',
          Assign: { outcome: '{% $way.outcome %}', failure: '{% $way.failure %}', stage: '{% $way.stage %}' },
          Next: 'WhichWay',
        },
        { Condition: '{% $token = null %}', Next: 'AwaitHolder' },
        { Condition: '{% $mode = "execute" and $planState = "migrated" %}', Assign: { outcome: 'migrated' }, Next: 'CloseRun' },
        {
          Condition: '{% $mode = "execute" and $planState = "half-undone" %}',
          Assign: { failure: { Error: 'GateRefusedError', Cause: 'an earlier undo was interrupted and had to be finished first; execute again' } },
          Next: 'DecideRecovery',
        },
      ],
      Default: 'Preflight',
    },
    AwaitHolder: { Type: 'Wait', Seconds: 10, Next: 'AcquireLock' },
    // A recovery goes on where the run that died would have.
    WhichWay: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $way.to = "restore" %}', Assign: { outcome: 'halted', polls: 0 }, Next: 'RestoreCluster' },
        { Condition: '{% $way.to = "undo" %}', Next: 'DecideRecovery' },
        { Condition: '{% $way.to = "lower" %}', Next: 'LowerFence' },
        { Condition: '{% $way.to = "close" %}', Next: 'CloseRun' },
      ],
      Default: 'LeftToAnother',
    },

    // Gates
    Preflight: task('Preflight', { payload: { planState: '{% $planState %}', asked: '{% $asked %}' }, catch: toRefuse, next: 'AfterPreflight' }),
    AfterPreflight: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $mode = "rollback" and $asked.level = 3 %}', Assign: { outcome: 'halted', polls: 0 }, Next: 'RestoreCluster' },
        { Condition: '{% $mode = "rollback" %}', Next: 'DecideRecovery' },
        { Condition: '{% $mode = "verify" %}', Next: 'VerifyTarget' },
        { Condition: '{% $mode = "cleanup" %}', Next: 'CreateSnapshot' },
      ],
      Default: 'Assess',
    },
    Assess: task('Assess', { catch: toRefuse, next: 'AfterAssess' }),
    AfterAssess: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $mode = "dry-run" %}', Next: 'ValidateSource' }],
      Default: 'CreateSnapshot',
    },

    // Snapshot
    CreateSnapshot: task('CreateSnapshot', {
      assign: { snapshot: '{% $states.result.Payload %}', polls: 0 },
      catch: toRefuse,
      next: 'AwaitSnapshot',
    }),
    AwaitSnapshot: task('AwaitSnapshot', {
      payload: { snapshot: '{% $snapshot %}' },
      assign: PROGRESS,
      catch: toRefuse,
      next: 'IsSnapshotReady',
    }),
    IsSnapshotReady: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $not($progress.done) %}', Next: 'WaitForSnapshot' },
        { Condition: '{% $mode = "backup" %}', Assign: { outcome: 'passed' }, Next: 'CloseRun' },
        { Condition: '{% $mode = "cleanup" %}', Next: 'NextStep' },
      ],
      Default: 'ValidateSource',
    },
    WaitForSnapshot: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: ONE_MORE_POLL, Next: 'AwaitSnapshot' },

    // Checks before the first change
    ValidateSource: task('ValidateSource', { catch: toRefuse, next: 'AfterValidation' }),
    AfterValidation: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $mode = "dry-run" %}', Assign: { outcome: 'passed' }, Next: 'CloseRun' }],
      Assign: { progress: null },
      Default: 'MeasureBefore',
    },
    MeasureBefore: task('MeasureBefore', {
      payload: { progress: '{% $progress %}' },
      assign: PROGRESS,
      catch: toRefuse,
      next: 'IsBaselineTaken',
    }),
    IsBaselineTaken: { Type: 'Choice', Choices: [{ Condition: '{% $progress.done %}', Next: 'NextStep' }], Default: 'MeasureBefore' },

    // Phases
    NextStep: task('NextStep', {
      assign: { step: '{% $states.result.Payload %}', polls: 0, progress: null, stage: 'changing' },
      catch: toRecovery,
      next: 'WhichStep',
    }),
    WhichStep: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $step.kind = "transaction" %}', Next: 'RunPhase' },
        { Condition: '{% $step.kind = "transfer" %}', Next: 'RunBackfill' },
        { Condition: '{% $step.kind = "long" %}', Next: 'RunLong' },
        { Condition: '{% $step.kind = "sync" %}', Next: 'StartSync' },
        { Condition: '{% $step.kind in ["catch-up", "way-back"] %}', Next: 'CatchUp' },
        { Condition: '{% $step.kind = "fence" %}', Next: 'RaiseFence' },
        { Condition: '{% $step.kind = "end-sync" %}', Next: 'StopSync' },
        { Condition: '{% $mode = "cleanup" %}', Assign: { outcome: 'passed' }, Next: 'LowerFence' },
      ],
      Default: 'VerifyTarget',
    },
    RunPhase: task('RunPhase', {
      payload: { phase: '{% $step.phase %}' },
      assign: PROGRESS,
      catch: toRecovery,
      next: 'IsPhaseDone',
    }),
    IsPhaseDone: { Type: 'Choice', Choices: [{ Condition: '{% $progress.done %}', Next: 'NextStep' }], Default: 'WaitForPhase' },
    WaitForPhase: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: ONE_MORE_POLL, Next: 'RunPhase' },
    RunBackfill: task('RunBackfill', {
      payload: { phase: '{% $step.phase %}' },
      assign: PROGRESS,
      catch: toRecovery,
      next: 'IsBackfillDone',
    }),
    IsBackfillDone: { Type: 'Choice', Choices: [{ Condition: '{% $progress.done %}', Next: 'NextStep' }], Default: 'RunBackfill' },
    RunLong: task('RunLong', {
      payload: { phase: '{% $step.phase %}' },
      assign: PROGRESS,
      catch: toRecovery,
      next: 'IsLongDone',
    }),
    AwaitLong: task('AwaitLong', {
      payload: { phase: '{% $step.phase %}' },
      assign: PROGRESS,
      catch: toRecovery,
      next: 'IsLongDone',
    }),
    IsLongDone: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $progress.next = "next-step" %}', Next: 'NextStep' },
        { Condition: '{% $progress.next = "run" %}', Next: 'RunLong' },
      ],
      Default: 'WaitForLong',
    },
    WaitForLong: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: ONE_MORE_POLL, Next: 'AwaitLong' },

    // Live sync: changes are carried forward while the copy works, and back from before the cutover until cleanup
    StartSync: task('StartSync', {
      payload: { phase: '{% $step.phase %}', side: '{% $step.kind = "sync" ? "source" : "target" %}' },
      assign: PROGRESS,
      catch: toRecovery,
      next: 'IsSyncSettled',
    }),
    IsSyncSettled: { Type: 'Choice', Choices: [{ Condition: '{% $progress.done %}', Next: 'NextStep' }], Default: 'WaitForOlder' },
    WaitForOlder: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: ONE_MORE_POLL, Next: 'StartSync' },
    CatchUp: task('CatchUp', {
      payload: { phase: '{% $step.phase %}', finishes: '{% $step.kind = "catch-up" %}', polls: '{% $polls %}' },
      assign: PROGRESS,
      catch: toRecovery,
      next: 'IsCaughtUp',
    }),
    IsCaughtUp: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $not($progress.done) %}', Next: 'WaitForJournal' },
        // What the application switches to is compared before it may write there.
        { Condition: '{% $step.kind = "way-back" %}', Assign: { progress: null }, Next: 'VerifyTargetBefore' },
      ],
      Default: 'NextStep',
    },
    WaitForJournal: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: POLL_UNLESS_MOVING, Next: 'CatchUp' },
    VerifyTargetBefore: task('VerifyTarget', {
      payload: { progress: '{% $progress %}', stage: 'before-cutover' },
      assign: PROGRESS,
      catch: unverifiedTo('DecideRecovery'),
      next: 'IsCutoverSafe',
    }),
    IsCutoverSafe: { Type: 'Choice', Choices: [{ Condition: '{% $progress.done %}', Next: 'StartSync' }], Default: 'VerifyTargetBefore' },
    // What was written until the last moment is carried over next.
    RaiseFence: task('RaiseFence', { payload: { phase: '{% $step.phase %}' }, catch: toRecovery, next: 'CatchUp' }),
    StopSync: task('StopSync', { payload: { polls: '{% $polls %}' }, assign: PROGRESS, catch: toRecovery, next: 'IsSyncStopped' }),
    IsSyncStopped: { Type: 'Choice', Choices: [{ Condition: '{% $progress.done %}', Next: 'NextStep' }], Default: 'WaitForLastKeys' },
    WaitForLastKeys: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: POLL_UNLESS_MOVING, Next: 'StopSync' },

    // Finish
    VerifyTarget: task('VerifyTarget', {
      payload: { progress: '{% $progress %}' },
      assign: PROGRESS,
      catch: unverifiedTo('DoesVerifyingUndo'),
      next: 'IsTargetVerified',
    }),
    IsTargetVerified: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $not($progress.done) %}', Next: 'VerifyTarget' },
        { Condition: '{% $mode = "verify" %}', Assign: { outcome: 'passed' }, Next: 'CloseRun' },
      ],
      Default: 'CompleteRun',
    },
    DoesVerifyingUndo: { Type: 'Choice', Choices: [{ Condition: '{% $mode = "execute" %}', Next: 'DecideRecovery' }], Default: 'CloseRun' },
    CompleteRun: task('CompleteRun', { assign: { outcome: 'migrated' }, catch: toRecovery, next: 'LowerFence' }),
    // Only a halted run keeps it.
    LowerFence: task('LowerFence', {
      catch: [{ ErrorEquals: ['States.ALL'], Assign: { laterFailure: '{% $states.errorOutput %}', isHeld: true }, Next: 'CloseRun' }],
      next: 'CloseRun',
    }),

    // The way back: newest phase first
    GateSaidNo: {
      Type: 'Choice',
      Choices: [
        // The lock of a run that died between two names is where nobody can ask.
        {
          Condition: '{% $isRecovery and $token = null and $asked != null and $asked.level = 3 %}',
          Assign: { outcome: 'halted', polls: 0 },
          Next: 'RestoreCluster',
        },
        // The next recovery tries again; the run's end is not said by this one.
        { Condition: '{% $isRecovery %}', Next: 'NotSettled' },
        // An interrupted run's phases are still there: what this run may not finish, it undoes.
        { Condition: '{% $mode = "execute" and $planState = "interrupted" and $token != null %}', Next: 'DecideRecovery' },
        // A run that died just behind its fence has left it up.
        { Condition: '{% $token != null %}', Next: 'LowerFence' },
      ],
      Default: 'CloseRun',
    },
    DecideRecovery: task('DecideRecovery', {
      payload: { failure: '{% $failure %}', stage: '{% $stage %}', asked: '{% $asked %}' },
      assign: { undo: '{% $states.result.Payload %}', polls: 0, progress: null },
      catch: toRestore,
      next: 'WhichUndo',
    }),
    WhichUndo: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $undo.kind = "undo" %}', Next: 'UndoPhase' },
        { Condition: '{% $undo.kind = "verify" %}', Next: 'VerifyUndo' },
      ],
      Assign: { outcome: '{% $undo.outcome %}' },
      Default: 'IsItHalted',
    },
    IsItHalted: { Type: 'Choice', Choices: [{ Condition: '{% $outcome = "halted" %}', Next: 'CloseRun' }], Default: 'LowerFence' },
    UndoPhase: task('UndoPhase', {
      payload: { phase: '{% $undo.phase %}' },
      assign: { ...PROGRESS, stage: '{% $stage = "gates" ? "changing" : $stage %}' },
      catch: toRestore,
      next: 'IsUndoDone',
    }),
    IsUndoDone: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $progress.next = "decide" %}', Next: 'DecideRecovery' },
        { Condition: '{% $progress.next = "undo" %}', Next: 'UndoPhase' },
      ],
      Default: 'WaitForUndo',
    },
    WaitForUndo: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: ONE_MORE_POLL, Next: 'UndoPhase' },
    VerifyUndo: task('VerifyUndo', {
      payload: { progress: '{% $progress %}', asked: '{% $asked %}' },
      assign: PROGRESS,
      catch: toRestore,
      next: 'IsUndoVerified',
    }),
    IsUndoVerified: {
      Type: 'Choice',
      Choices: [{ Condition: '{% $progress.done %}', Assign: { outcome: 'rolled-back', proof: '{% $progress %}' }, Next: 'LowerFence' }],
      Default: 'VerifyUndo',
    },

    // The last way back: the snapshot, as a cluster of its own
    RestoreCluster: task('RestoreCluster', {
      payload: { asked: '{% $asked %}', laterFailure: '{% $laterFailure %}', restoreFailure: '{% $restoreFailure %}' },
      assign: { ...PROGRESS, token: '{% $states.result.Payload.token %}' },
      catch: [
        { ErrorEquals: ['StaleTokenError'], Assign: { restoreFailure: '{% $states.errorOutput %}', outcome: 'halted' }, Next: 'CloseRun' },
        {
          ErrorEquals: ['States.ALL'],
          Assign: { restoreFailure: '{% $states.errorOutput %}', restoreFailures: '{% $restoreFailures + 1 %}', outcome: 'halted' },
          Next: 'CanItGoBack',
        },
      ],
      next: 'IsItRestored',
    }),
    IsItRestored: {
      Type: 'Choice',
      Choices: [
        // A recovery whose dead run had begun no restore, and whose database cannot be asked.
        { Condition: '{% $token = null %}', Next: 'NotSettled' },
        {
          Condition: '{% $progress.done and $progress.outcome = "restored" %}',
          Assign: { outcome: 'restored', restored: '{% $progress.sentence %}' },
          Next: 'LowerFence',
        },
        { Condition: '{% $progress.done %}', Assign: { outcome: 'halted', restored: '{% $progress.sentence %}' }, Next: 'CloseRun' },
        { Condition: '{% $progress.next = "visit" %}', Next: 'RestoreCluster' },
      ],
      Default: 'WaitForRestore',
    },
    WaitForRestore: { Type: 'Wait', Seconds: POLL_SECONDS, Assign: { polls: '{% $progress.acted ? 0 : $polls + 1 %}' }, Next: 'RestoreCluster' },
    // The next visit knows what went wrong, and gives the old cluster its name back if it has lost it.
    CanItGoBack: { Type: 'Choice', Choices: [{ Condition: '{% $restoreFailures > 3 %}', Next: 'CloseRun' }], Default: 'RestoreCluster' },

    // The end, by outcome
    CloseRun: task('CloseRun', {
      payload: {
        outcome: '{% $outcome %}',
        failure: '{% $failure %}',
        laterFailure: '{% $laterFailure %}',
        restoreFailure: '{% $restoreFailure %}',
        restored: '{% $restored %}',
        planState: '{% $planState %}',
        recovery: '{% $recovery %}',
        proof: '{% $proof %}',
        kept: '{% $undo = null ? null : $undo.kept %}',
      },
      assign: { outcome: '{% $states.result.Payload.outcome %}', sentence: '{% $states.result.Payload.sentence %}' },
      catch: [
        {
          ErrorEquals: ['States.ALL'],
          Assign: {
            laterFailure: '{% $states.errorOutput %}',
            sentence: NOT_CLOSED,
            isHeld: true,
          },
          Next: 'WriteReport',
        },
      ],
      next: 'WriteReport',
    }),
    WriteReport: task('WriteReport', {
      payload: { outcome: '{% $outcome %}' },
      assign: { report: '{% $states.result.Payload.page %}' },
      catch: tellAnyway('Notify'),
      next: 'Notify',
    }),
    Notify: task('Notify', {
      payload: { outcome: '{% $outcome %}', sentence: '{% $sentence %}' },
      catch: tellAnyway('WhichEnd'),
      next: 'WhichEnd',
    }),
    WhichEnd: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $isRecovery %}', Next: 'IsItSettled' },
        { Condition: '{% $outcome = "passed" %}', Next: 'Passed' },
        { Condition: '{% $outcome = "migrated" %}', Next: 'Migrated' },
        { Condition: '{% $outcome = "rolled-back" and $mode = "rollback" %}', Next: 'RolledBackAsAsked' },
        { Condition: '{% $outcome = "rolled-back" %}', Next: 'RolledBack' },
        { Condition: '{% $outcome = "restored" and $mode = "rollback" %}', Next: 'RestoredAsAsked' },
        { Condition: '{% $outcome = "restored" %}', Next: 'Restored' },
        { Condition: '{% $outcome = "refused" %}', Next: 'Refused' },
      ],
      Default: 'Halted',
    },
    Passed: { Type: 'Succeed', Output: { outcome: 'passed', sentence: '{% $sentence %}' } },
    Migrated: { Type: 'Succeed', Output: { outcome: 'migrated', sentence: '{% $sentence %}' } },
    RolledBackAsAsked: { Type: 'Succeed', Output: { outcome: 'rolled-back', sentence: '{% $sentence %}' } },
    RestoredAsAsked: { Type: 'Succeed', Output: { outcome: 'restored', sentence: '{% $sentence %}' } },
    Refused: { Type: 'Fail', Error: 'refused', Cause: CAUSE },
    RolledBack: { Type: 'Fail', Error: 'rolled-back', Cause: CAUSE },
    Restored: { Type: 'Fail', Error: 'restored', Cause: CAUSE },
    Halted: { Type: 'Fail', Error: 'halted', Cause: CAUSE },

    // The end of a recovery: whether the run that died has its outcome
    IsItSettled: { Type: 'Choice', Choices: [{ Condition: '{% $isHeld %}', Next: 'NotSettled' }], Default: 'Settled' },
    Settled: { Type: 'Succeed', Output: { run: '{% $runId %}', outcome: '{% $outcome %}', sentence: '{% $sentence %}' } },
    LeftToAnother: { Type: 'Succeed', Output: { run: '{% $runId %}', sentence: '{% $way.sentence %}' } },
    NotSettled: { Type: 'Fail', Error: 'NotSettled', Cause: NOT_SETTLED },
  },
});
