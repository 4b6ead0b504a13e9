import { dataApiClient, rdsClient, s3Client, schedulerClient } from '../../adapters/aws-clients.ts';
import { type DeadMan, schedulerDeadMan } from '../../adapters/dead-man.ts';
import { type Journal, s3Journal } from '../../adapters/journal-store.ts';
import { type PlanStore, s3PlanStore } from '../../adapters/plan-store.ts';
import { rdsSnapshots, type Snapshots } from '../../adapters/snapshots.ts';
import { type SqlSession, sqlSession } from '../../adapters/sql-session.ts';
import { ConfigurationError } from '../../core/errors.ts';
import { DeadManPlace } from '../../core/run/dead-man.ts';
import type { Environment } from '../../core/run/environment.ts';

/** What nearly every state needs of the outside, wired to AWS clients. */
export interface StatePorts {
  readonly plans: PlanStore;
  readonly journal: Journal;
  readonly session: SqlSession;
  /** A monotonic clock for durations; the time of day comes in with the state's input. */
  readonly clockMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

export function statePorts(environment: Environment): StatePorts {
  const s3 = s3Client();
  return {
    plans: s3PlanStore(environment.STEPGATE_PLAN_BUCKET, s3),
    journal: s3Journal(environment.STEPGATE_REPORT_BUCKET, s3),
    session: sqlSession(environment, dataApiClient()),
    clockMs: () => performance.now(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

export function snapshotPort(environment: Environment): Snapshots {
  return rdsSnapshots(environment, rdsClient());
}

/** @throws {ConfigurationError} for a function that is not told where schedules are made. */
export function deadManPort({ STEPGATE_DEAD_MAN: place }: Environment): DeadMan {
  if (place === '') throw new ConfigurationError("this function is not told where a dead man's schedule is made; deploy the stack again");
  return schedulerDeadMan(DeadManPlace.parse(JSON.parse(place)), schedulerClient());
}
