import type { Transfer } from '../plan/compiled-plan.ts';
import { quoteIdent, quoteLiteral, quoteName } from './identifier.ts';
import { touchedSql, type UnmappedColumn, untimelySql } from './unmapped-column.ts';

/**
 * The two texts that the ledger's run_batch executes.
 *
 * `[[range KEY]]` stands where it puts the range's condition on KEY, `[[open]]` for two brackets of the plan's own; `boundary` takes the
 * number of rows as $1, `move` the run as $1.
 */
export interface BatchSql {
  readonly boundary: string;
  readonly move: string;
}

/** `undoing` names the table whose rows go, as PostgreSQL writes it; `lock` holds the range's rows until the batch commits. */
export interface UndoBatchSql extends BatchSql {
  readonly undoing: string;
  readonly lock: string;
}

/** Rows of a key range of the driving table, mapped into the target. */
export function copySql(transfer: Transfer): BatchSql {
  const columns = asIs(transfer.columns.map(quoteIdent).join(', '));
  return {
    boundary: boundarySql(transfer.from, transfer.key.source),
    move: `insert into ${asIs(quoteName(transfer.into))} (${columns})
select ${columns} from (
${asIs(transfer.select)}
) as mapped where [[range mapped.${asIs(quoteIdent(transfer.key.target))}]]`,
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
  const key = asIs(quoteIdent(transfer.key.target));
  const into = asIs(quoteName(transfer.into));
  const isForeign = [
    `mapped.${key} is null`,
    asIs(`${rowOf('mapped', transfer)} *<> ${rowOf('t', transfer)}`),
    ...touchedSql('t', unmapped).map(asIs),
    ...untimelySql('t', { ...place, transfer: transfer.id }, unmapped).map(asIs),
  ].join(' or ');
  const labels = [place.plan, transfer.id, `${transfer.into.schema}.${transfer.into.name}`].map((label) => asIs(quoteLiteral(label)));
  return {
    boundary: boundarySql(transfer.into, transfer.key.target),
    undoing: quoteName(transfer.into),
    lock: `select from ${into} as t where [[range t.${key}]] for update`,
    move: `with mapped as (
select * from (
${asIs(transfer.select)}
) as m where [[range m.${key}]]
), gone as (
delete from ${into} as t where [[range t.${key}]] returning t.*
), archived as (
insert into stepgate_archive.row (run_id, plan, transfer, table_name, key, image)
select $1, ${labels.join(', ')}, t.${key}::text, row_to_json(t.*)
from gone as t left join mapped on mapped.${key} = t.${key}
where ${isForeign}
)
select from gone`,
  };
}

/** By binary image, so that scale, case under a nondeterministic collation, and NULL all count; the cast keeps it one record (PostgreSQL, composite type comparison). */
export function rowOf(alias: string, transfer: Transfer): string {
  return `row(${transfer.columns.map((column) => `${alias}.${quoteIdent(column)}`).join(', ')})::record`;
}

/**
 * The last key of the next rows, or of what is left, in the key's own order and not its text's.
 *
 * OFFSET counts index entries; the cast stands outside it, and nothing is sorted. No max(), which uuid has not before PostgreSQL 18.
 */
function boundarySql(table: Transfer['from'], column: string): string {
  const key = asIs(quoteIdent(column));
  const rows = `select ${key} as k from ${asIs(quoteName(table))} where [[range ${key}]] order by ${key}`;
  return `select coalesce((select nth.k::text from (${rows} offset $1 - 1 limit 1) as nth),
(select last.k::text from (${rows} desc limit 1) as last))`;
}

/** Text of the plan, in which nothing is a range. */
function asIs(text: string): string {
  return text.replaceAll('[[', '[[open]]');
}
