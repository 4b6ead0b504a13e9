import type { Lookup, QualifiedName, Transfer } from '../plan/compiled-plan.ts';
import type { CarriedColumn } from './carried-columns.ts';
import { quoteName } from './identifier.ts';
import { type BeforeTrigger, columnsWritten } from './trigger-writes.ts';

/** What the catalog says of a table that live sync reads or writes. */
export interface SyncTable {
  readonly table: QualifiedName;
  /** PostgreSQL's letter: r is a table, p a partitioned one. */
  readonly kind: string;
  readonly isUnlogged: boolean;
  /** Tables that inherit from it and are no partitions. */
  readonly children: readonly string[];
  readonly columns: readonly SyncColumn[];
  /** Columns of each valid unique index that covers all rows. */
  readonly uniques: readonly (readonly string[])[];
  /** Columns that are the first of a valid index. */
  readonly leading: readonly string[];
  /** Tables of which a deletion here takes rows along. */
  readonly cascades: readonly QualifiedName[];
  readonly triggers: readonly BeforeTrigger[];
}

export interface SyncColumn {
  readonly name: string;
  readonly isNotNull: boolean;
  /** The server gives a value where none is written: a default, an identity, an expression. */
  readonly hasDefault: boolean;
}

/** What stands against a live sync, or is worth a word before there is one. */
export interface Obstacle {
  readonly status: 'fail' | 'warn' | 'info';
  readonly found: string;
  readonly advice: string;
}

/** Everything about a transfer that live sync has to do with; null is a table that is not there yet, or a classification that nobody made. */
export interface Surroundings {
  readonly from: SyncTable | null;
  readonly into: SyncTable | null;
  readonly lookups: readonly { readonly lookup: Lookup; readonly table: SyncTable | null }[];
  readonly carried: readonly CarriedColumn[];
  /** Targets of all transfers of the plan. */
  readonly targets: readonly QualifiedName[];
}

/** Why a transfer cannot be kept live, each with the way out. */
export function syncObstacles(transfer: Transfer, around: Surroundings): readonly Obstacle[] {
  const tables = [around.from, around.into, ...around.lookups.map(({ table }) => table)].filter((table) => table !== null);
  return [
    ...tables.flatMap(kindObstacles),
    ...around.lookups.flatMap(({ lookup, table }) => lookupObstacles(transfer, { lookup, table, from: around.from })),
    ...triggerObstacles(transfer, around),
    ...cascadeObstacles(transfer, around),
    ...missingColumns(transfer, around),
  ];
}

const NO_SYNC = 'use "sync: none"';

function kindObstacles({ table, kind, isUnlogged, children }: SyncTable): readonly Obstacle[] {
  const name = nameOf(table);
  const fail = (found: string, advice: string): Obstacle => ({ status: 'fail', found, advice });
  return [
    ...(kind === 'r' || kind === 'p' ? [] : [fail(`${name} is no table, and triggers see no rows of it`, `name the table behind it, or ${NO_SYNC}`)]),
    ...(isUnlogged
      ? [fail(`${name} is UNLOGGED: a crash empties it, and no trigger sees that`, `alter table ${name} set logged, or ${NO_SYNC}`)]
      : []),
    ...(children.length === 0
      ? []
      : [
          fail(
            `${name} has ${children.join(', ')} inherit from it, whose rows the triggers of ${name} do not see`,
            `make them partitions, or ${NO_SYNC}`,
          ),
        ]),
  ];
}

function lookupObstacles(
  transfer: Transfer,
  { lookup, table, from }: { readonly lookup: Lookup; readonly table: SyncTable | null; readonly from: SyncTable | null },
): readonly Obstacle[] {
  if (table === null) return [];
  const name = nameOf(lookup.table);
  const isKey = table.uniques.some((unique) => unique.every((column) => lookup.on.includes(column)));
  const not: Obstacle = {
    status: 'fail',
    found: `${name} (${lookup.on.join(', ')}) has no unique index, so a row may find several of its rows: it is no lookup by key`,
    advice: `give these columns a unique index, or ${NO_SYNC}`,
  };
  const joined = joinedColumn(transfer, lookup);
  const isFound = from === null || joined === null || from.leading.includes(joined);
  const slow: Obstacle = {
    status: 'warn',
    found: `${nameOf(transfer.from)}.${joined} has no index: each change of ${name} reads the whole of ${nameOf(transfer.from)} inside the application's transaction`,
    advice: `create index concurrently on ${nameOf(transfer.from)} (${joined}), unless ${name} never changes while the sync lives`,
  };
  return [...(isKey ? [] : [not]), ...(isFound ? [] : [slow])];
}

/** The driving table's column that a lookup is joined by, where the text says it plainly. */
function joinedColumn({ from, driving, select }: Transfer, { probe }: Lookup): string | null {
  const alias = /^\s*(?:as\s+)?("(?:[^"]|"")+"|\w+)/i.exec(driving.after)?.[1] ?? from.name;
  const own = probe
    .split('.')
    .map((part) => `"?${escaped(part.replace(/^"|"$/g, ''))}"?`)
    .join(String.raw`\s*\.\s*`);
  const other = String.raw`"?${escaped(alias.replace(/^"|"$/g, ''))}"?\s*\.\s*("(?:[^"]|"")+"|\w+)`;
  const [, first, second] = new RegExp(`(?:${own}\\s*=\\s*${other})|(?:${other}\\s*=\\s*${own})`, 'i').exec(select) ?? [];
  const found = first ?? second;
  return found === undefined ? null : found.replace(/^"|"$/g, '');
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** A value that the application's own trigger writes over is another one on that side, and would come back as that. */
function triggerObstacles(transfer: Transfer, { from, into, carried }: Surroundings): readonly Obstacle[] {
  const sources = carried.map(({ source }) => source);
  const columns = transfer.sync === 'both' ? carried.flatMap((one) => one.columns) : transfer.columns;
  return [
    ...(from !== null && transfer.sync === 'both'
      ? from.triggers.flatMap((one) => triggerObstacle(transfer, { table: from.table, trigger: one, columns: sources }))
      : []),
    ...(into === null ? [] : into.triggers.flatMap((one) => triggerObstacle(transfer, { table: into.table, trigger: one, columns }))),
  ];
}

function triggerObstacle(
  { sync }: Transfer,
  { table, trigger, columns }: { readonly table: QualifiedName; readonly trigger: BeforeTrigger; readonly columns: readonly string[] },
): readonly Obstacle[] {
  const written = columnsWritten(trigger);
  const named = `trigger ${trigger.name} of ${nameOf(table)} (function ${trigger.function})`;
  const hit = written?.filter((column) => columns.includes(column)) ?? [];
  if (written !== null && hit.length === 0) return [];
  const found =
    written === null
      ? `${named} runs before each write, and what it writes cannot be read from its text (${trigger.language})`
      : `${named} writes ${hit.join(', ')}, so the two sides would not be equal, or would change each other again`;
  const advice = `let the application write these columns itself and drop the trigger, or leave them out of the SELECT, or use "sync: ${sync === 'both' ? 'forward' : 'none'}"`;
  return [{ status: sync === 'both' ? 'fail' : 'warn', found, advice }];
}

/** Rows that no transfer knows would go with a row that the sync deletes. */
function cascadeObstacles({ deletes, into: target }: Transfer, { into, targets }: Surroundings): readonly Obstacle[] {
  if (into === null || deletes.kind === 'soft') return [];
  const own = new Set(targets.map(quoteName));
  return into.cascades
    .filter((table) => !own.has(quoteName(table)))
    .map((table) => ({
      status: 'fail',
      found: `a deletion in ${nameOf(target)} takes rows of ${nameOf(table)} along, which no transfer fills`,
      advice: 'use "deletes: soft COLUMN", or give that foreign key another ON DELETE than CASCADE',
    }));
}

/** Without a value for each of them a row that is new on the new side stays there. */
function missingColumns({ sync, isCovering, from: source }: Transfer, { from, carried }: Surroundings): readonly Obstacle[] {
  if (from === null || sync !== 'both' || !isCovering) return [];
  const missing = from.columns.filter(({ name, isNotNull, hasDefault }) => isNotNull && !hasDefault && !carried.some((one) => one.source === name));
  if (missing.length === 0) return [];
  const names = missing.map(({ name }) => name).join(', ');
  return [
    {
      status: 'info',
      found: `${nameOf(source)} needs ${names}, which nothing carries back: rows that are new on the new side stay there alone`,
      advice: 'give these columns a default, or a plain output column; a rollback archives such rows',
    },
  ];
}

function nameOf({ schema, name }: QualifiedName): string {
  return `${schema}.${name}`;
}
