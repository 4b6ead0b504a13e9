import type { CompiledPlan, QualifiedName, Transfer } from '../../plan/compiled-plan.ts';
import type { CarriedColumn } from '../carried-columns.ts';
import { quoteIdent, quoteName } from '../identifier.ts';
import { isSynced } from '../is-synced.ts';
import { backwardDelete, backwardInsert, backwardTruncate, backwardUpdate } from './backward-sql.ts';
import { changedLookup, changedRows, changeSection, deleteSection, insertSection, type Section, truncateSection } from './forward-sql.ts';
import { lookupNote } from './lookup-note.ts';
import { backwardRekey, forwardRekey } from './rekey-sql.ts';
import { type SyncCatalog, withPartitions } from './sync-catalog.ts';
import { type Firing, type FunctionParts, type SyncFunction, syncFunction } from './sync-function.ts';
import type { SyncPart } from './sync-names.ts';
import type { SyncTransfer } from './sync-transfer.ts';

/** What a phase's sync is made from; `carried` gives what of each transfer, by its id, goes back. */
export interface SyncInput {
  readonly plan: Pick<CompiledPlan, 'id'>;
  readonly phase: string;
  readonly side: 'source' | 'target';
  readonly transfers: readonly Transfer[];
  readonly carried: ReadonlyMap<string, readonly CarriedColumn[]>;
  readonly catalog: SyncCatalog;
  /** What a table was called when the functions were named after it; left out where it is called so now. */
  readonly installedAs?: (table: QualifiedName) => QualifiedName;
}

/** The trigger functions of one side of a phase's transfers, and their triggers: one function for each table read and each event. */
export function syncSql(input: SyncInput): readonly SyncFunction[] {
  const part: SyncPart = { plan: input.plan.id, phase: input.phase, side: input.side };
  const common = { part, installedAs: input.installedAs ?? ((table: QualifiedName) => table) };
  const synced = input.transfers.filter((transfer) => isSynced(transfer) && (input.side === 'source' || transfer.sync === 'both'));
  const syncs = synced.map((transfer): Unplaced => ({ transfer, part, carried: input.carried.get(transfer.id) ?? [], catalog: input.catalog }));
  if (input.side === 'target') {
    return tablesOf(syncs.map(({ transfer }) => transfer.into)).flatMap((table) =>
      tableFunctions({ ...common, table, events: BACKWARD, syncs: syncs.filter(({ transfer }) => isSame(transfer.into, table)) }, input.catalog),
    );
  }
  const driving = tablesOf(syncs.map(({ transfer }) => transfer.from)).flatMap((table) =>
    tableFunctions({ ...common, table, events: FORWARD, syncs: syncs.filter(({ transfer }) => isSame(transfer.from, table)) }, input.catalog),
  );
  const lookups = tablesOf(syncs.flatMap(({ transfer }) => transfer.lookups.map(({ table }) => table))).flatMap((table) =>
    tableFunctions(
      { ...common, table, events: LOOKUP, syncs: syncs.filter(({ transfer }) => transfer.lookups.some((lookup) => isSame(lookup.table, table))) },
      input.catalog,
    ),
  );
  return [...driving, ...lookups];
}

type Unplaced = Omit<SyncTransfer, 'place'>;

interface Event extends Pick<Firing, 'event' | 'timing'> {
  /** A row trigger of a partitioned table stands on its partitions by itself. */
  readonly isForRows: boolean;
  readonly byKey: boolean;
  readonly sections: (syncs: readonly Unplaced[], table: QualifiedName) => readonly Section[];
}

interface TableEvents {
  readonly part: SyncPart;
  readonly table: QualifiedName;
  readonly installedAs: (table: QualifiedName) => QualifiedName;
  readonly events: readonly Event[];
  readonly syncs: readonly Unplaced[];
}

function tableFunctions({ part, table, installedAs, events, syncs }: TableEvents, catalog: SyncCatalog): readonly SyncFunction[] {
  const places = withPartitions(catalog, table);
  return events.map((event) => {
    const isKey = event.event === 'key';
    const parts: FunctionParts = {
      part,
      named: installedAs(table),
      places: event.isForRows ? [table] : places,
      firing: {
        event: event.event,
        timing: isKey && places.length > 1 ? BEFORE_MOVE : event.timing,
        when: isKey ? keyChanges(syncs, part.side) : null,
      },
      sections: event.sections(syncs, table),
      byKey: event.byKey,
    };
    return syncFunction(parts);
  });
}

/** A row that moves to another partition is deleted and inserted: no trigger after it knows that it is one row (PostgreSQL, overview of trigger behavior). */
const BEFORE_MOVE = 'before update … for each row';

function each(make: (sync: SyncTransfer) => Section): Event['sections'] {
  return (syncs) => placed(syncs).map(make);
}

function placed(syncs: readonly Unplaced[]): readonly SyncTransfer[] {
  return syncs.map((sync, index) => ({ ...sync, place: index + 1 }));
}

const OLD = 'referencing old table as stepgate_old for each statement';
const NEW = 'referencing new table as stepgate_new for each statement';
const BOTH = 'referencing old table as stepgate_old new table as stepgate_new for each statement';
const STATEMENT = { isForRows: false, byKey: true };
const ROW = { isForRows: true, byKey: true };

const FORWARD: readonly Event[] = [
  { ...STATEMENT, event: 'insert', timing: `after insert … ${NEW}`, sections: each(insertSection) },
  { ...STATEMENT, event: 'update', timing: `after update … ${BOTH}`, sections: each((sync) => changeSection(sync, changedRows(sync))) },
  { ...STATEMENT, event: 'delete', timing: `after delete … ${OLD}`, sections: each(deleteSection) },
  {
    ...STATEMENT,
    byKey: false,
    event: 'truncate',
    timing: 'before truncate … for each statement',
    sections: each((sync) => truncateSection(sync, quoteName(sync.transfer.from))),
  },
  { ...ROW, event: 'key', timing: 'after update … for each row', sections: (syncs) => forwardRekey(placed(syncs)) },
];

const BACKWARD: readonly Event[] = [
  { ...STATEMENT, event: 'insert', timing: `after insert … ${NEW}`, sections: each(backwardInsert) },
  { ...STATEMENT, event: 'update', timing: `after update … ${BOTH}`, sections: each(backwardUpdate) },
  { ...STATEMENT, event: 'delete', timing: `after delete … ${OLD}`, sections: each(backwardDelete) },
  { ...STATEMENT, byKey: false, event: 'truncate', timing: 'before truncate … for each statement', sections: each(backwardTruncate) },
  { ...ROW, event: 'key', timing: 'after update … for each row', sections: each(backwardRekey) },
];

/**
 * A lookup's row that goes is looked at before it goes, while the driving rows still refer to it: a SET NULL would hide which they were.
 * With each change the driving rows that join the changed rows are mapped twice, with the lookup as it was and as it is.
 */
const LOOKUP: readonly Event[] = [
  lookupEvent('insert', `after insert … ${NEW}`, { after: () => 'stepgate_new' }),
  lookupEvent('update', `after update … ${BOTH}`, { before: () => 'stepgate_old', after: () => 'stepgate_new' }),
  { ...lookupEvent('delete', 'before delete … for each row', { before: () => '(select old.*)' }), isForRows: true },
  lookupEvent('truncate', 'before truncate … for each statement', { before: quoteName }),
];

function lookupEvent(
  event: string,
  timing: string,
  relations: { readonly before?: (table: QualifiedName) => string; readonly after?: (table: QualifiedName) => string },
): Event {
  const none = (table: QualifiedName) => `(select * from ${quoteName(table)} where false)`;
  const { before = none, after = none } = relations;
  return {
    ...STATEMENT,
    byKey: false,
    event: `lookup_${event}`,
    timing,
    sections: (syncs, table) =>
      syncs
        .flatMap((sync) => sync.transfer.lookups.filter((lookup) => isSame(lookup.table, table)).map((lookup) => ({ sync, lookup })))
        .map(({ sync: unplaced, lookup }, index) => {
          const sync = { ...unplaced, place: index + 1 };
          const change = { before: before(table), after: after(table) };
          // TRUNCATE waits for everybody who reads the table.
          const note = event === 'truncate' ? null : lookupNote(sync, lookup, change);
          return withNote(changeSection(sync, changedLookup(sync, lookup, change)), note);
        }),
  };
}

/**
 * The note tells a repair all that entries for each key would, and a lookup's row may have many: what fails is taken back with what it noted,
 * and noted once more.
 */
function withNote(section: Section, note: string | null): Section {
  if (note === null) return section;
  return { ...section, write: `${section.write}\n${note}`, journal: `if v_state[${section.sync.place}] is not null then\n${note}\nend if;` };
}

/** Of any of the transfers' keys. */
function keyChanges(syncs: readonly Unplaced[], side: 'source' | 'target'): string {
  const columns = new Set(syncs.flatMap(({ transfer }) => transfer.keys.map((pair) => quoteIdent(pair[side]))));
  return [...columns].map((column) => `old.${column} is distinct from new.${column}`).join(' or ');
}

function tablesOf(tables: readonly QualifiedName[]): readonly QualifiedName[] {
  return [...new Map(tables.map((table) => [quoteName(table), table])).values()];
}

function isSame(one: QualifiedName, other: QualifiedName): boolean {
  return quoteName(one) === quoteName(other);
}
