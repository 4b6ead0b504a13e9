import type * as z from 'zod';
import { assertNever } from '../assert-never.ts';
import { liftByHand } from './fence.ts';
import type { TakenSnapshot } from './journal.ts';
import type { Mode } from './mode.ts';
import { type Facts, isFenceUp } from './report-facts.ts';
import { restoreActions } from './report-restore.ts';
import { commandAt, type RunPlace } from './run-place.ts';
import { wayBack } from './way-back.ts';

export interface NextAction {
  readonly what: string;
  readonly command: string;
  /** The execution input that starts the same from the console; null for what is no run. */
  readonly input: string | null;
}

/** What a person can do now, with the exact command for each, as it is typed for the run's place. */
export function nextActions(facts: Facts, place: RunPlace): readonly NextAction[] {
  return [...choices(facts, place), ...liftFence(facts, place)].map((action) => ({ ...action, command: commandAt(place, action.command) }));
}

function choices(facts: Facts, place: RunPlace): readonly NextAction[] {
  const { run, end } = facts;
  if (run === null) {
    return [{ what: 'see which plans there are, and whether they compile', command: 'npx stepgate check --all', input: null }];
  }
  const start = starter(run.plan);
  if (end === null) {
    return withoutOutcome(run.mode, start);
  }
  switch (end.outcome) {
    case 'passed':
      return afterPassed(run.mode, start);
    case 'migrated':
      return [start('verify', 'compare every row again, at any time'), start('rollback', 'go back: every phase is undone, and that is proven')];
    case 'refused':
      return afterRefused(facts, { start, place });
    case 'rolled-back':
      if (end.kept !== undefined) return afterKept(end.kept, { start, isAsked: run.mode === 'rollback' });
      return run.mode === 'rollback'
        ? [start('execute', 'migrate again')]
        : [start('dry-run', 'remove the cause, then try without a change'), start('execute', 'migrate again'), ...dropSnapshot(facts, place)];
    case 'restored':
      return [start('dry-run', 'look at the restored database'), ...restoreActions(facts, place)];
    case 'halted':
      return afterHalted(facts, { start, place });
    default:
      return assertNever(end.outcome);
  }
}

/** What is committed is neither thrown away nor left without a way back. */
function afterKept(phase: string, { start, isAsked }: { readonly start: Start; readonly isAsked: boolean }): readonly NextAction[] {
  return [
    start('execute', `${isAsked ? '' : 'remove the cause, then '}go on after phase ${phase}`),
    start('rollback', 'or go back: what is left is undone, and that is proven'),
  ];
}

type Start = (
  mode: Mode,
  what: string,
  more?: { readonly option?: string; readonly input?: Readonly<Record<string, string | number>> },
) => NextAction;

function starter(plan: string): Start {
  return (mode, what, { option, input } = {}) => ({
    what,
    command: `npx stepgate ${mode} ${plan}${option === undefined ? '' : ` ${option}`}`,
    input: JSON.stringify({ plan, mode, ...input }),
  });
}

/** At work, stopped or killed; what has changed nothing is simply begun again. */
function withoutOutcome(mode: Mode, start: Start): readonly NextAction[] {
  switch (mode) {
    case 'execute':
      return [start('execute', 'the run has no outcome; if it has ended, go on from what is committed'), start('rollback', 'or take it back')];
    case 'cleanup':
      return [start('cleanup', 'the run has no outcome; if it has ended, go on from what is committed')];
    case 'rollback':
      return [start('rollback', 'the run has no outcome; if it has ended, undo the rest')];
    case 'dry-run':
    case 'backup':
    case 'verify':
      return [start(mode, 'the run has no outcome and changed no table; if it has ended, begin again')];
    default:
      return assertNever(mode);
  }
}

function afterPassed(mode: Mode, start: Start): readonly NextAction[] {
  // The old side is gone: there is nothing to compare with, and no way back.
  if (mode === 'cleanup') return [];
  return mode === 'verify' ? [start('rollback', 'go back, if you must')] : [start('execute', 'migrate')];
}

interface Around {
  readonly start: Start;
  readonly place: RunPlace;
}

function afterRefused(facts: Facts, { start, place }: Around): readonly NextAction[] {
  switch (facts.run?.mode) {
    case 'verify':
      return [start('verify', 'correct the rows that differ, then compare again'), start('rollback', 'or go back')];
    case 'cleanup':
      return [start('cleanup', 'when the gate says yes'), start('verify', 'or compare every row again')];
    case 'rollback':
      return [start('rollback', 'remove what the gate names, then go back'), start('dry-run', 'or look what of the plan is there')];
    default:
      return [start('dry-run', 'remove what the gate names, then try without a change'), ...dropSnapshot(facts, place)];
  }
}

function afterHalted(facts: Facts, { start, place }: Around): readonly NextAction[] {
  if (facts.run?.mode === 'cleanup')
    return [start('cleanup', 'remove the cause, then go on from what is committed'), ...restoreActions(facts, place)];
  // Of a plan that was migrated the undo has to be finished first.
  const forward = facts.run?.mode === 'rollback' ? [] : [start('execute', 'or go on forward from the phases that are committed')];
  const restore = restoreActions(facts, place);
  if (facts.run?.level === 3) return afterRestore(facts, { start, restore });
  const why = wayBack(facts);
  switch (why) {
    case 'differs':
      return [
        start('rollback', 'put back what differs, then prove again that the database is as before'),
        ...accept(facts, start),
        start('execute', 'or migrate again: the state of now is then the new state of before'),
        ...restore,
      ];
    case 'statement failed':
      return [
        start('rollback', 'remove what stopped the way back, then undo the rest'),
        start('rollback', "or correct the undo in the plan's folder (undo.sql), then undo the rest by it", {
          option: '--mended-undo',
          input: { digest: '<digest of the corrected plan>' },
        }),
        ...forward,
        ...restore,
      ];
    case 'no undo':
      // A rollback would stop at the same phase again.
      return [start('execute', 'remove the cause of the first error, then go on forward from the phases that are committed'), ...restore];
    case 'taken over':
      return [{ what: 'a newer run is in charge: look at it', command: `npx stepgate status ${facts.run?.plan}`, input: null }];
    case 'stopped':
      return [start('rollback', 'remove what stopped the way back, then undo the rest'), ...forward, ...restore];
    default:
      return assertNever(why);
  }
}

/** A restore that was asked for, and was not swapped in. */
function afterRestore(facts: Facts, { start, restore }: { readonly start: Start; readonly restore: readonly NextAction[] }): readonly NextAction[] {
  const isPrepared = facts.restore.end?.end === 'prepared';
  const again = start('rollback', 'remove what stopped the restore, then try again', { option: '--restore', input: { level: 3 } });
  return [...(isPrepared ? [] : [again]), ...restore, start('rollback', 'or undo the phases, which keeps what was written since')];
}

/** A newer run that took over has the fence, too. */
function liftFence(facts: Facts, place: RunPlace): readonly NextAction[] {
  if (facts.run === null || !isFenceUp(facts) || wayBack(facts) === 'taken over') return [];
  const what = 'applications still cannot write: a rollback or an execute that ends lowers the fence; to lift it before, when no run is at work';
  return [{ what, command: liftByHand(facts.run.plan, place), input: null }];
}

function accept({ undo }: Facts, start: Start): readonly NextAction[] {
  const digest = undo?.acceptance ?? null;
  if (digest === null) return [];
  const what = 'or accept what differs, as it is now: the run is then rolled back, and its report keeps the differences';
  return [start('rollback', what, { option: `--accept ${digest}`, input: { accept: digest } })];
}

function dropSnapshot({ snapshot }: Facts, place: RunPlace): readonly NextAction[] {
  // What an operator's own command has made is theirs to remove.
  if (snapshot === null || snapshot.status === 'none' || snapshot.restoreCommand !== undefined) return [];
  return [
    {
      what: `the snapshot is kept until ${keptUntil(snapshot)} at least; to remove it sooner${inEngine(place)}`,
      command: deletion(snapshot, place),
      input: null,
    },
  ];
}

function keptUntil({ keepUntil }: z.infer<typeof TakenSnapshot>): string {
  return keepUntil.slice(0, 10);
}

function inEngine({ kind, options }: RunPlace): string {
  return kind === 'stack' ? '' : `, with the variables that "npx stepgate local up${options === '' ? '' : ` ${options}`}" prints`;
}

/** Without the endpoint the AWS CLI would ask the operator's own account. */
function deletion({ id }: z.infer<typeof TakenSnapshot>, { kind }: RunPlace): string {
  const endpoint = kind === 'stack' ? '' : ' --endpoint-url "$AWS_ENDPOINT_URL_RDS"';
  return `aws rds delete-db-cluster-snapshot${endpoint} --db-cluster-snapshot-identifier ${id}`;
}
