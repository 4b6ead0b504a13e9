import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { dataApiClient, rdsClient } from '../../adapters/aws-clients.ts';
import { type Clusters, rdsClusters, swapFactsOf } from '../../adapters/clusters.ts';
import { neighbours } from '../../adapters/neighbours.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { restoredDatabase } from '../../adapters/restored-database.ts';
import type { Snapshots } from '../../adapters/snapshots.ts';
import { type SqlSession, sqlSession } from '../../adapters/sql-session.ts';
import { assertNever } from '../../core/assert-never.ts';
import { ConfigurationError, StaleTokenError, StepgateError, UndoFailedError } from '../../core/errors.ts';
import { type ChangingRun, ReadingEnvelope } from '../../core/run/envelope.ts';
import type { Environment } from '../../core/run/environment.ts';
import { failureOf, StatesError } from '../../core/run/failure.ts';
import type { JournalEntry } from '../../core/run/journal.ts';
import { isFencedSince, progressOf, type RestoreFacts, restoreFacts, restorePoint } from '../../core/run/restore-facts.ts';
import { type RestoreStep, restoreStep, type SeenCluster } from '../../core/run/restore-step.ts';
import { whyNotRestored, whyOnlyPrepared } from '../../core/run/restore-wish.ts';
import { restoreSentence, stepInWords } from '../../core/run/restore-words.ts';
import { type RestoreWork, restoreNames, restoreTags } from '../../core/run/restore-work.ts';
import { Asked } from '../../core/run/run-input.ts';
import { type StatePorts, snapshotPort, statePorts } from '../middleware/ports.ts';
import { verifyRestored } from '../middleware/restored-rows.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const RestoreClusterInput = ReadingEnvelope.extend({
  asked: Asked,
  laterFailure: StatesError.nullable(),
  restoreFailure: StatesError.nullable(),
});
type Given = z.infer<typeof RestoreClusterInput>;
type Input = Omit<Given, 'run'> & { readonly run: ChangingRun };

/** `visit`: there is more to do at once; `wait`: RDS works. */
export interface RestoreVisit {
  readonly done: boolean;
  readonly next: 'visit' | 'wait';
  /** What this restore acts with: the run's own, or of a run that died the one that it had; null where it never had one. */
  readonly token: number | null;
  /** A call was made: the next look need not be far off. */
  readonly acted: boolean;
  readonly outcome: 'halted' | 'restored';
  /** Null while it works, and where nothing was restored. */
  readonly sentence: string | null;
}

export interface RestorePorts extends StatePorts {
  readonly clusters: Clusters;
  readonly snapshots: Pick<Snapshots, 'status'>;
  /** A session on the database of another cluster, with the same secret. */
  readonly sessionAt: (clusterArn: string) => SqlSession;
  readonly environment: Pick<Environment, 'STEPGATE_RESTORE' | 'STEPGATE_INSTANCES' | 'STEPGATE_CLUSTER_ID' | 'STEPGATE_SECRET_ARN'>;
}

type Visited = Omit<RestoreVisit, 'token'>;

const GO_ON = { done: false, next: 'visit', acted: false, outcome: 'halted', sentence: null } as const;
const WAIT = { ...GO_ON, next: 'wait' } as const;
const ACTED = { ...WAIT, acted: true } as const;

/**
 * Restores the run's snapshot into a new cluster and, where the stack allows it and nothing is lost by it, gives that one the old name.
 *
 * Each visit looks at RDS and at the journal alone, and makes one call at most, which is written down before. A run that died between two
 * names has its lock in a database that nobody can ask: what it had begun goes on with the token that it had.
 *
 * @throws {StaleTokenError} when a newer run took the lock over.
 */
export function restoreCluster(deps: RestorePorts): Work<Given, RestoreVisit> {
  return async (given) => {
    const entries = await deps.journal.readAll(given.run.id);
    const facts = restoreFacts(entries);
    const token = given.run.token ?? (facts.begun === null ? null : tokenIn(entries));
    if (token === null) return { ...WAIT, done: true, token };
    const input = { ...given, run: { ...given.run, token } };
    if (facts.begun === null) {
      return { ...(await (facts.end === null ? begin(deps, input, entries) : nothing(deps, input, facts.end.because))), token };
    }
    return { ...(facts.end === null ? await goOn(deps, input, { facts, work: facts.begun }) : ended(facts, facts.end)), token };
  };
}

function tokenIn(entries: readonly JournalEntry[]): number | null {
  return entries.findLast((entry) => entry.kind === 'lock')?.token ?? null;
}

async function goOn(deps: RestorePorts, input: Input, { facts, work }: Pick<Visit, 'facts' | 'work'>): Promise<Visited> {
  const { run, now, restoreFailure } = input;
  const seen = (await Promise.all([work.cluster, work.restored, work.kept].map((id) => deps.clusters.see(id)))).filter((one) => one !== null);
  const progress = progressOf(facts, now);
  const thrown = failureOf(restoreFailure)?.sentence ?? null;
  const { step, failure } = restoreStep({ ...work, run: run.id }, seen, { ...progress, failure: progress.failure ?? thrown });
  if (failure !== null && progress.failure === null)
    await deps.journal.write(run.id, 'restore-failure', { kind: 'restore-failure', at: now.toISOString(), because: failure });
  return take(deps, { input, facts, work, seen }, step);
}

interface Visit {
  readonly input: Input;
  readonly facts: RestoreFacts;
  readonly work: RestoreWork;
  readonly seen: readonly SeenCluster[];
}

/** Nothing is called yet: what is to be done is written down, with every setting of the cluster as it is. */
async function begin(deps: RestorePorts, input: Input, entries: readonly JournalEntry[]): Promise<Visited> {
  const { run, now, asked, laterFailure, restoreFailure } = input;
  const at = now.toISOString();
  const policy = deps.environment.STEPGATE_RESTORE;
  const point = restorePoint(run.id, entries);
  const because =
    failureOf(restoreFailure)?.sentence ??
    whyNotRestored({ policy, mode: run.mode, isAsked: asked.level === 3, error: laterFailure?.Error ?? null, hasSnapshot: point !== null });
  if (because !== null || point === null || policy === 'none') return nothing(deps, input, because ?? '');
  const status = (await deps.snapshots.status(point.snapshot))?.status ?? 'gone';
  if (status !== 'available') return nothing(deps, input, `snapshot ${point.snapshot} is ${status}`);
  const id = deps.environment.STEPGATE_CLUSTER_ID;
  const details = await deps.clusters.details(id);
  const obstacles = whyOnlyPrepared(policy, {
    isAsked: asked.level === 3,
    isFencedSince: isFencedSince(point.requestedAt, entries),
    ...swapFactsOf(details, deps.environment),
    neighbours: await deps.session.readOnly(neighbours).catch(unlessOurs),
  });
  const names = restoreNames(id, createHash('sha256').update(run.executionArn).digest('hex'));
  await deps.journal.write(run.id, 'restore', {
    kind: 'restore',
    at,
    mode: obstacles.length === 0 ? 'swap' : 'prepare',
    because: [...obstacles],
    snapshot: point.snapshot,
    base: point.base,
    cluster: id,
    clusterArn: details.arn,
    resourceId: details.resourceId,
    restored: names.restored,
    kept: names.kept,
    settings: details.settings,
    instances: details.instances.map(({ id: name, settings }, index) => ({ name, ...names.instance(name, index + 1), settings })),
    notRestored: [...details.ties],
  });
  return GO_ON;
}

/** The database may be what is broken. */
function unlessOurs(error: unknown): null {
  if (error instanceof StepgateError) return null;
  throw error;
}

async function nothing({ journal }: Pick<RestorePorts, 'journal'>, { run, now, asked }: Input, because: string): Promise<Visited> {
  await journal.write(run.id, 'restore-ended', { kind: 'restore-ended', at: now.toISOString(), end: 'none', because });
  return { ...WAIT, done: true, sentence: asked.level === 3 ? `nothing was restored: ${because}` : null };
}

async function take(deps: RestorePorts, visit: Visit, step: RestoreStep): Promise<Visited> {
  const { run, now } = visit.input;
  switch (step.kind) {
    case 'wait':
      return WAIT;
    case 'prepared':
    case 'restored':
    case 'failed': {
      const because = step.kind === 'failed' ? step.because : '';
      const end = { kind: 'restore-ended', at: now.toISOString(), end: step.kind, because } as const;
      await deps.journal.write(run.id, 'restore-ended', end);
      return ended(visit.facts, end);
    }
    case 'verify':
    case 'confirm':
      await writeDown(deps, visit, step);
      return ask(deps, visit, step);
    default:
      await refuseStale(deps, visit);
      await writeDown(deps, visit, step);
      await act(deps.clusters, visit, step);
      return ACTED;
  }
}

function ended(
  { begun, verified }: RestoreFacts,
  { end, because }: Pick<Extract<JournalEntry, { kind: 'restore-ended' }>, 'end' | 'because'>,
): Visited {
  const sentence = begun === null ? null : restoreSentence({ work: begun, verified, end, because });
  return { ...WAIT, done: true, outcome: end === 'restored' ? 'restored' : 'halted', sentence };
}

/** A step that is tried again keeps the time of its first try. */
async function writeDown({ journal }: Pick<RestorePorts, 'journal'>, { input, facts: { steps } }: Visit, step: DoneStep): Promise<void> {
  const what = stepInWords(step);
  if (steps.at(-1)?.what === what) return;
  const name = `restore-step-${String(steps.length + 1).padStart(3, '0')}`;
  await journal.write(input.run.id, name, { kind: 'restore-step', at: input.now.toISOString(), step: step.kind, what });
}

type DoneStep = Exclude<RestoreStep, { readonly kind: 'wait' | 'prepared' | 'restored' | 'failed' }>;

/** As long as the old database can be asked, it says whether this run is still the one in charge. */
async function refuseStale({ session }: Pick<RestorePorts, 'session'>, { input, work, seen }: Visit): Promise<void> {
  const serving = seen.find(({ id, resourceId }) => id === work.cluster && resourceId === work.resourceId);
  if (serving?.status !== 'available' || !serving.isEndpointOn) return;
  try {
    await planLedger(session).holdsOrFails(input.run);
  } catch (error) {
    if (error instanceof StaleTokenError || !(error instanceof StepgateError)) throw error;
  }
}

async function act(clusters: Clusters, { input, work }: Visit, step: Exclude<DoneStep, { readonly kind: 'verify' | 'confirm' }>): Promise<void> {
  const tags = restoreTags({ run: input.run.id, plan: input.run.plan });
  switch (step.kind) {
    case 'restore-cluster':
      return clusters.restore(work, tags);
    case 'set-maintenance':
      return clusters.setMaintenance(step.cluster, work.settings.maintenanceWindow ?? '');
    case 'create-instance':
      return clusters.createInstance(work.restored, step.instance, tags);
    case 'switch-endpoint':
      return clusters.switchEndpoint(step.arn, step.isOn);
    case 'rename-cluster':
      return clusters.renameCluster(step.from, step.to);
    case 'rename-instance':
      return clusters.renameInstance(step.from, step.to);
    default:
      return assertNever(step);
  }
}

/** Asks the restored database, whose Data API may take a while to answer after it was switched on. */
async function ask(
  deps: RestorePorts,
  { input, work }: Visit,
  { kind, arn, resourceId }: Extract<RestoreStep, { kind: 'verify' | 'confirm' }>,
): Promise<Visited> {
  const { run, now } = input;
  const session = deps.sessionAt(arn);
  try {
    if (kind === 'verify') {
      const verified = await verifyRestored(deps, session, { run, now, work, resourceId });
      if (verified !== null) await deps.journal.write(run.id, 'restore-verified', verified);
      return GO_ON;
    }
    const database = restoredDatabase(session);
    if (!(await database.isMarked(run, work.snapshot)))
      throw new UndoFailedError(`under the name ${work.cluster} another database answers than the one that was restored`);
    // A run that goes on for one that died has another token.
    await database.takeOver(run, work.snapshot);
    await deps.journal.write(run.id, 'restore-confirmed', { kind: 'restore-confirmed', at: now.toISOString(), resourceId });
    return GO_ON;
  } catch (error) {
    const { cause } = error instanceof ConfigurationError ? error : { cause: undefined };
    if (cause instanceof Error && cause.name === 'HttpEndpointNotEnabledException') return WAIT;
    throw error;
  }
}

export const handler = stateHandler(RestoreClusterInput, (environment) =>
  restoreCluster({
    ...statePorts(environment),
    snapshots: snapshotPort(environment),
    clusters: rdsClusters(rdsClient()),
    sessionAt: (arn) => sqlSession({ ...environment, STEPGATE_CLUSTER_ARN: arn }, dataApiClient()),
    environment,
  }),
);
