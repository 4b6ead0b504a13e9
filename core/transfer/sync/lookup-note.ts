import { quoteIdent, quoteLiteral, quoteName } from '../identifier.ts';
import { keyText } from '../key-text.ts';
import { mappedSql, withOutput } from './mapped-rows.ts';
import { labelsSql, type SyncTransfer } from './sync-transfer.ts';

type Lookup = SyncTransfer['transfer']['lookups'][number];

/** Beyond that many changed rows of a lookup all rows of the target are looked at. */
const NOTED_ROWS = 1_000;

/**
 * Notes the changed rows of a lookup, because the trigger cannot see who else reads them: a transaction that writes a driving row meanwhile
 * still maps it with the lookup as it was, neither sees the other, and no lock of theirs meets. A repair looks again when both have ended.
 */
export function lookupNote(sync: SyncTransfer, lookup: Lookup, { before, after }: { readonly before: string; readonly after: string }): string {
  const number = sync.transfer.lookups.indexOf(lookup) + 1;
  const row = lookupRow(sync, lookup);
  const rows = (relation: string) => `(select json_agg(${row}::text) as rows, count(*) as number from ${relation} as r)`;
  const reason = `case when v_state[${sync.place}] is null then 'isolation' else 'failed' end`;
  const isMany = `b.number + a.number > ${NOTED_ROWS}`;
  return `begin
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state, lookup, old, new)
select ${labelsSql(sync)}, null, 'update', ${reason}, v_state[${sync.place}], case when not ${isMany} then ${number} end, case when not ${isMany} then b.rows end,
  case when not ${isMany} then a.rows end
from ${rows(before)} as b, ${rows(after)} as a where b.rows::text is distinct from a.rows::text;
exception when others then
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state) values (${labelsSql(sync)}, null, 'update', ${reason}, sqlstate);
end;`;
}

/**
 * A row `r` in the order of the table's columns, which a partition may have otherwise; as a record, whose text gives back what json would not, as
 * the NUL of a document.
 */
function lookupRow({ catalog }: SyncTransfer, { table }: Lookup): string {
  const columns = [...(catalog.tables.get(quoteName(table))?.columns.keys() ?? [])];
  return `row(${columns.length === 0 ? 'r.*' : columns.map((column) => `r.${quoteIdent(column)}`).join(', ')})`;
}

/** Takes such notes, when all have ended who may have read the lookup as it was, and journals the keys that it maps and that differ. */
export function spreadLookup({ transfer, carried }: Pick<SyncTransfer, 'transfer' | 'carried'>, lookup: Lookup): string {
  const number = transfer.lookups.indexOf(lookup) + 1;
  const keys = transfer.keys.map(({ target }) => `m.${quoteIdent(target)}`).join(', ');
  const noted = (rows: string) => `(select (y.noted).* from whole as w cross join json_array_elements_text(w.${rows}) as x (line)
  cross join lateral (select x.line::${quoteName(lookup.table)} as noted offset 0) as y)`;
  const joined = (relation: string) =>
    `select ${keys} from (\n${withOutput(`${lookup.before}${relation}${lookup.after}`, `${lookup.probe} as stepgate_probe`)}\n) as m where m.stepgate_probe is not null`;
  const names = transfer.keys.map(({ target }) => target);
  const [first = ''] = names;
  const goesBack = (column: string) => names.includes(column) || carried.some(({ columns }) => columns.includes(column));
  const looked = transfer.columns.filter((column) => !goesBack(column)).map(quoteLiteral);
  const isKey = (alias: string) => names.map((name) => `${alias}.${quoteIdent(name)} = k.${quoteIdent(name)}`).join(' and ');
  const row = (alias: string) => `row(${transfer.columns.map((column) => `${alias}.${quoteIdent(column)}`).join(', ')})::record`;
  return `with whole as (
delete from stepgate.sync_journal as j where j.plan = $1 and j.transfer = $2 and j.key is null and j.lookup = ${number} and j.reason <> 'not-carried'
  and j.seen_xid <= pg_snapshot_xmin(pg_current_snapshot()) returning j.*
), k as materialized (
${joined(noted('old'))}
union
${joined(noted('new'))}
)
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, is_spread, at)
select $1, $2, 'source', ${keyText('k', names)}, 'update', 'isolation', array[${looked.join(', ')}]::text[], true, (select min(w.at) from whole as w)
from k left join (\n${mappedSql(transfer, transfer.driving, quoteName(transfer.from))}\n) as m on ${isKey('m')}
left join ${quoteName(transfer.into)} as t on ${isKey('t')}
where m.${quoteIdent(first)} is null or t.${quoteIdent(first)} is null or ${row('m')} *<> ${row('t')}`;
}
