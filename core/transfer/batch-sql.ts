import type { QualifiedName, Transfer } from '../plan/compiled-plan.ts';
import { quoteIdent, quoteLiteral, quoteName } from './identifier.ts';
import { isSynced } from './is-synced.ts';
import { columnOf, keyColumns, keysEqual, keysMark, keyText, rangeMark } from './key-text.ts';
import { softDeletedSql } from './soft-delete.ts';
import { touchedSql, type UnmappedColumn, untimelySql } from './unmapped-column.ts';

/**
 * The texts that the ledger's run_batch executes.
 *
 * A mark of key-text.ts stands where it puts the range's condition, and `[[open]]` for two brackets of the plan's own; `boundary` takes the
 * number of rows as $1, `move` the run as $1.
 */
export interface BatchSql {
  readonly boundary: string;
  readonly move: string;
}

export interface CopySql extends BatchSql {
  /** What takes the place of `move` where a row came while it ran (SQLSTATE 23505); null where nobody else writes the target. */
  readonly contested: string | null;
  /** Where rows refer to some that a repair has still to bring (SQLSTATE 23503): leaves the range to a repair, too. Null where no sync lives. */
  readonly later: string | null;
  /** Null where no row may go to the quarantine; else `move` answers one row: rows mapped, quarantined, moved. */
  readonly apart: ApartSql | null;
}

/** How a range is moved that one statement could not take. */
export interface ApartSql {
  /** The range's first $1 keys, an array of texts. */
  readonly keys: string;
  /** As `move`, for keys instead of a range. */
  readonly move: string;
  /** The driving row of a key, as json. */
  readonly original: string;
}

/** Where a transfer's keys can be cut into ranges that are moved at once. */
export interface RangesSql {
  readonly table: string;
  /** As PostgreSQL writes it, as `table` is. */
  readonly into: string;
  /** The key's first column: its statistics say where to cut. */
  readonly leading: string;
  /** The first key after a value of the first column. */
  readonly first: string;
  /** As a batch's. */
  readonly boundary: string;
}

/** `undoing` names the table whose rows go, as PostgreSQL writes it; `lock` holds the range's rows until the batch commits. */
export interface UndoBatchSql extends BatchSql {
  readonly undoing: string;
  readonly lock: string;
}

/** Rows of a key range of the driving table, mapped into the target. Beside a sync, which may have been there first, what is there stays. */
export function copySql(transfer: Transfer, { plan }: { readonly plan: string }): CopySql {
  const targets = targetsOf(transfer);
  const boundary = boundarySql(transfer.from, sourcesOf(transfer));
  const isShared = isSynced(transfer);
  const later = isShared ? laterSql(transfer, plan) : null;
  if (transfer.quarantine.length === 0) {
    const move = (aside: Aside) => plainMove(transfer, { mark: rangeMark('mapped', targets), aside });
    return { boundary, move: move(isShared ? 'look' : null), contested: isShared ? move('clause') : null, later, apart: null };
  }
  const [from, sources] = [asIs(quoteName(transfer.from)), sourcesOf(transfer)];
  const move = (aside: Aside) => sortingMove(transfer, { plan, mark: rangeMark('m', targets), aside });
  return {
    boundary,
    move: move(isShared ? 'look' : null),
    contested: isShared ? move('clause') : null,
    later,
    apart: {
      keys: `select array_agg(${keyText('d', sources)} order by ${keyColumns('d', sources)}) from (
select ${keyColumns(null, sources)} from ${from} where ${rangeMark(null, sources)} order by ${keyColumns(null, sources)} limit $1) as d`,
      move: sortingMove(transfer, { plan, mark: keysMark('m', targets), aside: isShared ? 'clause' : null }),
      original: `select row_to_json(d.*) from ${from} as d where ${keysMark('d', sources)}`,
    },
  };
}

/** An entry without columns of its own: it says that the row may be missing, and takes nothing from what either side writes meanwhile. */
function laterSql(transfer: Transfer, plan: string): string {
  const [into, labels] = [asIs(quoteName(transfer.into)), [plan, transfer.id].map((label) => asIs(quoteLiteral(label))).join(', ')];
  const isThere = keysEqual({ alias: 't', columns: targetsOf(transfer) }, { alias: 'd', columns: sourcesOf(transfer) });
  return `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, sql_state)
select ${labels}, 'source', ${keyText('d', sourcesOf(transfer))}, 'update', 'failed', '{}', '23503'
from ${asIs(quoteName(transfer.from))} as d where ${rangeMark('d', sourcesOf(transfer))} and not exists (select from ${into} as t where ${isThere})`;
}

export function rangesSql(transfer: Transfer): RangesSql {
  const sources = sourcesOf(transfer);
  const [leading] = sources;
  const from = asIs(quoteName(transfer.from));
  return {
    table: quoteName(transfer.from),
    into: quoteName(transfer.into),
    leading,
    first: `select ${keyText('f', sources)} from (select ${keyColumns(null, sources)} from ${from} where ${rangeMark(null, [leading])}
order by ${keyColumns(null, sources)} limit 1) as f`,
    boundary: boundarySql(transfer.from, sources),
  };
}

/**
 * Rows of a key range of the target, deleted; those that are not the mapping's own values, or no longer the defaults beside it, go to
 * stepgate_archive.row, in the same statement. What is kept is what the deletion gave back: a row that changed meanwhile, as it then was.
 */
export function undoSql(
  transfer: Transfer,
  place: { readonly plan: string; readonly phase: string },
  unmapped: readonly UnmappedColumn[],
): UndoBatchSql {
  const targets = targetsOf(transfer);
  const into = asIs(quoteName(transfer.into));
  const isForeign = foreignSql(transfer, place, unmapped);
  const labels = [place.plan, transfer.id, `${transfer.into.schema}.${transfer.into.name}`].map((label) => asIs(quoteLiteral(label)));
  return {
    boundary: boundarySql(transfer.into, targets),
    undoing: quoteName(transfer.into),
    lock: `select from ${into} as t where ${rangeMark('t', targets)} for update`,
    move: `with mapped as (
select * from (
${asIs(transfer.select)}
) as m where ${rangeMark('m', targets)}
), gone as (
delete from ${into} as t where ${rangeMark('t', targets)} returning t.*
), archived as (
insert into stepgate_archive.row (run_id, plan, transfer, table_name, key, image)
select $1, ${labels.join(', ')}, ${keyText('t', targets)}, row_to_json(t.*)
from gone as t left join mapped on ${keysEqual({ alias: 'mapped', columns: targets }, { alias: 't', columns: targets })}
where ${isForeign}
)
select from gone`,
  };
}

/** Whether a target row `t` is anything else than what the mapping and the defaults make; a row that both sides know as deleted is nobody's loss. */
function foreignSql(transfer: Transfer, place: { readonly plan: string; readonly phase: string }, unmapped: readonly UnmappedColumn[]): string {
  const [key] = targetsOf(transfer);
  const isLive = isSynced(transfer);
  const written = (columns: readonly UnmappedColumn[]) =>
    [...touchedSql('t', columns), ...untimelySql('t', { ...place, transfer: transfer.id, isSynced: isLive }, columns)].map(asIs);
  const isForeign = [
    `${columnOf('mapped', key)} is null`,
    asIs(`${rowOf('mapped', transfer.columns)} *<> ${rowOf('t', transfer.columns)}`),
    ...written(unmapped),
  ].join(' or ');
  const deleted = isLive ? softDeletedSql('t', transfer.deletes, unmapped) : null;
  if (deleted === null || transfer.deletes.kind !== 'soft') return isForeign;
  const mark = transfer.deletes.column;
  const others = written(unmapped.filter(({ name }) => name !== mark)).join(' or ') || 'false';
  return `case when ${columnOf('mapped', key)} is null and ${asIs(deleted)} then ${others} else ${isForeign} end`;
}

/** By binary image, so that scale, case under a nondeterministic collation, and NULL all count; the cast keeps it one record (PostgreSQL, composite type comparison). */
export function rowOf(alias: string, columns: readonly string[]): string {
  return `row(${columns.map((column) => `${alias}.${quoteIdent(column)}`).join(', ')})::record`;
}

/**
 * How a batch leaves rows alone that a sync's trigger, or an earlier batch, has put into the target.
 *
 * `look` at the target's range first, which costs next to nothing, but fails where a row comes while the statement runs; or the `clause` ON
 * CONFLICT, which takes every row, and twice the time (PostgreSQL inserts each row speculatively). Never DO UPDATE: what a trigger has written is newer
 * than what the batch has read. Null where no other writes.
 */
type Aside = 'look' | 'clause' | null;

function plainMove(transfer: Transfer, { mark, aside }: { readonly mark: string; readonly aside: Aside }): string {
  const columns = columnsOf(transfer);
  return `insert into ${asIs(quoteName(transfer.into))} (${columns})
select ${columns} from (
${asIs(transfer.select)}
) as mapped where ${mark}${besideOthers(transfer, aside)}`;
}

/** Good rows to the target, bad ones to the quarantine; each condition is asked once a row. */
function sortingMove(transfer: Transfer, { plan, mark, aside }: { readonly plan: string; readonly mark: string; readonly aside: Aside }): string {
  const columns = columnsOf(transfer);
  const reasons = transfer.quarantine.map(({ condition }) => `when (${asIs(condition)}\n) then ${asIs(quoteLiteral(condition))}`);
  const labels = [plan, transfer.id].map((label) => asIs(quoteLiteral(label))).join(', ');
  const driving = keysEqual({ alias: 'd', columns: sourcesOf(transfer) }, { alias: 'mapped', columns: targetsOf(transfer) });
  return `with mapped as materialized (
select m.*, case ${reasons.join(' ')} end as stepgate_reason from (
${asIs(transfer.select)}
) as m where ${mark}
), bad as (
insert into stepgate.quarantine (plan, transfer, key, reason, original)
select ${labels}, ${keyText('mapped', targetsOf(transfer))}, stepgate_reason, row_to_json(d.*)
from mapped join ${asIs(quoteName(transfer.from))} as d on ${driving} where stepgate_reason is not null
on conflict (plan, transfer, key) do nothing
), moved as (
insert into ${asIs(quoteName(transfer.into))} (${columns})
select ${columns} from mapped where stepgate_reason is null${besideOthers(transfer, aside)}
returning 1
)
select count(*) as mapped, count(stepgate_reason) as quarantined, (select count(*) from moved) as moved from mapped`;
}

/** IS NOT TRUE keeps the look a look: as an anti-join the planner, which knows little of a table that is being filled, may read all of it for each batch. */
function besideOthers(transfer: Transfer, aside: Aside): string {
  const targets = targetsOf(transfer);
  if (aside === null) return '';
  if (aside === 'clause') return `\non conflict (${keyColumns(null, targets)}) do nothing`;
  const isSame = keysEqual({ alias: 'there', columns: targets }, { alias: 'mapped', columns: targets });
  return ` and (exists (
select from ${asIs(quoteName(transfer.into))} as there where ${isSame} and ${rangeMark('there', targets)})) is not true`;
}

/**
 * The last key of the next rows, or of what is left, in the key's own order and not its text's.
 *
 * OFFSET counts index entries; the cast stands outside it, and nothing is sorted. No max(), which uuid has not before PostgreSQL 18.
 */
function boundarySql(table: QualifiedName, key: readonly string[]): string {
  const columns = keyColumns(null, key);
  const rows = `select ${columns} from ${asIs(quoteName(table))} where ${rangeMark(null, key)} order by ${columns}`;
  const backwards = key.map((column) => `${columnOf(null, column)} desc`).join(', ');
  return `select coalesce((select ${keyText('nth', key)} from (${rows} offset $1 - 1 limit 1) as nth),
(select ${keyText('last', key)} from (select ${columns} from ${asIs(quoteName(table))} where ${rangeMark(null, key)} order by ${backwards} limit 1) as last))`;
}

type Columns = readonly [string, ...string[]];

function targetsOf({ keys: [first, ...others] }: Transfer): Columns {
  return [first.target, ...others.map(({ target }) => target)];
}

function sourcesOf({ keys: [first, ...others] }: Transfer): Columns {
  return [first.source, ...others.map(({ source }) => source)];
}

function columnsOf(transfer: Transfer): string {
  return asIs(transfer.columns.map(quoteIdent).join(', '));
}

/** Text of the plan, in which nothing is a range. */
function asIs(text: string): string {
  return text.replaceAll('[[', '[[open]]');
}
