import type { CompiledPlan, Phase, Transfer, TransferPhase } from '../plan/compiled-plan.ts';
import { isSynced } from '../transfer/is-synced.ts';
import { transfersOf } from '../transfer/transfers-of.ts';

/** A phase's row in the ledger. */
export interface LedgerPhase {
  readonly phase: string;
  readonly ordinal: number;
  readonly digest: string;
  /** Applied, or only begun. */
  readonly isApplied: boolean;
  /** An undo of it has begun and has not ended. */
  readonly isUndoing: boolean;
}

/**
 * What is done next, and for which phase.
 *
 * `fence`: applications are kept out first. `sync`: triggers carry changes forward before the first row is copied. `catch-up`: what a live
 * copy left to be derived again. `way-back`: triggers that carry changes back, before the application may write to the new side.
 * `end-sync`: cleanup ends what kept the old side current.
 */
export type NextStep =
  | { readonly kind: Phase['kind'] | 'fence' | 'sync' | 'catch-up' | 'way-back' | 'end-sync'; readonly phase: string }
  | { readonly kind: 'done'; readonly phase: null };

/** Where live sync stands: a transfer and the side whose changes are carried to the other. */
export interface LiveSide {
  readonly transfer: string;
  readonly side: 'source' | 'target';
  /** Every transaction that is older than its triggers has ended. */
  readonly isSettled: boolean;
  /** Its triggers do nothing any more, and are about to go. */
  readonly isSilenced: boolean;
}

/** What the ledger knows beside its phases. */
export interface Underway {
  readonly live: readonly LiveSide[];
  /** Transfers whose last batch is done. */
  readonly copied: readonly string[];
  readonly isFenced: boolean;
}

/** The first phase of the plan that the ledger does not call applied, or what has to come before it. */
export function nextStep(plan: CompiledPlan, ledger: readonly LedgerPhase[], underway: Underway, when: Phase['when'] = 'run'): NextStep {
  const applied = new Set(ledger.filter((row) => row.isApplied).map((row) => row.phase));
  const [firstLive] = underway.live;
  if (when === 'cleanup' && firstLive !== undefined) {
    return { kind: 'end-sync', phase: phaseOfTransfer(plan, firstLive.transfer) };
  }
  const next = plan.phases.find((phase) => phase.when === when && !applied.has(phase.id));
  if (next === undefined) {
    return { kind: 'done', phase: null };
  }
  // From its first phase on, also where a person has lifted it meanwhile.
  if (!underway.isFenced && plan.phases.slice(0, plan.phases.indexOf(next) + 1).some((phase) => phase.when === when && phase.fence)) {
    return { kind: 'fence', phase: next.id };
  }
  if (next.cutover !== null && !isLive(carriedBack(plan), 'target', underway.live)) {
    return { kind: 'way-back', phase: next.id };
  }
  return { kind: next.kind === 'transfer' ? transferStep(next, underway) : next.kind, phase: next.id };
}

function transferStep({ transfers }: TransferPhase, { live, copied }: Underway): 'sync' | 'transfer' | 'catch-up' {
  const synced = transfers.filter(isSynced);
  if (!isLive(synced, 'source', live)) {
    return 'sync';
  }
  return synced.length > 0 && transfers.every(({ id }) => copied.includes(id)) ? 'catch-up' : 'transfer';
}

function isLive(transfers: readonly Transfer[], side: LiveSide['side'], live: readonly LiveSide[]): boolean {
  return transfers.every(({ id }) => live.some((one) => one.transfer === id && one.side === side && one.isSettled));
}

/** Transfers that carry changes of the new side back. */
function carriedBack({ phases }: CompiledPlan): readonly Transfer[] {
  return transfersOf(phases).filter(({ sync }) => sync === 'both');
}

function phaseOfTransfer({ phases }: CompiledPlan, transfer: string): string {
  return phases.find((phase) => phase.kind === 'transfer' && phase.transfers.some(({ id }) => id === transfer))?.id ?? transfer;
}

/** `interrupted` goes on where it stopped; `half-undone` has to be undone to the end first. */
export type PlanState = 'fresh' | 'interrupted' | 'half-undone' | 'migrated';

/** What a run finds of its plan in the ledger. A completed plan that misses a phase was being rolled back when its run died. */
export function planState(
  ledger: readonly LedgerPhase[],
  inForce: { readonly isMigrated: boolean; readonly isChanged: boolean; readonly phases: number },
): PlanState {
  // Everything is undone, and nobody has proven it.
  if (ledger.length === 0 && inForce.isChanged) {
    return 'half-undone';
  }
  // Cleanup adds its own phases to those of the run.
  const isWhole = ledger.filter((row) => row.isApplied).length >= inForce.phases;
  if (ledger.some((row) => row.isUndoing) || (inForce.isMigrated && !isWhole)) {
    return 'half-undone';
  }
  return inForce.isMigrated ? 'migrated' : ledger.length > 0 ? 'interrupted' : 'fresh';
}

/** What a corrected undo may not change: what was done, and what it made. */
function forwardOf(phase: Phase | undefined): string {
  const { undo, digest, because, undoNeeded, ...forward } = phase ?? {};
  return JSON.stringify(forward, (key, value: unknown) => (['undoWritesRows', 'undoKind'].includes(key) ? undefined : value));
}

/** Begun phases that another version of the plan would not have run so; their undo may differ. */
export function phasesRunOtherwise(given: CompiledPlan, inForce: CompiledPlan, ledger: readonly LedgerPhase[]): readonly string[] {
  return ledger.filter(({ ordinal }) => forwardOf(given.phases[ordinal - 1]) !== forwardOf(inForce.phases[ordinal - 1])).map(({ phase }) => phase);
}

/** Phases still to come that are not those of the plan by which the begun ones ran: other, new, or gone. */
export function changedLaterPhases(plan: CompiledPlan, former: CompiledPlan, ledger: readonly LedgerPhase[]): readonly string[] {
  const last = Math.max(0, ...ledger.map(({ ordinal }) => ordinal));
  const later = (one: CompiledPlan) => one.phases.filter(({ ordinal }) => ordinal > last);
  const known = new Map(later(former).map(({ id, digest }) => [id, digest]));
  const changed = later(plan).filter(({ id, digest }) => known.get(id) !== digest);
  const gone = later(former).filter(({ id }) => !plan.phases.some((phase) => phase.id === id));
  return [...changed.map(({ id }) => id), ...gone.map(({ id }) => `${id}, which is gone`)];
}

/** Finished phases that the plan at hand no longer holds as they were run. */
export function changedPhases(plan: CompiledPlan, ledger: readonly LedgerPhase[]): readonly string[] {
  return ledger
    .filter((row) => plan.phases[row.ordinal - 1]?.id !== row.phase || plan.phases[row.ordinal - 1]?.digest !== row.digest)
    .map((row) => row.phase);
}
