import type { Executions } from '../../adapters/executions.ts';
import { installLedger } from '../../adapters/ledger-install.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { type LockHolder, ledgerLock } from '../../adapters/run-lock.ts';
import { syncLedger } from '../../adapters/sync-ledger.ts';
import { DatabaseBusyError, LockHeldError } from '../../core/errors.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import type { ReadingEnvelope } from '../../core/run/envelope.ts';
import type { LedgerPhase } from '../../core/run/next-step.ts';
import { type DeadRun, type Recovery, type RecoveryWay, recoveryWay } from '../../core/run/recovery.ts';
import type { Asked } from '../../core/run/run-input.ts';
import { isSynced } from '../../core/transfer/is-synced.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import type { LockAnswer } from '../start/acquire-lock.ts';
import { endBackends } from './end-backends.ts';
import type { StatePorts } from './ports.ts';
import type { Work } from './state-handler.ts';
import { stateInForce } from './state-in-force.ts';

type Input = ReadingEnvelope & { readonly recovery: Recovery; readonly asked: Asked; readonly holderSeen: LockAnswer['holderSeen'] };

/**
 * Takes a dead run's lock over for the execution that recovers it, ends what the dead one left at work, and says how the run is settled.
 *
 * The run stays itself: the recovery works under its id, with a token of its own. A run that never took the lock gets one all the same, so
 * that a function of the dead execution that is still at work cannot take it afterwards.
 *
 * @throws {LockHeldError} when nobody can say that the holder has ended; DatabaseBusyError when another took the lock at the same time.
 */
export function recoverLock(
  deps: StatePorts & { readonly executions: Executions; readonly pause: (ms: number) => Promise<void> },
): Work<Input, LockAnswer> {
  const lock = ledgerLock(deps.session);
  return async (input) => {
    const { run, recovery } = input;
    await installLedger(deps.session);
    const holder = await lock.holder();
    const without = { token: null, digest: run.digest, planState: 'fresh', holderSeen: null } as const;
    const left = await whoElseHasIt(deps, holder, input);
    if (left !== null) {
      await tellLeft(deps, input, left.sentence);
      return { ...without, way: left };
    }
    const isFirstLook = holder.run === run.id && holder.executionArn !== run.executionArn && input.holderSeen?.token !== holder.token;
    if (isFirstLook) return { ...without, holderSeen: { token: holder.token, run: run.id }, way: null };
    await endBackends(lock, run.id, deps.pause);
    const token = await lock.take(holder, run);
    if (token === null) throw new DatabaseBusyError('another run took the lock at the same time');
    await endBackends(lock, run.id, deps.pause);
    const { dead, digest, planState: found } = await whatDied(deps, input);
    return { token, digest, planState: found, holderSeen: null, way: recoveryWay(dead, recovery) };
  };
}

/** Null: the lock is free, or the dead run's. */
async function whoElseHasIt(deps: Parameters<typeof recoverLock>[0], holder: LockHolder, { run, recovery }: Input): Promise<RecoveryWay | null> {
  const own = await ledgerLock(deps.session).tokenOf(run.id);
  const isTakenOver = own !== null && holder.token > own.token && holder.run !== run.id;
  if (isTakenOver) return leave(`run ${holder.run ?? own.successor} has taken run ${run.id} over`);
  // It never held the lock, so it holds nothing; and the lock is another's.
  if (holder.run !== null && holder.run !== run.id) {
    return { to: 'close', outcome: recovery.recorded?.outcome ?? 'refused', failure: recovery.failure, stage: 'gates', sentence: '' };
  }
  if (holder.run === null || holder.executionArn === run.executionArn) return null;
  const { status, said } = await deps.executions.statusOf(holder.executionArn ?? '');
  if (status === 'ended') return null;
  if (status === 'running') return leave(`run ${run.id} is being run by ${holder.executionArn}`);
  throw new LockHeldError(`run ${run.id} holds the lock, and its execution ${holder.executionArn} is ${said}; nobody can say that it has ended`);
}

function leave(sentence: string): RecoveryWay {
  return { to: 'leave', outcome: 'refused', failure: null, stage: 'gates', sentence };
}

/** The journal says why nothing more comes of the run. */
async function tellLeft(deps: Pick<StatePorts, 'journal'>, { run, now, recovery }: Input, because: string): Promise<void> {
  if (because === '') return;
  const { name, number } = recovery;
  const entry = { kind: 'recovery', at: now.toISOString(), status: 'left', number, by: name, executionArn: run.executionArn, because } as const;
  await deps.journal.write(run.id, `recovery-${number}`, entry);
}

/** What was applied is undone by the plan that applied it. */
async function whatDied(deps: StatePorts, { run, asked }: Input): Promise<Pick<LockAnswer, 'digest' | 'planState'> & { readonly dead: DeadRun }> {
  const [{ inForce, plan: planOf, phases, state }, undoStage] = await Promise.all([
    stateInForce(deps, run.plan),
    planLedger(deps.session).undoStage(run.id),
  ]);
  const plan = planOf ?? (await deps.plans.read(run.digest));
  const mode: DeadRun['mode'] = run.mode === 'rollback' || run.mode === 'cleanup' ? run.mode : 'execute';
  const isOwn = inForce?.migratedRun === run.id;
  const dead = {
    mode,
    isCompleted: isOwn || (state === 'migrated' && inForce?.digest === run.digest),
    hasChanged: state === 'interrupted' || state === 'half-undone',
    undoStage,
    cleanup: mode === 'cleanup' ? await whatIsLeft(deps, { run, plan }, phases) : { hasBegun: false, left: [] },
  };
  const isOwnPlan = mode === 'cleanup' || (mode === 'rollback' && asked.isDigestGiven) || inForce === null;
  return { dead, digest: isOwnPlan ? run.digest : inForce.digest, planState: isOwn ? 'fresh' : state };
}

async function whatIsLeft(
  deps: StatePorts,
  { run, plan }: { readonly run: Input['run']; readonly plan: CompiledPlan },
  phases: readonly LedgerPhase[],
): Promise<DeadRun['cleanup']> {
  const live = await syncLedger(deps.session).live(run.plan);
  const own = plan.phases.filter(({ when }) => when === 'cleanup');
  const begun = new Set(phases.map(({ phase }) => phase));
  const applied = new Set(phases.filter(({ isApplied }) => isApplied).map(({ phase }) => phase));
  const isSyncEnding = transfersOf(plan.phases).some(isSynced) && (live.length === 0 || live.some(({ isSilenced }) => isSilenced));
  const left = own.filter(({ id }) => !applied.has(id)).map(({ id }) => `phase ${id}`);
  return { hasBegun: isSyncEnding || own.some(({ id }) => begun.has(id)), left: live.length === 0 ? left : ['the end of live sync', ...left] };
}
