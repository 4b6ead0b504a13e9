import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { ListExecutionsCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { s3Journal } from '../adapters/journal-store.ts';
import { RunId } from '../core/ids.ts';
import type { JournalEntry } from '../core/run/journal.ts';
import { readPage, readRuns } from './local-runs.ts';
import { NoRunError } from './no-run-error.ts';

/** A run and what its journal holds by now. */
export interface ArchivedRun {
  readonly id: string;
  readonly journal: readonly JournalEntry[];
}

export type PageName = 'report.md' | 'report.json';

/** The runs that there were, with their reports. */
export interface RunArchive {
  /** `in .stepgate`, `in stack Crm`. */
  readonly where: string;
  /** Of one plan or of all, newest first, at most `most`. */
  newest(plan: string | undefined, most: number): Promise<readonly ArchivedRun[]>;
  find(id: string): Promise<ArchivedRun | undefined>;
  /** A page of the report; null when the run never came to write it. */
  page(id: string, name: PageName): Promise<string | null>;
}

/** That of a data folder; no engine has to run for it. */
export function localArchive(folder: string): RunArchive {
  const find = (id: string) => readRuns(folder).find((run) => run.id === id);
  return {
    where: `in ${folder}`,
    newest: async (plan, most) => readRuns(folder, plan).slice(0, most),
    find: async (id) => find(id),
    async page(id, name) {
      const run = find(id);
      return run === undefined ? null : readPage(run, name);
    },
  };
}

/** ListExecutions gives at most 1,000 a page, newest first, of 90 days (Step Functions, API reference). */
const MOST_EXECUTIONS = 1_000;

/** Runs of a plan are looked for among this many of the newest. */
const MOST_READ = 50;

/** That of a deployed stack: its executions, and what they left in the report bucket. */
export function stackArchive({
  where,
  stateMachineArn,
  reportBucket,
  sfn,
  s3,
}: {
  readonly where: string;
  readonly stateMachineArn: string;
  readonly reportBucket: string;
  readonly sfn: SFNClient;
  readonly s3: S3Client;
}): RunArchive {
  const journals = s3Journal(reportBucket, s3);
  const read = async (id: RunId): Promise<ArchivedRun> => ({ id, journal: await journals.readAll(id) });
  return {
    where,
    async newest(plan, most) {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: MOST_EXECUTIONS }));
      const ids = executions.flatMap(({ name }) => RunId.safeParse(name).data ?? []).slice(0, MOST_READ);
      const found: ArchivedRun[] = [];
      for (const id of ids) {
        if (found.length === most) break;
        const run = await read(id);
        // A recovery has no journal of its own: it goes on with that of the run.
        if (run.journal.length === 0 && id.startsWith('recover-')) continue;
        if (plan === undefined || planOf(run) === plan) found.push(run);
      }
      return found;
    },
    async find(id) {
      const run = RunId.safeParse(id);
      const found = run.success ? await read(run.data) : undefined;
      return found === undefined || found.journal.length === 0 ? undefined : found;
    },
    async page(id, name) {
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: reportBucket, Key: `runs/${id}/${name}` }));
        return (await Body?.transformToString('utf8')) ?? null;
      } catch (error) {
        if (error instanceof NoSuchKey) return null;
        throw error;
      }
    },
  };
}

function planOf({ journal }: ArchivedRun): string | null {
  return journal.find((entry) => entry.kind === 'run')?.plan ?? null;
}

/** @throws {NoRunError} when there is none. */
export async function chooseArchived(
  archive: RunArchive,
  { plan, run: id }: { readonly plan: string | undefined; readonly run: string | undefined },
): Promise<ArchivedRun> {
  const [newest] = await archive.newest(plan, 1);
  const chosen = id === undefined ? newest : await archive.find(id);
  if (chosen !== undefined) return chosen;
  if (newest === undefined)
    throw new NoRunError(`there are no runs${plan === undefined ? '' : ` of plan ${plan}`} ${archive.where}; start with "stepgate dry-run"`);
  throw new NoRunError(`there is no run "${id}" ${archive.where}; the newest is ${newest.id}`);
}
