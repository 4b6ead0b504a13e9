import type { CompiledPlan, ObjectName, Phase } from '../plan/compiled-plan.ts';
import { quoteName } from './identifier.ts';

/** A table that the plan made, or columns that it added to another one, as the ledger's functions take it; no columns mean the table. */
export interface Made {
  /** Quoted, with its schema. */
  readonly name: string;
  readonly columns: readonly string[];
}

/** What the whole plan makes. */
export function madeBy(plan: CompiledPlan): readonly Made[] {
  return madeOf(plan.phases.flatMap(createsOf), plan);
}

/**
 * What the undo of one phase may take away: what the phase made, and, where its undo writes rows, what any phase made.
 *
 * Targets of transfers are emptied by batches of their own, so only the phase that made one looks for what is left in it.
 */
export function takenAwayBy(phase: Phase, plan: CompiledPlan): readonly Made[] {
  const own = madeOf(createsOf(phase), plan);
  if (!('undoWritesRows' in phase) || !phase.undoWritesRows) return own;
  const targets = plan.phases.flatMap((one) => (one.kind === 'transfer' ? one.transfers.map(({ into }) => quoteName(into)) : []));
  const others = madeBy(plan).filter((made) => !targets.includes(made.name) && !own.some(({ name }) => name === made.name));
  return [...own, ...others];
}

/** Whose references hold the undo of these phases back: tables whose rows go with it, and what is the plan's own; quoted names. */
export function undoneTables(
  phases: readonly Phase[],
  plan: CompiledPlan,
): { readonly going: readonly string[]; readonly inside: readonly string[]; readonly views: readonly string[] } {
  const targetsOf = (all: readonly Phase[]) =>
    all.flatMap((one) => (one.kind === 'transfer' ? one.transfers.map(({ into }) => quoteName(into)) : []));
  const dropped = phases.filter((phase) => phase.undo !== null).flatMap((phase) => tablesOf(createsOf(phase)));
  const creates = plan.phases.flatMap(createsOf);
  return {
    going: [...new Set([...dropped, ...targetsOf(phases)])],
    inside: [...new Set([...tablesOf(creates), ...targetsOf(plan.phases)])],
    views: creates.filter((one) => one.kind === 'view').map(quoteName),
  };
}

/** Whether the plan makes this table. */
export function isMade(plan: CompiledPlan, table: { readonly schema: string; readonly name: string }): boolean {
  return tablesOf(plan.phases.flatMap(createsOf)).includes(quoteName(table));
}

function createsOf(phase: Phase): readonly ObjectName[] {
  return 'creates' in phase ? phase.creates : [];
}

function madeOf(creates: readonly ObjectName[], plan: CompiledPlan): readonly Made[] {
  const everywhere = tablesOf(plan.phases.flatMap(createsOf));
  const columns = new Map<string, string[]>();
  for (const one of creates) {
    if (one.kind !== 'column') continue;
    const table = quoteName({ schema: one.schema, name: one.table });
    if (!everywhere.includes(table)) columns.set(table, [...(columns.get(table) ?? []), one.name]);
  }
  return [...tablesOf(creates).map((name) => ({ name, columns: [] })), ...[...columns].map(([name, added]) => ({ name, columns: added }))];
}

function tablesOf(creates: readonly ObjectName[]): readonly string[] {
  return creates.filter((one) => one.kind === 'table').map(quoteName);
}
