import { join } from 'node:path';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { s3Journal } from '../adapters/journal-store.ts';
import { type SqlSession, sqlSession } from '../adapters/sql-session.ts';
import type { RunId } from '../core/ids.ts';
import type { JournalEntry } from '../core/run/journal.ts';
import { commandAt, type RunPlace } from '../core/run/run-place.ts';
import { attachEngine } from '../local/running-engine.ts';
import { shownPath } from './data-folder.ts';
import { runFolder } from './local-runs.ts';
import { NoRunError } from './no-run-error.ts';
import { type OpenEngine, rdsDataOf, s3Of, schedulerOf, sfnOf } from './open-engine.ts';
import { localArchive, type RunArchive } from './run-archive.ts';
import { placeOf } from './run-place.ts';
import type { Shell } from './shell.ts';

/** Where runs run, a local engine or a deployed stack, with the clients that reach it. */
export interface RunSite {
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly archive: RunArchive;
  /** As the options name it. */
  readonly place: RunPlace;
  readonly schedules: ScheduleSite;
  readJournal(run: RunId): Promise<readonly JournalEntry[]>;
  /** The migrated database; null where nobody says where it is. */
  readonly session: Pick<SqlSession, 'query'> | null;
  /** Between two looks at a run. */
  readonly pollMs: number;
  /** Where a run goes on when the terminal is gone; null when it ends with this process. */
  readonly outlives: string | null;
  /** False for an engine: its runs end with it. */
  readonly isDeployed: boolean;
  /** The address of a run's report page. */
  pageOf(run: RunId): string;
  /** A command of ours as a user would type it for this place. */
  asTyped(command: string): string;
  close(): Promise<void>;
}

/** What a schedule is made with. */
export interface ScheduleSite {
  readonly client: SchedulerClient;
  /** `aws`, `aws-cn`, … */
  readonly partition: string;
  readonly roleArn: string;
  readonly groupName?: string;
  readonly deadLetterArn?: string;
}

/** Often enough to look live, and cheap on loopback. */
const LOCAL_POLL_MS = 250;

export function engineSite(engine: OpenEngine, shell: Pick<Shell, 'folder' | 'plansFolder' | 'database'>): RunSite {
  const { stack } = engine;
  const { folder } = shell;
  const place = placeOf(shell);
  const journal = s3Journal(stack.reportBucket, s3Of(engine));
  return {
    sfn: sfnOf(engine),
    stateMachineArn: stack.stateMachineArn,
    archive: localArchive(folder),
    place,
    schedules: { client: schedulerOf(engine), partition: 'aws', roleArn: `arn:aws:iam::${stack.accountId}:role/StepgateSchedules` },
    readJournal: (run) => journal.readAll(run),
    session: sqlSession(
      { STEPGATE_CLUSTER_ARN: stack.clusterArn, STEPGATE_SECRET_ARN: stack.secretArn, STEPGATE_DATABASE: stack.database },
      rdsDataOf(engine),
    ),
    pollMs: LOCAL_POLL_MS,
    outlives: engine.isOurs ? null : 'in the engine',
    isDeployed: false,
    pageOf: (run) => shownPath(join(runFolder(folder, { bucket: stack.reportBucket, run }), 'report.md')),
    asTyped: (command) => commandAt(place, command),
    close: () => engine.close(),
  };
}

/** The engine of another process that holds the data folder; undefined when none runs. */
export async function runningSite(shell: Pick<Shell, 'folder' | 'plansFolder' | 'database'>): Promise<RunSite | undefined> {
  const running = await attachEngine(shell.folder);
  return running && engineSite({ ...running, isOurs: false, close: async () => {} }, shell);
}

/** @throws {NoRunError} when no engine runs in the data folder. */
export async function demandRunningSite(shell: Pick<Shell, 'folder' | 'plansFolder' | 'database'>): Promise<RunSite> {
  const site = await runningSite(shell);
  if (site === undefined) throw new NoRunError(`no engine runs in ${shell.folder}, so no run is under way there; a local run ends with its engine`);
  return site;
}
