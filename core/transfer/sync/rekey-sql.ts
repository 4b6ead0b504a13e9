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
  const entries = syncs.flatMap((sync) =>
    Object.entries(MOVES).map(
      ([row, op]) => `select ${labelsSql(sync)}, ${keyOf(sync, row, 'source')}, '${op}', 'removed' where not v_echo[${sync.place}]`,
    ),
  );
  const write = `with ${updates.join(', ')}
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason)
${entries.join(' union all\n')};`;
  return syncs.map((sync, index) => ({
    sync,
    write: index === 0 ? guarded(syncs, write) : `v_reason[${sync.place}] := v_reason[1];\nv_state[${sync.place}] := v_state[1];`,
    remove: null,
    journal: bothKeys(sync, 'source', sync.place),
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
where ${keysMatch(sync, 'old', 's', 'source')};${
    differ === null
      ? ''
      : `
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
select ${labelsSql(sync)}, ${keyOf(sync, 'new', 'target')}, 'update', 'not-carried', ${differingNamesSql(sync, others, 'old', 'new')} where ${differ};`
  }`;
  return { sync, write: `if not v_echo[${place}] then\n${guarded([sync], write)}\nend if;`, remove: null, journal: bothKeys(sync, 'target', place) };
}

/** By what it did to each key, so that a repair tells a row that moved from one that went on the other side. */
const MOVES = { old: 'delete', new: 'insert' };

function bothKeys(sync: SyncTransfer, side: 'source' | 'target', place: number): string {
  const moves = Object.entries(MOVES).map(([row, op]) => `(${keyOf(sync, row, side)}, '${op}')`);
  return `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state)
select ${labelsSql(sync)}, k.key, k.op, v_reason[${place}], v_state[${place}] from (values ${moves.join(', ')}) as k (key, op);`;
}
