import type * as z from 'zod';
import { assertNever } from '../assert-never.ts';
import type { TakenSnapshot } from './journal.ts';
import type { Mode } from './mode.ts';
import type { Facts } from './report-facts.ts';

export interface NextAction {
  readonly what: string;
  readonly command: string;
  /** The execution input that starts the same from the console; null for what is no run. */
  readonly input: string | null;
}

/** What a person can do now, with the exact command for each. */
export function nextActions(facts: Facts): readonly NextAction[] {
  const { run, end } = facts;
  if (run === null) {
    return [{ what: 'see which plans there are, and whether they compile', command: 'npx stepgate check --all', input: null }];
  }
  const start = (mode: Mode, what: string): NextAction => ({
    what,
    command: `npx stepgate ${mode} ${run.plan}`,
    input: JSON.stringify({ plan: run.plan, mode }),
  });
  if (end === null) {
    return [start('execute', 'the run has no outcome; if it was killed, go on from what is committed'), start('rollback', 'or take it back')];
  }
  switch (end.outcome) {
    case 'passed':
      return afterPassed(run.mode, start);
    case 'migrated':
      return [start('verify', 'compare every row again, at any time'), start('rollback', 'go back: every phase is undone, and that is proven')];
    case 'refused':
      return afterRefused(facts, start);
    case 'rolled-back':
      return run.mode === 'rollback'
        ? [start('execute', 'migrate again')]
        : [start('dry-run', 'remove the cause, then try without a change'), start('execute', 'migrate again'), ...dropSnapshot(facts)];
    case 'restored':
      return [start('dry-run', 'look at the restored database')];
    case 'halted':
      return afterHalted(facts, start);
    default:
      return assertNever(end.outcome);
  }
}

type Start = (mode: Mode, what: string) => NextAction;

function afterPassed(mode: Mode, start: Start): readonly NextAction[] {
  return mode === 'verify' ? [start('rollback', 'go back, if you must')] : [start('execute', 'migrate')];
}

function afterRefused(facts: Facts, start: Start): readonly NextAction[] {
  if (facts.run?.mode === 'verify') {
    return [start('verify', 'correct the rows that differ, then compare again'), start('rollback', 'or go back')];
  }
  return [start('dry-run', 'remove what the gate names, then try without a change'), ...dropSnapshot(facts)];
}

function afterHalted(facts: Facts, start: Start): readonly NextAction[] {
  const restore = facts.snapshot?.status === 'available' ? [restoreSnapshot(facts.snapshot)] : [];
  return [
    start('rollback', 'nothing was destroyed: remove what stopped the way back, then undo the rest'),
    start('execute', 'or go on forward from the phases that are committed'),
    ...restore,
  ];
}

/** Beside the database that serves: writes since the snapshot are only there. */
function restoreSnapshot({ id, restoreCommand }: z.infer<typeof TakenSnapshot>): NextAction {
  if (restoreCommand !== undefined) {
    return {
      what: 'or look at the database of before: run the restore command with PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE of another, empty database',
      command: `export STEPGATE_SNAPSHOT_ID=${id}; ${restoreCommand}`,
      input: null,
    };
  }
  return {
    what: 'or look at the database of before: restore the snapshot into a new cluster, beside the one that serves',
    command: `aws rds restore-db-cluster-from-snapshot --snapshot-identifier ${id} --engine aurora-postgresql --db-cluster-identifier NEW-NAME`,
    input: null,
  };
}

function dropSnapshot({ snapshot }: Facts): readonly NextAction[] {
  // What an operator's own command has made is theirs to remove.
  if (snapshot === null || snapshot.status === 'none' || snapshot.restoreCommand !== undefined) return [];
  return [
    {
      what: `the snapshot is kept until ${snapshot.keepUntil.slice(0, 10)} at least; to remove it sooner`,
      command: `aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier ${snapshot.id}`,
      input: null,
    },
  ];
}
