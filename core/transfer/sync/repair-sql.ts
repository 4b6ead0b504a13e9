import type { QualifiedName, Transfer } from '../../plan/compiled-plan.ts';
import type { CarriedColumn } from '../carried-columns.ts';
import { quoteIdent, quoteLiteral, quoteName } from '../identifier.ts';
import { keysMark, keyText } from '../key-text.ts';
import { softDeletedSql } from '../soft-delete.ts';
import { decideSql } from './decide-sql.ts';
import { spreadLookup } from './lookup-note.ts';
import { columnIn } from './sync-catalog.ts';
import type { SyncTransfer } from './sync-transfer.ts';

/**
 * The texts that the ledger's repair_part executes for some pending keys, in this order; each is a statement with a snapshot of its own,
 * so that it sees what the rows were when they were locked.
 *
 * Parameters: $1 plan, $2 transfer, $3 keys (text[]), $4 what `decide` gave (jsonb), $5 keys of the locked target rows, $6 of the locked
 * driving rows, $7 the columns of an update (jsonb). `[[keys …]]` stands for the condition on the keys, `[[set]]` for an update's assignments.
 */
export interface RepairSql {
  /** Journal entries without a key, which mean the whole table or the rows of a lookup, as one for each key. */
  readonly spread: readonly string[];
  /**
   * Gives rows whose key was changed on the other side, where they could not follow at once, their new key, so that they keep what is their
   * own; $1 plan, $2 transfer, `[[keys …]]` for the old keys and the new ones. Null where nothing goes that way.
   */
  readonly moveTarget: string;
  readonly moveSource: string | null;
  readonly lockTarget: string;
  readonly lockSource: string;
  /** One jsonb array: a decision for each key whose rows are locked. */
  readonly decide: string;
  readonly conflicts: string;
  readonly quarantine: string;
  /** What the plan writes into the target. */
  readonly forward: readonly string[];
  readonly forwardUpdate: string;
  /** Assignments by target column. */
  readonly forwardSet: Readonly<Record<string, readonly string[]>>;
  /** What is carried back into the driving table. */
  readonly backward: readonly string[];
  readonly backwardUpdate: string;
  /** Assignments by target column; the same one under each column that an inverse reads. */
  readonly backwardSet: Readonly<Record<string, readonly string[]>>;
}

/** What of a sync its repair needs. */
export type Repaired = Pick<SyncTransfer, 'transfer' | 'carried' | 'catalog'>;

/** How a transfer's keys are derived again where the sync's triggers left them in the journal. */
export function repairSql(sync: Repaired): RepairSql {
  const { transfer } = sync;
  const beside = sync.carried.filter(({ source }) => !transfer.keys.some((key) => key.source === source));
  const own = ownColumns(sync);
  const carried = sync.carried.filter((one) => beside.includes(one) || one.columns.every((column) => own.includes(column)));
  const parts = { transfer, mapped: mappedSql(transfer), own, carried };
  return {
    spread: [spreadSql(transfer), ...transfer.lookups.map((lookup) => spreadLookup(sync, lookup))].map(filled),
    moveTarget: filled(moveSql(transfer, 'source')),
    moveSource: transfer.sync === 'both' && transfer.isCovering ? filled(moveSql(transfer, 'target')) : null,
    lockTarget: filled(
      `select ${keyOf('t', transfer, 'target')} from ${quoteName(transfer.into)} as t where ${marked('t', transfer, 'target')} for no key update`,
    ),
    lockSource: filled(
      `select ${keyOf('d', transfer, 'source')} from ${quoteName(transfer.from)} as d where ${marked('d', transfer, 'source')} for no key update`,
    ),
    decide: filled(decideSql({ ...parts, driving: drivingSql(transfer), target: targetSql(sync) })),
    conflicts: filled(conflictSql(sync)),
    quarantine: filled(quarantineSql(transfer)),
    forward: [goneSql(sync), ...revivedSql(sync), missingSql(transfer)].map(filled),
    forwardUpdate: filled(`update ${quoteName(transfer.into)} as t set \0set]]
from jsonb_to_recordset($4) as d (key text, forward jsonb), ${mappedSql(transfer)} as m
where d.forward = $7 and m.stepgate_key = d.key and ${keyOf('t', transfer, 'target')} = d.key and ${marked('t', transfer, 'target')}`),
    forwardSet: Object.fromEntries(parts.own.map((column) => [column, [filled(`${quoteIdent(column)} = m.${quoteIdent(column)}`)]])),
    backward: transfer.sync !== 'both' ? [] : [takenSql(transfer), givenSql(transfer, beside)].map(filled),
    backwardUpdate: filled(`update ${quoteName(transfer.from)} as s set \0set]]
from jsonb_to_recordset($4) as d (key text, backward jsonb), ${carriedSql(transfer, carried)} as b
where d.backward = $7 and b.stepgate_key = d.key and ${keyOf('s', transfer, 'source')} = d.key and ${marked('s', transfer, 'source')}`),
    backwardSet: Object.fromEntries(
      parts.own.map((column) => [
        column,
        carried.flatMap(({ source, columns }, index) => (columns.includes(column) ? [filled(`${quoteIdent(source)} = b.stepgate_${index}`)] : [])),
      ]),
    ),
  };
}

/** `side` is where the key was changed: there the row has the new one already. */
function moveSql(transfer: Transfer, side: 'source' | 'target'): string {
  const [there, here] = side === 'source' ? [transfer.from, transfer.into] : [transfer.into, transfer.from];
  const other = side === 'source' ? 'target' : 'source';
  const set = transfer.keys.map((pair) => `${quoteIdent(pair[other])} = d.${quoteIdent(pair[side])}`).join(', ');
  const isThere = (table: QualifiedName, at: 'source' | 'target', key: string): string =>
    `exists (select from ${quoteName(table)} as x where ${keyOf('x', transfer, at)} = ${key} and ${marked('x', transfer, at)})`;
  return `update ${quoteName(here)} as r set ${set} from stepgate.sync_journal as j, ${quoteName(there)} as d
where j.plan = $1 and j.transfer = $2 and j.side = '${side}' and j.moved_from is not null and j.reason <> 'not-carried'
  and ${keyOf('d', transfer, side)} = j.key and ${marked('d', transfer, side)} and ${keyOf('r', transfer, other)} = j.moved_from and ${marked('r', transfer, other)}
  and not ${isThere(there, side, 'j.moved_from')} and not ${isThere(here, other, 'j.key')}`;
}

/** What the mapping makes of the keys' driving rows, but for those that belong in the quarantine. */
function mappedSql(transfer: Transfer): string {
  const isSound = transfer.quarantine.map(({ condition }) => ` and (${condition}\n) is not true`).join('');
  return `(select ${keyOf('m', transfer, 'target')} as stepgate_key, m.* from (
${transfer.select}
) as m where ${marked('m', transfer, 'target')}${isSound})`;
}

function drivingSql(transfer: Transfer): string {
  return `(select ${keyOf('d', transfer, 'source')} as stepgate_key from ${quoteName(transfer.from)} as d where ${marked('d', transfer, 'source')})`;
}

/** A row that is marked as deleted is there and counts as absent. */
function targetSql(sync: Repaired): string {
  const { transfer } = sync;
  const isMarked = markedSql(sync) ?? 'false';
  return `(select ${keyOf('t', transfer, 'target')} as stepgate_key, ${isMarked} as stepgate_marked, t.* from ${quoteName(transfer.into)} as t where ${marked('t', transfer, 'target')})`;
}

/** The values to carry back, in a scope in which only the target's columns have names, as an inverse expects. */
function carriedSql(transfer: Transfer, carried: readonly CarriedColumn[]): string {
  const values = carried.map(({ expression }, index) => `, (${expression}\n) as stepgate_${index}`).join('');
  const keys = transfer.keys.map(({ target }, index) => `, t.${quoteIdent(target)} as stepgate_key_${index}`).join('');
  return `(select ${keyOf('t', transfer, 'target')} as stepgate_key${keys}${values} from ${quoteName(transfer.into)} as t where ${marked('t', transfer, 'target')})`;
}

function goneSql(sync: Repaired): string {
  const { transfer } = sync;
  const into = quoteName(transfer.into);
  const which = `d.action = 'delete-target' and ${keyOf('t', transfer, 'target')} = d.key and ${marked('t', transfer, 'target')}`;
  const actions = 'jsonb_to_recordset($4) as d (key text, action text)';
  const isMarked = markedSql(sync);
  return isMarked === null
    ? `delete from ${into} as t using ${actions} where ${which}`
    : `update ${into} as t set ${markSql(sync, true)} from ${actions} where ${which} and not ${isMarked}`;
}

/** A row that was marked as deleted and is in the mapping again. */
function revivedSql(sync: Repaired): readonly string[] {
  const { transfer } = sync;
  if (transfer.deletes.kind === 'hard') return [];
  const set = [...ownColumns(sync).map((column) => `${quoteIdent(column)} = m.${quoteIdent(column)}`), markSql(sync, false)];
  return [
    `update ${quoteName(transfer.into)} as t set ${set.join(', ')}
from jsonb_to_recordset($4) as d (key text, action text), ${mappedSql(transfer)} as m
where d.action = 'revive-target' and m.stepgate_key = d.key and ${keyOf('t', transfer, 'target')} = d.key and ${marked('t', transfer, 'target')}`,
  ];
}

/** Without a conflict clause: a row that somebody made meanwhile leaves its key to the next round. */
function missingSql(transfer: Transfer): string {
  const columns = transfer.columns.map(quoteIdent);
  return `insert into ${quoteName(transfer.into)} (${columns.join(', ')})
select ${columns.map((column) => `m.${column}`).join(', ')} from ${mappedSql(transfer)} as m
join jsonb_to_recordset($4) as d (key text, action text) on d.key = m.stepgate_key and d.action = 'insert-target'`;
}

function takenSql(transfer: Transfer): string {
  return `delete from ${quoteName(transfer.from)} as s using jsonb_to_recordset($4) as d (key text, action text)
where d.action = 'delete-source' and ${keyOf('s', transfer, 'source')} = d.key and ${marked('s', transfer, 'source')}`;
}

function givenSql(transfer: Transfer, carried: readonly CarriedColumn[]): string {
  const columns = [...transfer.keys.map(({ source }) => source), ...carried.map(({ source }) => source)].map(quoteIdent);
  const values = [...transfer.keys.map((_, index) => `b.stepgate_key_${index}`), ...carried.map((_, index) => `b.stepgate_${index}`)];
  return `insert into ${quoteName(transfer.from)} (${columns.join(', ')}) overriding system value select ${values.join(', ')}
from ${carriedSql(transfer, carried)} as b join jsonb_to_recordset($4) as d (key text, action text) on d.key = b.stepgate_key and d.action = 'insert-source'`;
}

/** Both values of each column that both sides changed, before either is overwritten. */
function conflictSql(sync: Repaired): string {
  const { transfer } = sync;
  const value = (alias: string): string =>
    `case c.column_name ${ownColumns(sync)
      .map((column) => `when ${quoteLiteral(column)} then to_json(${alias}.${quoteIdent(column)})`)
      .join(' ')} end`;
  return ownColumns(sync).length === 0
    ? 'select'
    : `insert into stepgate.conflict (plan, transfer, key, column_name, source_value, target_value, kept)
select $1, $2, d.key, c.column_name, ${value('m')}, ${value('t')}, c.kept
from jsonb_to_recordset($4) as d (key text, conflicts jsonb) cross join jsonb_to_recordset(d.conflicts) as c (column_name text, kept text)
left join ${mappedSql(transfer)} as m on m.stepgate_key = d.key left join ${targetSql(sync)} as t on t.stepgate_key = d.key`;
}

/** Rows that a rule keeps out of the target, with their originals; a row that no rule keeps out any more leaves the quarantine. */
function quarantineSql(transfer: Transfer): string {
  const clear = 'delete from stepgate.quarantine q where q.plan = $1 and q.transfer = $2 and q.key = any ($3)';
  if (transfer.quarantine.length === 0) return clear;
  const reason = transfer.quarantine.map(({ condition }) => `when (${condition}\n) then ${quoteLiteral(condition.trim())}`).join(' ');
  return `with refused as (
select f.* from (select ${keyOf('m', transfer, 'target')} as stepgate_key, case ${reason} end as stepgate_reason from (
${transfer.select}
) as m where ${marked('m', transfer, 'target')}) as f where f.stepgate_reason is not null
), kept as (
insert into stepgate.quarantine as q (plan, transfer, key, reason, original)
select $1, $2, r.stepgate_key, r.stepgate_reason, row_to_json(d.*)
from refused r join ${quoteName(transfer.from)} as d on ${keyOf('d', transfer, 'source')} = r.stepgate_key where ${marked('d', transfer, 'source')}
on conflict (plan, transfer, key) do update set reason = excluded.reason, original = excluded.original, at = clock_timestamp()
)
${clear} and not exists (select from refused r where r.stepgate_key = q.key)`;
}

/** They keep the time of the entry without a key. */
function spreadSql(transfer: Transfer): string {
  const mapped = `(select ${keyOf('m', transfer, 'target')} as key from (
${transfer.select}
) as m)`;
  const target = `(select ${keyOf('t', transfer, 'target')} as key from ${quoteName(transfer.into)} as t)`;
  return `with whole as (
delete from stepgate.sync_journal j where j.plan = $1 and j.transfer = $2 and j.key is null and j.lookup is null and j.reason <> 'not-carried'
  and (j.op = 'truncate' or j.seen_xid <= pg_snapshot_xmin(pg_current_snapshot())) returning j.*
)
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, is_spread, at)
select w.plan, w.transfer, w.side, k.key, w.op, w.reason, w.columns, true, w.at
from whole w cross join (select coalesce(m.key, t.key) as key from ${mapped} as m full join ${target} as t on m.key = t.key) as k`;
}

/** Whether the target row `t` is marked as deleted; null where rows are deleted. */
function markedSql({ transfer: { deletes, into }, catalog }: Repaired): string | null {
  return deletes.kind === 'hard'
    ? null
    : softDeletedSql('t', deletes, [{ name: deletes.column, type: columnIn(catalog, into, deletes.column).type }]);
}

function markSql({ transfer: { deletes, into }, catalog }: Repaired, isDeleted: boolean): string {
  if (deletes.kind === 'hard') return '';
  const isBoolean = columnIn(catalog, into, deletes.column).type === 'boolean';
  return `${quoteIdent(deletes.column)} = ${isBoolean ? String(isDeleted) : isDeleted ? 'clock_timestamp()' : 'null'}`;
}

/** The columns that are no key, and the key's where values that are equal may be different bytes. */
function ownColumns({ transfer, catalog }: Repaired): readonly string[] {
  const isKey = (column: string) => transfer.keys.some(({ target }) => target === column);
  return transfer.columns.filter((column) => !isKey(column) || !columnIn(catalog, transfer.into, column).isBinaryEqual);
}

function keyOf(alias: string, transfer: Transfer, side: 'source' | 'target'): string {
  return keyText(
    alias,
    transfer.keys.map((pair) => pair[side]),
  );
}

/** The mark begins with a character that no SQL text can hold, until the plan's own brackets are out of its way. */
function marked(alias: string, transfer: Transfer, side: 'source' | 'target'): string {
  const mark = keysMark(
    alias,
    transfer.keys.map((pair) => pair[side]),
  );
  return mark.replace('[[', '\0');
}

function filled(text: string): string {
  return text.replaceAll('[[', '[[open]]').replaceAll('\0', '[[');
}
