import * as z from 'zod';
import { sfnClient } from '../../adapters/aws-clients.ts';
import { type DescribedExecution, type ExecutionDesk, sfnExecutions } from '../../adapters/executions.ts';
import { GateRefusedError, InputRefusedError, LockHeldError } from '../../core/errors.ts';
import { PhaseId, type RunId } from '../../core/ids.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { StartEnvelope } from '../../core/run/envelope.ts';
import type { JournalEntry } from '../../core/run/journal.ts';
import { executionBeside, isRecoverInput, RecoverInput, type Recovery, RUN_DIED, recoveryNumber } from '../../core/run/recovery.ts';
import { DeployedPlans, parseRunInput, type RunRequest } from '../../core/run/run-input.ts';
import { deadlineOf, refuseLateStart } from '../../core/run/window.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const LoadPlanInput = StartEnvelope.extend({ input: z.unknown() });
type Input = z.infer<typeof LoadPlanInput>;

type Request = Omit<RunRequest, 'start'>;

export interface LoadedPlan extends Request {
  /** When a run with a window has to have ended, in UTC; the way back of a dead run has no end. */
  readonly deadline: string | null;
  /** The execution's own name, or the dead run that it recovers. */
  readonly run: RunId;
  readonly startedAt: string;
  readonly recovery: Recovery | null;
}

type Deps = Pick<StatePorts, 'plans' | 'journal'> & { readonly deployed: DeployedPlans; readonly executions: Pick<ExecutionDesk, 'describe'> };

/**
 * Reads the execution's input and pins the plan's digest for the whole run; a recovery goes by what the dead run had pinned.
 *
 * @throws {InputRefusedError} for an input that no run begins with; PlanNotFoundError for a plan, or a digest of it, that the stack does not hold.
 * @throws {LockHeldError} when the run that is to be recovered has not ended.
 */
export function loadPlan(deps: Deps): Work<Input, LoadedPlan> {
  return async ({ run, now, input }) => {
    if (isRecoverInput(input)) return loadDeadRun(deps, { run, now, input });
    const { start, ...request } = parseRunInput(input, deps.deployed);
    const plan = await deps.plans.read(request.digest);
    refuseUnknownPhase(request.asked.to, plan);
    const late = refuseLateStart(start, now);
    if (late !== null) throw new GateRefusedError(late);
    const deadline = request.mode === 'execute' ? deadlineOf(plan.windowMinutes, start ?? run.startedAt) : null;
    await tellBegin(deps, { run, now, deadline }, request);
    return { ...request, deadline: deadline?.toISOString() ?? null, run: run.id, startedAt: run.startedAt.toISOString(), recovery: null };
  };
}

/** @throws {InputRefusedError} */
function refuseUnknownPhase(to: string | null, plan: CompiledPlan): void {
  if (to === null || plan.phases.some(({ id, when }) => id === to && when === 'run')) return;
  const known = plan.phases.filter(({ when }) => when === 'run').map(({ id }) => id);
  throw new InputRefusedError(`plan ${plan.id} has no phase ${to} to go back to; its phases are ${known.join(', ')}`);
}

interface Begun {
  readonly run: Pick<Input['run'], 'id' | 'executionArn' | 'startedAt'>;
  readonly now: Date;
  readonly deadline: Date | null;
}

async function tellBegin(deps: Deps, { run, now, deadline }: Begun, request: Request): Promise<void> {
  const plan = await deps.plans.read(request.digest);
  const { asked, ...pinned } = request;
  await deps.journal.write(run.id, 'run', {
    kind: 'run',
    at: now.toISOString(),
    run: run.id,
    executionArn: run.executionArn,
    ...pinned,
    ...(asked.accept === null ? {} : { accept: asked.accept }),
    ...(asked.to === null ? {} : { to: asked.to }),
    ...(asked.level === 3 ? { level: 3 as const } : {}),
    title: plan.title,
    phases: plan.phases.filter(({ when }) => when === (request.mode === 'cleanup' ? 'cleanup' : 'run')).map((phase) => phase.id),
    notes: [...plan.notes],
    accepted: [...plan.accepted],
    startedAt: run.startedAt.toISOString(),
    ...(deadline === null ? {} : { deadline: deadline.toISOString() }),
  });
}

/** Goes on as the dead run: its mode, its digest, its time; and writes down that it does. */
async function loadDeadRun(deps: Deps, { run: own, now, input }: Input): Promise<LoadedPlan> {
  const id = runToRecover(input);
  const number = recoveryNumber(id, own.id);
  const executionArn = executionBeside(own.executionArn, id);
  const died = ended(id, await deps.executions.describe(executionArn));
  const journal = await deps.journal.readAll(id);
  const pinned = journal.find((entry) => entry.kind === 'run');
  const request =
    pinned === undefined ? requestOf(died, deps) : { plan: pinned.plan, mode: pinned.mode, digest: pinned.digest, asked: askedOf(died) };
  // The execution died before it had told anything.
  if (pinned === undefined) await tellBegin(deps, { run: { ...died, id, executionArn }, now, deadline: null }, request);
  const failure = { Error: RUN_DIED, Cause: `the execution of run ${id} ended ${died.said} before the run had an outcome` };
  const entry = { kind: 'recovery', at: now.toISOString(), status: 'begun', number, by: own.id, executionArn: own.executionArn } as const;
  await deps.journal.write(id, `recovery-${number}`, { ...entry, because: failure.Cause });
  const recovery = {
    name: own.id,
    number,
    executionArn,
    failure,
    recorded: recordedIn(journal),
    isRestoring: journal.some(({ kind }) => kind === 'restore'),
  };
  return { ...request, deadline: null, run: id, startedAt: pinned?.startedAt ?? died.startedAt.toISOString(), recovery };
}

/** @throws {InputRefusedError} */
function runToRecover(input: unknown): RunId {
  const given = RecoverInput.safeParse(input);
  if (given.success) return given.data.run;
  throw new InputRefusedError(
    "the stack itself starts mode recover, with plan and run; start rollback, or execute, which take a dead run's lock over too",
  );
}

/** @throws {LockHeldError} */
function ended(run: RunId, execution: DescribedExecution | null): DescribedExecution {
  if (execution?.status === 'ended') return execution;
  throw new LockHeldError(`run ${run} is not dead: its execution is ${execution?.said ?? 'not known to Step Functions'}; nothing was done`);
}

function requestOf({ input }: DescribedExecution, { deployed }: Pick<Deps, 'deployed'>): Request {
  const { start: _start, ...request } = parseRunInput(JSON.parse(input), deployed);
  return request;
}

const GivenInput = z.object({ accept: z.string().nullish(), digest: z.string().optional(), to: PhaseId.nullish(), level: z.literal(3).optional() });

/** What the dead run was asked for; its input was read before, or nothing comes of it. */
function askedOf({ input }: DescribedExecution): RunRequest['asked'] {
  const given = GivenInput.safeParse(JSON.parse(input)).data;
  return { accept: given?.accept ?? null, isDigestGiven: given?.digest !== undefined, to: given?.to ?? null, level: given?.level ?? 2 };
}

function recordedIn(journal: readonly JournalEntry[]): Recovery['recorded'] {
  const end = journal.findLast((entry) => entry.kind === 'outcome');
  return end === undefined ? null : { outcome: end.outcome, sentence: end.sentence };
}

export const handler = stateHandler(LoadPlanInput, (environment) =>
  loadPlan({
    ...statePorts(environment),
    executions: sfnExecutions(sfnClient()),
    deployed: DeployedPlans.parse(JSON.parse(environment.STEPGATE_PLANS)),
  }),
);
