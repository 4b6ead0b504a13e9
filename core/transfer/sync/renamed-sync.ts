import type { CompiledPlan, QualifiedName, Transfer } from '../../plan/compiled-plan.ts';
import type { CarriedColumn } from '../carried-columns.ts';
import { quoteName } from '../identifier.ts';
import { transfersOf } from '../transfers-of.ts';
import type { SyncCatalog } from './sync-catalog.ts';
import type { SyncFunction } from './sync-function.ts';
import { syncSql } from './sync-sql.ts';

/** A plan by the names of its tables before the renaming, as they are now, and as they are going to be; the functions keep their own names. */
export interface PlanNames {
  readonly installed: CompiledPlan;
  readonly now: CompiledPlan;
  readonly next: CompiledPlan;
}

/** What is live of a phase's transfers on one side. */
export interface LivePart {
  readonly phase: string;
  readonly side: 'source' | 'target';
  readonly carried: ReadonlyMap<string, readonly CarriedColumn[]>;
  /** By the names of now. */
  readonly catalog: SyncCatalog;
}

/** The trigger functions of a side once more, with other names of tables in them; the triggers stay on their tables and go on calling them. */
export function renamedFunctions({ installed, now, next }: PlanNames, { phase, side, carried, catalog }: LivePart): readonly SyncFunction[] {
  const transfersIn = (plan: CompiledPlan): readonly Transfer[] => transfersOf(plan.phases.filter(({ id }) => id === phase));
  const [was, is, willBe] = [installed, now, next].map(transfersIn) as [readonly Transfer[], readonly Transfer[], readonly Transfer[]];
  const first = namesBetween(willBe, was);
  const later = namesBetween(is, willBe);
  const tables = new Map([...catalog.tables].map(([name, table]) => [nameIn(later, name), table]));
  return syncSql({
    plan: next,
    phase,
    side,
    transfers: willBe,
    carried,
    catalog: { tables },
    installedAs: (table) => first.get(quoteName(table)) ?? table,
  });
}

/** Every table that live sync reads or writes, each once. */
export function tablesOf(transfers: readonly Transfer[]): readonly QualifiedName[] {
  const all = transfers.flatMap(tablesIn);
  return [...new Map(all.map((table) => [quoteName(table), table])).values()];
}

/** In the same order whatever the names are. */
export function tablesIn({ from, into, lookups }: Pick<Transfer, 'from' | 'into' | 'lookups'>): readonly QualifiedName[] {
  return [from, into, ...lookups.map(({ table }) => table)];
}

function namesBetween(one: readonly Transfer[], other: readonly Transfer[]): ReadonlyMap<string, QualifiedName> {
  const others = other.map(tablesIn);
  return new Map(
    one.flatMap((transfer, index) =>
      tablesIn(transfer).flatMap((table, place): readonly (readonly [string, QualifiedName])[] => {
        const called = others[index]?.[place];
        return called === undefined ? [] : [[quoteName(table), called]];
      }),
    ),
  );
}

function nameIn(names: ReadonlyMap<string, QualifiedName>, quoted: string): string {
  const name = names.get(quoted);
  return name === undefined ? quoted : quoteName(name);
}
