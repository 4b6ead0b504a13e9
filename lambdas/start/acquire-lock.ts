import * as z from 'zod';
import { sfnClient } from '../../adapters/aws-clients.ts';
import { serverFacts } from '../../adapters/catalog.ts';
import { type Executions, sfnExecutions } from '../../adapters/executions.ts';
import { installLedger } from '../../adapters/ledger-install.ts';
import { type PlanInForce, planLedger } from '../../adapters/plan-ledger.ts';
import { type LockHolder, ledgerLock } from '../../adapters/run-lock.ts';
import { takenNames } from '../../adapters/taken-names.ts';
import { DatabaseBusyError, GateRefusedError, LockHeldError } from '../../core/errors.ts';
import type { PlanDigest } from '../../core/ids.ts';
import type { CompiledPlan, ObjectName } from '../../core/plan/compiled-plan.ts';
import { type ChangingRun, ReadingEnvelope } from '../../core/run/envelope.ts';
import { changedPhases, type LedgerPhase, type PlanState, phasesRunOtherwise } from '../../core/run/next-step.ts';
import { describeName, ledgerRefusal } from '../../core/run/preflight.ts';
import { Recovery, type RecoveryWay } from '../../core/run/recovery.ts';
import { refuseGoal } from '../../core/run/recovery-step.ts';
import { Asked } from '../../core/run/run-input.ts';
import { endBackends } from '../middleware/end-backends.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { recoverLock } from '../middleware/recover-lock.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';
import { stateInForce } from '../middleware/state-in-force.ts';

/** The holder whose execution was seen ended; it counts as dead when it is seen so a second time, ten seconds later. */
const HolderSeen = z.object({ token: z.number().int(), run: z.string() });

export const AcquireLockInput = ReadingEnvelope.extend({ holderSeen: HolderSeen.nullable(), asked: Asked, recovery: Recovery.nullish() });
type Input = z.infer<typeof AcquireLockInput>;

export interface LockAnswer {
  /** Null: ask again in ten seconds. */
  readonly token: number | null;
  readonly digest: PlanDigest;
  readonly planState: PlanState;
  readonly holderSeen: z.infer<typeof HolderSeen> | null;
  /** How a recovery goes on; null in any other run, and while the holder is looked at again. */
  readonly way: RecoveryWay | null;
}

/** Makes the ledger, takes the lock, ends what a dead holder left running, and says what is in force of the plan. */
export function acquireLock(
  deps: StatePorts & { readonly executions: Executions; readonly pause: (ms: number) => Promise<void> },
): Work<Input, LockAnswer> {
  const lock = ledgerLock(deps.session);
  return async (input) => {
    const { run, now, holderSeen, recovery } = input;
    if (recovery != null) return recoverLock(deps)({ ...input, recovery });
    // Preflight comes after the lock, and says the rest; this much the ledger itself needs.
    const unfit = ledgerRefusal(await deps.session.readOnly(serverFacts));
    if (unfit !== null) {
      throw new GateRefusedError(unfit);
    }
    await installLedger(deps.session);
    const holder = await lock.holder();
    const isFree = holder.run === null || holder.run === run.id;
    if (!isFree && !(await isDead(holder, input, deps.executions))) {
      return { token: null, digest: run.digest, planState: 'fresh', holderSeen: { token: holder.token, run: holder.run ?? '' }, way: null };
    }
    const dead = holderSeen?.run ?? (isFree ? null : holder.run);
    await endBackends(lock, dead, deps.pause);
    const token = await lock.take(holder, { ...run, startedAt: run.startedAt });
    if (token === null) {
      throw new DatabaseBusyError('another run took the lock at the same time');
    }
    // What fails from here on leaves the lock taken: another visit beside this one may hold the same token. CloseRun gives it back.
    await endBackends(lock, dead, deps.pause);
    const { base, ...found } = await whatIsInForce(deps, { run: { ...run, token }, now, asked: input.asked });
    const entry = { kind: 'lock', at: now.toISOString(), token, takenOverFrom: dead, planState: found.planState, base } as const;
    await deps.journal.write(run.id, 'lock', entry);
    return { token, ...found, holderSeen: null, way: null };
  };
}

/** Dead is only what Step Functions calls ended, twice; all else keeps its lock. */
async function isDead(holder: LockHolder, { holderSeen }: Input, executions: Executions): Promise<boolean> {
  const { status, said } = await executions.statusOf(holder.executionArn ?? '');
  if (status !== 'ended') {
    throw new LockHeldError(
      `run ${holder.run} holds the lock, and its execution ${holder.executionArn} is ${said}; wait for it or stop it, then start again`,
    );
  }
  return holderSeen?.token === holder.token;
}

/** @throws {GateRefusedError} when the run may not begin with what it finds. */
async function whatIsInForce(deps: StatePorts, { run, now, asked }: Start): Promise<InForce> {
  const { inForce, phases, state } = await stateInForce(deps, run.plan);
  const base = inForce?.baseRun == null ? null : { run: inForce.baseRun, snapshotId: inForce.snapshotId };
  const refusal = await refuseByMode(deps, { run, now, asked }, { state, phases, inForce });
  if (refusal !== null) {
    throw new GateRefusedError(refusal);
  }
  if (run.mode === 'rollback' || state === 'half-undone') {
    // What was applied is undone by the plan that applied it, or by one that was asked for and differs in its undo only.
    const isCorrected = run.mode === 'rollback' && asked.isDigestGiven;
    return { planState: state, digest: isCorrected ? run.digest : (inForce?.digest ?? run.digest), base };
  }
  if (run.mode !== 'cleanup') await planLedger(deps.session).adopt(run);
  return { planState: state, digest: run.digest, base };
}

interface Start {
  readonly run: ChangingRun;
  readonly now: Date;
  readonly asked: Asked;
}

interface Found {
  readonly state: PlanState;
  readonly phases: readonly LedgerPhase[];
  readonly inForce: PlanInForce | null;
}

async function refuseByMode(deps: StatePorts, { run, now, asked }: Start, found: Found): Promise<string | null> {
  if (run.mode === 'rollback') return refuseRollback(deps, run, { ...found, asked });
  const plan = await deps.plans.read(run.digest);
  return run.mode === 'cleanup' ? refuseCleanup(plan, { run, now }, found) : refuseExecute(run, found.state, plan, found);
}

/** Until the time in which the plan may be rolled back is over, the old side stays. */
function refuseCleanup(plan: CompiledPlan, { run, now }: Pick<Start, 'run' | 'now'>, { state, inForce }: Found): string | null {
  if (state !== 'migrated' || inForce?.migratedAt == null) {
    return `plan ${run.plan} is not migrated in this database; there is nothing to clean up`;
  }
  if (inForce.digest !== run.digest) {
    return `plan ${run.plan} was migrated with digest ${inForce.digest}, not ${run.digest}; a changed plan is a different plan: clean up with the one that was executed`;
  }
  const until = new Date(new Date(inForce.migratedAt).getTime() + plan.rollbackForHours * 3_600_000);
  return now >= until
    ? null
    : `plan ${run.plan} may be rolled back for ${plan.rollbackForHours} hours, until ${until.toISOString()}, and cleanup takes the way back away; start it then`;
}

interface InForce {
  readonly planState: PlanState;
  readonly digest: PlanDigest;
  readonly base: { readonly run: string; readonly snapshotId: string | null } | null;
}

async function refuseRollback(
  deps: StatePorts,
  run: ChangingRun,
  { phases, inForce, asked }: { readonly phases: readonly LedgerPhase[]; readonly inForce: PlanInForce | null; readonly asked: Asked },
): Promise<string | null> {
  const given = await deps.plans.read(run.digest);
  if (inForce?.baseRun == null) {
    const left = await deps.session.readOnly((query) => takenNames(query, createdTables(given)));
    return left.length === 0
      ? `nothing of plan ${run.plan} is applied in this database; there is nothing to roll back`
      : `the ledger knows nothing of plan ${run.plan}, yet ${left.map(describeName).join(', ')} ${left.length === 1 ? 'is' : 'are'} there: schema stepgate was removed, this is another database, or the names are somebody else's; nothing was touched. Restore a snapshot, or take them away by the plan's undo.sql yourself`;
  }
  const noGoal = asked.to === null ? null : refuseGoal(asked.to, run.plan, phases);
  if (noGoal !== null || !asked.isDigestGiven || inForce.digest === run.digest) return noGoal;
  const otherwise = phasesRunOtherwise(given, await deps.plans.read(inForce.digest), phases);
  return otherwise.length === 0
    ? null
    : `plan ${run.plan} is in force with digest ${inForce.digest}; the given one, ${run.digest}, differs in more than the undo of ${otherwise.join(', ')}; correct only undo.sql, or roll back without a digest`;
}

function createdTables(plan: CompiledPlan): readonly ObjectName[] {
  return plan.phases.flatMap((phase) => ('creates' in phase ? phase.creates.filter(({ kind }) => kind === 'table') : []));
}

function refuseExecute(
  run: ChangingRun,
  state: PlanState,
  plan: CompiledPlan,
  found: {
    readonly phases: Parameters<typeof changedPhases>[1];
    readonly inForce: { readonly digest: PlanDigest; readonly migratedAt: string | null } | null;
  },
): string | null {
  if (state === 'migrated' && found.inForce?.digest !== run.digest) {
    return `plan ${run.plan} was migrated at ${found.inForce?.migratedAt} with digest ${found.inForce?.digest}, not ${run.digest}; a changed plan is a different plan: roll the old one back first`;
  }
  const changed = state === 'interrupted' ? changedPhases(plan, found.phases) : [];
  return changed.length === 0
    ? null
    : `plan ${run.plan} was interrupted, and phases that it has run are changed since: ${changed.join(', ')}; put them back as they were, or roll back`;
}

export const handler = stateHandler(AcquireLockInput, (environment) =>
  acquireLock({
    ...statePorts(environment),
    executions: sfnExecutions(sfnClient()),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }),
);
