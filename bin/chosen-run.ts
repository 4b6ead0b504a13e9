import type { JournalEntry } from '../core/run/journal.ts';
import { changesDatabase } from '../core/run/mode.ts';
import { type ArchivedRun, chooseArchived, type RunArchive } from './run-archive.ts';
import type { RunUnderWay, WhichRun } from './runs-under-way.ts';

/** The run that tells most of where a plan stands, among its neighbours. */
export interface ChosenRun {
  readonly run: ArchivedRun;
  readonly isUnderWay: boolean;
  /** Begun after it: refused ones, dry runs. Newest first, as are earlier ones. */
  readonly newer: readonly ArchivedRun[];
  readonly earlier: readonly ArchivedRun[];
}

/** Runs that are listed beside the chosen one, newer and earlier together. */
const NEIGHBOURS = 5;

/** The last run that changed something is looked for among this many of the newest. */
const MOST_READ = 20;

/**
 * The one that is named; else the one under way, else the last that changed something, else the newest.
 *
 * @throws {NoRunError} when there is none.
 */
export async function chooseRun(archive: RunArchive, underWay: readonly RunUnderWay[], which: WhichRun): Promise<ChosenRun> {
  if (which.run !== undefined) {
    const run = await chooseArchived(archive, which);
    return { run, isUnderWay: underWay.some(({ id }) => id === run.id), newer: [], earlier: [] };
  }
  const runs = await archive.newest(which.plan, MOST_READ);
  const atWork = underWay.find(({ plan }) => which.plan === undefined || plan === which.plan);
  if (atWork !== undefined && !runs.some(({ id }) => id === atWork.id)) {
    // So young that it has written nothing yet.
    return { run: { id: atWork.id, journal: [] }, isUnderWay: true, newer: [], earlier: runs.slice(0, NEIGHBOURS) };
  }
  const run = runs.find(({ id }) => id === atWork?.id) ?? runs.find(changedSomething) ?? (await chooseArchived(archive, which));
  const index = runs.findIndex(({ id }) => id === run.id);
  const newer = runs.slice(0, index).slice(0, NEIGHBOURS);
  return { run, isUnderWay: atWork !== undefined, newer, earlier: runs.slice(index + 1).slice(0, NEIGHBOURS - newer.length) };
}

/** Once it held the lock of a plan that was not migrated already; a refusal changes nothing. */
function changedSomething({ journal }: ArchivedRun): boolean {
  const of = <K extends JournalEntry['kind']>(kind: K) => journal.find((entry): entry is Extract<JournalEntry, { kind: K }> => entry.kind === kind);
  const [run, lock, end] = [of('run'), of('lock'), of('outcome')];
  if (run === undefined || lock === undefined || !changesDatabase(run.mode) || end?.outcome === 'refused') return false;
  return !(run.mode === 'execute' && lock.planState === 'migrated');
}
