import type { CompiledPlan, Transfer, TransferPhase } from '../core/plan/compiled-plan.ts';
import { candidates } from '../core/transfer/carried-columns.ts';
import { quoteName } from '../core/transfer/identifier.ts';
import { isSynced } from '../core/transfer/is-synced.ts';
import { type PlanNames, renamedFunctions } from '../core/transfer/sync/renamed-sync.ts';
import { repairSql } from '../core/transfer/sync/repair-sql.ts';
import { NO_CATALOG } from '../core/transfer/sync/sync-catalog.ts';
import type { SyncFunction } from '../core/transfer/sync/sync-function.ts';
import { syncSql } from '../core/transfer/sync/sync-sql.ts';
import { at, RANGE, type SqlText, withKeys } from './plan-sql-text.ts';

type Side = 'source' | 'target';

/** The trigger functions and triggers of one side of a phase's transfers, as they are when every candidate comes back. */
export function syncTexts(plan: CompiledPlan, phase: TransferPhase, side: Side): readonly SqlText[] {
  return functionsOf(plan, phase, side).flatMap((one) => {
    const place = placeOf(one, phase.transfers);
    return [
      { what: `sync: function ${one.name}`, at: place, sql: one.create },
      ...one.triggers.map(({ table, name, create }) => ({ what: `sync: trigger ${name} on ${quoteName(table)}`, at: place, sql: create })),
    ];
  });
}

/** The trigger functions once more, by the names that tables have after a cutover, or after its undo. */
export function renamedSyncTexts(names: PlanNames): readonly SqlText[] {
  const synced = (phase: TransferPhase) => phase.transfers.some(isSynced);
  return names.next.phases.flatMap((phase) =>
    phase.kind !== 'transfer' || !synced(phase)
      ? []
      : (['source', 'target'] as const)
          .flatMap((side) => renamedFunctions(names, { phase: phase.id, side, carried: carriedIn(phase), catalog: NO_CATALOG }))
          .map((one) => ({ what: `sync: function ${one.name}`, at: placeOf(one, phase.transfers), sql: one.create })),
  );
}

/** What takes both sides' triggers and functions away. */
export function syncEndTexts(plan: CompiledPlan, phase: TransferPhase): readonly SqlText[] {
  const functions = (['target', 'source'] as const).flatMap((side) => functionsOf(plan, phase, side));
  return functions.flatMap((one) =>
    [...one.triggers, one].map(({ name, drop }) => ({ what: `sync: no ${name} any more`, at: placeOf(one, phase.transfers), sql: drop })),
  );
}

function functionsOf(plan: CompiledPlan, phase: TransferPhase, side: Side): readonly SyncFunction[] {
  return syncSql({ plan, phase: phase.id, side, transfers: phase.transfers, carried: carriedIn(phase), catalog: NO_CATALOG });
}

function carriedIn({ transfers }: TransferPhase): ReadonlyMap<string, ReturnType<typeof candidates>> {
  return new Map(transfers.map((transfer) => [transfer.id, candidates(transfer)]));
}

/** The first transfer that the function is for: it reads or fills the triggers' table. */
function placeOf({ triggers }: SyncFunction, transfers: readonly Transfer[]): string {
  const names = triggers.map(({ table }) => quoteName(table));
  const tables = ({ from, into, lookups }: Transfer) => [from, into, ...lookups.map(({ table }) => table)].map(quoteName);
  const first = transfers.find((transfer) => isSynced(transfer) && tables(transfer).some((table) => names.includes(table)));
  return first === undefined ? '' : at(first);
}

/** How the keys that the journal names are derived again. */
export function repairTexts(transfer: Transfer): readonly SqlText[] {
  const sql = repairSql({ transfer, carried: candidates(transfer), catalog: NO_CATALOG });
  const set = (assignments: Readonly<Record<string, readonly string[]>>): string => [...new Set(Object.values(assignments).flat())].join(', ');
  const updates = [
    { step: 'columns that the old side decides', text: sql.forwardUpdate, assignments: set(sql.forwardSet) },
    { step: 'columns that the new side decides', text: sql.backwardUpdate, assignments: transfer.sync === 'both' ? set(sql.backwardSet) : '' },
  ];
  const texts = [
    ...sql.spread.map((text) => ({ step: 'entries without a key, as one for each key', text })),
    { step: "the target's rows are held", text: sql.lockTarget },
    { step: "the driving table's rows are held", text: sql.lockSource },
    { step: 'what becomes of each key', text: sql.decide },
    { step: 'both values of a conflict', text: sql.conflicts },
    { step: 'the quarantine', text: sql.quarantine },
    ...sql.forward.map((text) => ({ step: 'rows of the target', text })),
    ...sql.backward.map((text) => ({ step: 'rows of the driving table', text })),
    ...updates
      .filter(({ assignments }) => assignments !== '')
      .map(({ step, text, assignments }) => ({ step, text: text.replaceAll('[[set]]', () => assignments) })),
  ];
  return texts.map(({ step, text }) => ({ what: `repair ${transfer.id}: ${step}`, at: at(transfer), sql: withKeys(text, RANGE) }));
}
