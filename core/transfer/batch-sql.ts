import type { Transfer } from '../plan/compiled-plan.ts';
import { quoteIdent, quoteLiteral, quoteName } from './identifier.ts';

/**
 * The two texts that the ledger's run_batch executes.
 *
 * `[[range KEY]]` stands where it puts the range's condition on KEY; `boundary` takes the number of rows as $1, `move` the run as $1.
 */
export interface BatchSql {
  readonly boundary: string;
  readonly move: string;
}

/** Rows of a key range of the driving table, mapped into the target. */
export function copySql(transfer: Transfer): BatchSql {
  const columns = transfer.columns.map(quoteIdent).join(', ');
  return {
    boundary: boundarySql(quoteName(transfer.from), quoteIdent(transfer.key.source)),
    move: `insert into ${quoteName(transfer.into)} (${columns})
select ${columns} from (
${transfer.select}
) as mapped where [[range mapped.${quoteIdent(transfer.key.target)}]]`,
  };
}

/**
 * Rows of a key range of the target, deleted; those that are not the mapping's own values go to stepgate_archive.row first, in the same statement.
 */
export function undoSql(transfer: Transfer, plan: string): BatchSql {
  const key = quoteIdent(transfer.key.target);
  const into = quoteName(transfer.into);
  return {
    boundary: boundarySql(into, key),
    move: `with mapped as (
select * from (
${transfer.select}
) as m where [[range m.${key}]]
), archived as (
insert into stepgate_archive.row (run_id, plan, transfer, table_name, key, image)
select $1, ${quoteLiteral(plan)}, ${quoteLiteral(transfer.id)}, ${quoteLiteral(`${transfer.into.schema}.${transfer.into.name}`)}, t.${key}::text, to_jsonb(t)
from ${into} as t left join mapped on mapped.${key} = t.${key}
where [[range t.${key}]] and (mapped.${key} is null or ${rowOf('mapped', transfer)} *<> ${rowOf('t', transfer)})
)
delete from ${into} as t where [[range t.${key}]]`,
  };
}

/** By binary image, so that scale, case under a nondeterministic collation, and NULL all count; the cast keeps it one record (PostgreSQL, composite type comparison). */
export function rowOf(alias: string, transfer: Transfer): string {
  return `row(${transfer.columns.map((column) => `${alias}.${quoteIdent(column)}`).join(', ')})::record`;
}

/** The last key of the next rows; no max(), which uuid has not before PostgreSQL 18. */
function boundarySql(table: string, key: string): string {
  return `select k::text from (select ${key} as k from ${table} where [[range ${key}]] order by ${key} limit $1) as batch order by k desc limit 1`;
}
