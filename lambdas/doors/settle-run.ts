import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import * as z from 'zod';
import { schedulerClient, sfnClient, snsClient } from '../../adapters/aws-clients.ts';
import { type DeadMan, schedulerDeadMan } from '../../adapters/dead-man.ts';
import { type DescribedExecution, type ExecutionDesk, sfnExecutions } from '../../adapters/executions.ts';
import { type HeldByRun, heldByRun } from '../../adapters/held-by-run.ts';
import { type Notices, snsNotices } from '../../adapters/notices.ts';
import { ConfigurationError, StepgateError } from '../../core/errors.ts';
import { type PlanId, RunId } from '../../core/ids.ts';
import { DEAD_MAN_MS, DeadManCall, type DeadManPlace, LATEST_MS } from '../../core/run/dead-man.ts';
import type { JournalEntry } from '../../core/run/journal.ts';
import { changesDatabase, type Mode } from '../../core/run/mode.ts';
import { executionBeside, MOST_RECOVERIES, machineOf, RecoverInput, recoverInput, recoverName } from '../../core/run/recovery.ts';
import { type GivenUp, givenUpNotice } from '../../core/run/recovery-notice.ts';
import { DeployedPlans, parseRunInput } from '../../core/run/run-input.ts';
import { RunPlace } from '../../core/run/run-place.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

/** "Step Functions Execution Status Change"; `input` is missing where it is longer than an event may be (Step Functions, EventBridge). */
const StatusChange = z.object({
  time: z.string(),
  detail: z.object({ executionArn: z.string(), name: z.string(), input: z.string().nullish() }),
});
/** An event, or the dead man's schedule of a run's fence. */
export const SettleRunInput = z.union([StatusChange, DeadManCall]);
type Input = z.infer<typeof SettleRunInput>;

/** What came of an event. Events come twice, late, at once and about what is settled: all but the first that matters end in `left-alone`. */
export interface Settling {
  readonly did: 'left-alone' | 'started' | 'gave-up';
  readonly because: string;
  /** The run, or a recovery of it, is at work: its fence has to be looked after still. */
  readonly isAtWork: boolean;
}

export type SettleRunDeps = Pick<StatePorts, 'session' | 'journal' | 'pause'> & {
  readonly executions: ExecutionDesk;
  /** At the place that a dead man's call names. */
  readonly deadManAt: (place: DeadManPlace) => Pick<DeadMan, 'set'>;
  readonly notices: Notices;
  readonly deployed: DeployedPlans;
  readonly place: RunPlace;
  /** A metric of one count for the machine of this name, at once. */
  readonly count: (metric: string, machine: string) => void;
};

/**
 * Sees to it that a run whose execution has ended has an outcome and holds nothing: starts the next recovery of it, three at most, and then calls a person.
 *
 * Nothing is taken from the event but which run it is about; what has become of the run, and of its recoveries, Step Functions, the journal
 * and the ledger say.
 */
export function settleRun(deps: SettleRunDeps): Work<Input, Settling> {
  return async (input) => {
    if (!('deadMan' in input)) {
      const id = runOf(input.detail);
      return id === null
        ? leave(`${input.detail.name} is no run's name`)
        : settle(deps, { id, at: input.time, beside: input.detail.executionArn, hasEnded: input.detail.executionArn });
    }
    const { run: id, at, executionArn } = input.deadMan;
    const settling = await settle(deps, { id, at, beside: executionArn, hasEnded: null }).catch(async (error: unknown) => {
      // Nobody could look, so somebody has to look again.
      await moveOn(deps, input);
      throw error;
    });
    if (settling.isAtWork) await moveOn(deps, input);
    return settling;
  };
}

interface About {
  readonly id: RunId;
  /** When that was which tells of it. */
  readonly at: string;
  /** An execution of the same machine. */
  readonly beside: string;
  /** The one whose end is told. */
  readonly hasEnded: string | null;
}

async function settle(deps: SettleRunDeps, { id, at, beside, hasEnded }: About): Promise<Settling> {
  const executionArn = executionBeside(beside, id);
  const execution = await describe(deps, executionArn, hasEnded);
  if (execution?.status === 'running') return { ...leave(`run ${id} is ${execution.said}`), isAtWork: true };
  if (execution?.status !== 'ended') return leave(`run ${id} is ${execution?.said ?? 'not known to Step Functions'}`);
  const journal = await deps.journal.readAll(id);
  const begun = whatBegan(deps, journal, execution);
  if (begun === null) return leave(`nothing of run ${id} had begun`);
  const dead = { id, executionArn, ...begun };
  const held = await whatIsHeld(deps, dead, journal);
  const settled = whySettled(journal, held);
  return settled === null ? recover(deps, { dead, held, journal, at, hasEnded }) : leave(settled);
}

/** DescribeExecution is eventually consistent (API reference): what is told to have ended is looked at for ten seconds. */
const MOST_LOOKS = 5;
const LOOK_MS = 2_000;

async function describe(
  { executions, pause }: Pick<SettleRunDeps, 'executions' | 'pause'>,
  executionArn: string,
  hasEnded: string | null,
): Promise<DescribedExecution | null> {
  for (let look = 1; ; look += 1) {
    const execution = await executions.describe(executionArn);
    if (execution?.status !== 'running' || executionArn !== hasEnded || look === MOST_LOOKS) return execution;
    await pause(LOOK_MS);
  }
}

/** It looks again: half an hour after it should have looked, or, where that is past, when that cannot be. */
async function moveOn({ deadManAt }: Pick<SettleRunDeps, 'deadManAt'>, { deadMan: { run, executionArn, at, place } }: DeadManCall): Promise<void> {
  const set = (ms: number) => deadManAt(place).set({ id: run, executionArn }, new Date(Date.parse(at) + ms));
  await set(DEAD_MAN_MS).catch((error: unknown) => {
    if (!(error instanceof ConfigurationError)) throw error;
    return set(LATEST_MS);
  });
}

interface Dead {
  readonly id: RunId;
  readonly executionArn: string;
  readonly plan: PlanId;
  readonly mode: Mode;
}

function leave(because: string): Settling {
  return { did: 'left-alone', because, isAtWork: false };
}

/** A recovery's end is an event about the run that it was to settle. */
function runOf({ name, input }: z.infer<typeof StatusChange>['detail']): RunId | null {
  const recovery = RecoverInput.safeParse(parsed(input ?? 'null'));
  return recovery.success ? recovery.data.run : (RunId.safeParse(name).data ?? null);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Plan and mode; null for an input that no run begins with. */
function whatBegan(
  { deployed }: Pick<SettleRunDeps, 'deployed'>,
  journal: readonly JournalEntry[],
  { input }: DescribedExecution,
): Pick<Dead, 'plan' | 'mode'> | null {
  const run = journal.find((entry) => entry.kind === 'run');
  if (run !== undefined) return run;
  try {
    return parseRunInput(parsed(input), deployed);
  } catch (error) {
    if (error instanceof StepgateError) return null;
    throw error;
  }
}

/**
 * Null: the database cannot be asked, and the run has no outcome, so that it is not settled whatever the answer.
 *
 * @throws {StepgateError} when it cannot be asked, and only that is left to know.
 */
async function whatIsHeld(
  { session }: Pick<SettleRunDeps, 'session'>,
  { id, plan, mode }: Dead,
  journal: readonly JournalEntry[],
): Promise<HeldByRun | null> {
  if (!changesDatabase(mode)) return { lock: false, fence: false, isTakenOver: false };
  try {
    return await heldByRun(session, { run: id, plan });
  } catch (error) {
    if (error instanceof StepgateError && outcomeIn(journal) === null) return null;
    throw error;
  }
}

function outcomeIn(journal: readonly JournalEntry[]) {
  return journal.findLast((entry) => entry.kind === 'outcome')?.outcome ?? null;
}

function whySettled(journal: readonly JournalEntry[], held: HeldByRun | null): string | null {
  if (held?.isTakenOver === true) return 'a newer run has taken it over';
  const outcome = outcomeIn(journal);
  // Only a halted run keeps its fence.
  const isHeld = held !== null && (held.lock || (held.fence && outcome !== 'halted'));
  return outcome === null || isHeld ? null : `it is ${outcome}, and nothing is held by it`;
}

interface Recovering {
  readonly dead: Dead;
  readonly held: HeldByRun | null;
  readonly journal: readonly JournalEntry[];
  readonly at: string;
  readonly hasEnded: string | null;
}

/** The first number that no execution has yet; one that runs, or has done it, is enough. */
async function recover(deps: SettleRunDeps, { dead, held, journal, at, hasEnded }: Recovering): Promise<Settling> {
  let last = '';
  for (let number = 1; number <= MOST_RECOVERIES; number += 1) {
    const name = recoverName(dead.id, number);
    const execution = await describe(deps, executionBeside(dead.executionArn, name), hasEnded);
    if (execution === null) {
      await deps.executions.start({
        stateMachineArn: machineOf(dead.executionArn),
        name,
        input: recoverInput({ plan: dead.plan, run: dead.id }),
      });
      return { did: 'started', because: `${name} settles run ${dead.id}`, isAtWork: true };
    }
    if (execution.status !== 'ended') return { ...leave(`${name} is ${execution.said}`), isAtWork: true };
    if (execution.succeeded) return leave(`${name} has seen to it`);
    last = `${name} ended ${execution.said}`;
  }
  return giveUp(deps, { dead, held, journal, at }, last);
}

/** Told once: what is not settled now is a person's. */
async function giveUp(deps: SettleRunDeps, { dead, held, journal, at }: Omit<Recovering, 'hasEnded'>, last: string): Promise<Settling> {
  const { id, plan, mode, executionArn } = dead;
  if (journal.some((entry) => entry.kind === 'recovery' && entry.status === 'given-up')) return leave(`run ${id} was given up before`);
  const given: GivenUp = { run: id, plan, mode, executionArn, last, mayFence: held?.fence ?? true };
  deps.count('RunsNotRecovered', machineOf(executionArn).split(':').at(-1) ?? '');
  await deps.notices.publish(givenUpNotice(given, deps.place));
  const name = recoverName(id, MOST_RECOVERIES);
  const entry = { kind: 'recovery', at: new Date(at).toISOString(), status: 'given-up', number: MOST_RECOVERIES, by: name } as const;
  await deps.journal.write(id, 'recovery-given-up', { ...entry, executionArn: executionBeside(executionArn, name), because: last });
  return { did: 'gave-up', because: last, isAtWork: false };
}

export const handler = stateHandler(SettleRunInput, (environment) =>
  settleRun({
    ...statePorts(environment),
    executions: sfnExecutions(sfnClient()),
    deadManAt: (place) => schedulerDeadMan(place, schedulerClient()),
    notices: snsNotices(environment.STEPGATE_TOPIC_ARN, snsClient()),
    deployed: DeployedPlans.parse(JSON.parse(environment.STEPGATE_PLANS)),
    place: RunPlace.parse(JSON.parse(environment.STEPGATE_PLACE)),
    count: (metric, machine) => {
      const metrics = new Metrics({ namespace: process.env.POWERTOOLS_METRICS_NAMESPACE ?? 'Stepgate', defaultDimensions: { machine } });
      metrics.addMetric(metric, MetricUnit.Count, 1);
      metrics.publishStoredMetrics();
    },
  }),
);
