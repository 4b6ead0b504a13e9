import { quoteIdent, quoteName } from '../identifier.ts';
import { carriedBack } from './backward-sql.ts';
import type { Section } from './forward-sql.ts';
import { mappedSql } from './mapped-rows.ts';
import {
  andLive,
  anyDiffersSql,
  carriedColumnNames,
  differingNamesSql,
  differsSql,
  guarded,
  intoName,
  keyOf,
  keysMatch,
  labelsSql,
  type SyncTransfer,
} from './sync-transfer.ts';

/**
 * A row of the old side gets another key: its target rows keep what is their own.
 *
 * All of them in one statement, after which references among them are looked at.
 */
export function forwardRekey(syncs: readonly SyncTransfer[]): readonly Section[] {
  const updates = syncs.map((sync) => `rekeyed_${sync.place} as (\n  ${rekeySql(sync)}\n)`);
  const entries = syncs.map((sync) => `${moveEntries(sync, 'source', { reason: "'removed'", state: 'null' })} where not v_echo[${sync.place}]`);
  const write = `with ${updates.join(', ')}
insert into stepgate.sync_journal (${ENTRY})
${entries.join(' union all\n')};`;
  return syncs.map((sync, index) => ({
    sync,
    write: index === 0 ? guarded(syncs, write) : `v_reason[${sync.place}] := v_reason[1];\nv_state[${sync.place}] := v_state[1];`,
    remove: null,
    journal: failedMove(sync, 'source', changedOnSource(sync)),
  }));
}

function rekeySql(sync: SyncTransfer): string {
  const { transfer, place } = sync;
  const [o, n] = ['old', 'new'].map((row) => mappedSql(transfer, transfer.driving, `(select ${row}.*)`));
  const others = transfer.columns.filter((column) => !transfer.keys.some(({ target }) => target === column));
  const set = [
    ...transfer.keys.map(({ target }) => `${quoteIdent(target)} = n.${quoteIdent(target)}`),
    ...others.map((column) => {
      const name = quoteIdent(column);
      return `${name} = case when ${differsSql(sync, column, 'o', 'n')} then n.${name} else t.${name} end`;
    }),
  ];
  return `update ${intoName(sync)} as t set
    ${set.join(',\n    ')}
  from (\n${o}\n) as o, (\n${n}\n) as n where not v_echo[${place}] and ${keysMatch(sync, 't', 'o', 'target')}${andLive(sync, 't')}`;
}

/** A row of the new side gets another key: its source row keeps what only it has. */
export function backwardRekey(sync: SyncTransfer): Section {
  const { transfer, place } = sync;
  const carried = carriedColumnNames(sync);
  const others = transfer.columns.filter((column) => !carried.has(column));
  const differ = anyDiffersSql(others, 'old', 'new');
  const set = [
    ...transfer.keys.map(({ source, target }) => `${quoteIdent(source)} = new.${quoteIdent(target)}`),
    ...carriedBack(sync, { before: 'old', after: 'new' }),
  ];
  const write = `update ${quoteName(transfer.from)} as s set
  ${set.join(',\n  ')}
where ${keysMatch(sync, 'old', 's', 'source')};
insert into stepgate.sync_journal (${ENTRY})
${moveEntries(sync, 'target', { reason: "'removed'", state: 'null' })};${
    differ === null
      ? ''
      : `
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
select ${labelsSql(sync)}, ${keyOf(sync, 'new', 'target')}, 'update', 'not-carried', ${differingNamesSql(sync, others, 'old', 'new')} where ${differ};`
  }`;
  const journal = failedMove(sync, 'target', `select ${differingNamesSql(sync, transfer.columns, 'old', 'new')}`);
  return { sync, write: `if not v_echo[${place}] then\n${guarded([sync], write)}\nend if;`, remove: null, journal };
}

const ENTRY = 'plan, transfer, side, key, op, reason, sql_state, moved_from';

/** Of both keys, by what was done to each, and tied to one another: what waits for a repair under the old key goes along with the row. */
function moveEntries(sync: SyncTransfer, side: 'source' | 'target', { reason, state }: { readonly reason: string; readonly state: string }): string {
  const [before, after] = [keyOf(sync, 'old', side), keyOf(sync, 'new', side)];
  return `select ${labelsSql(sync)}, k.key, k.op, ${reason}, ${state}, k.moved_from
from (values (${before}, 'delete', null), (${after}, 'insert', ${before})) as k (key, op, moved_from)`;
}

/** What failed was taken back with its entries; `changed` gives the names of the columns that were changed with the key, or null. */
function failedMove(sync: SyncTransfer, side: 'source' | 'target', changed: string): string {
  const { place } = sync;
  const [reason, state] = [`v_reason[${place}]`, `v_state[${place}]`];
  const update = (columns: string) => `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state, columns)
select ${labelsSql(sync)}, ${keyOf(sync, 'new', side)}, 'update', ${reason}, ${state}, ${columns}`;
  return `if ${state} is not null then
insert into stepgate.sync_journal (${ENTRY})
${moveEntries(sync, side, { reason, state })};
begin
${update('c.names')} from (${changed}) as c (names) where cardinality(c.names) > 0;
exception when others then
${update('null')};
end;
end if;`;
}

function changedOnSource(sync: SyncTransfer): string {
  const { transfer } = sync;
  const [o, n] = ['old', 'new'].map((row) => mappedSql(transfer, transfer.driving, `(select ${row}.*)`));
  return `select ${differingNamesSql(sync, transfer.columns, 'o', 'n')} from (\n${o}\n) as o, (\n${n}\n) as n`;
}
