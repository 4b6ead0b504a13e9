import { assertNever } from '../assert-never.ts';
import type { Facts } from './report-facts.ts';
import type { NextAction } from './report-next.ts';
import { restoredActions } from './report-restored.ts';
import type { RunPlace } from './run-place.ts';

/** How to look at the database of before, beside the one that serves: writes since the snapshot are only in that one. */
export function restoreActions(
  { snapshot, lock, run, restore: restored }: Pick<Facts, 'snapshot' | 'lock' | 'run' | 'restore'>,
  place: RunPlace,
): readonly NextAction[] {
  const own = restoredActions({ restore: restored }, place);
  if (own.length > 0) return own;
  if (snapshot?.status === 'available') {
    return [snapshot.restoreCommand === undefined ? restore(snapshot.id, place) : restoreBy(snapshot.id, snapshot.restoreCommand)];
  }
  // A rollback takes none: the run that it undoes did.
  const base = lock?.base ?? null;
  if (snapshot !== null || base === null || base.snapshotId === null || run === null) return [];
  return [
    place.kind === 'external'
      ? {
          what: `or look at the database of before: the report of run ${base.run} names the command that restores snapshot ${base.snapshotId}`,
          command: `npx stepgate report --run ${base.run}`,
          input: null,
        }
      : restore(base.snapshotId, place),
  ];
}

function restoreBy(id: string, restoreCommand: string): NextAction {
  return {
    what: `or look at the database of before: restore snapshot ${id} with PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE of another, empty database`,
    command: `export STEPGATE_SNAPSHOT_ID=${id}; ${restoreCommand}`,
    input: null,
  };
}

function restore(id: string, { kind, snapshotFolder }: RunPlace): NextAction {
  switch (kind) {
    case 'stack':
    case 'external':
      return {
        what: `or look at the database of before: restore snapshot ${id} into a new cluster, beside the one that serves`,
        command: `aws rds restore-db-cluster-from-snapshot --snapshot-identifier ${id} --engine aurora-postgresql --db-cluster-identifier NEW-NAME`,
        input: null,
      };
    case 'embedded':
      return {
        what: `or look at the database of before: snapshot ${id} is a data folder of PostgreSQL; a server of its version serves a copy of it`,
        command: `cp -a ${snapshotFolder ?? 'DATA/rds/snapshots'}/${id}/data NEW-FOLDER && pg_ctl --pgdata NEW-FOLDER --log NEW-FOLDER/log --options '-p 55432' start`,
        input: null,
      };
    default:
      return assertNever(kind);
  }
}
