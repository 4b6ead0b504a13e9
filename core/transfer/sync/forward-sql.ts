import { rowOf } from '../batch-sql.ts';
import { quoteIdent, quoteLiteral, quoteName } from '../identifier.ts';
import { around, mappedSql, withOutput } from './mapped-rows.ts';
import { type MappedRows, quarantineSql } from './quarantine-sql.ts';
import {
  andLive,
  carriedColumnNames,
  deletedSql,
  differingNamesSql,
  differsSql,
  firstKey,
  guarded,
  intoName,
  isBoth,
  keyOf,
  keysMatch,
  labelsSql,
  markSql,
  ref,
  type SyncTransfer,
  sideBySide,
  writtenColumns,
} from './sync-transfer.ts';

/** What a function does for one transfer; run in the transfers' order, `remove` in the opposite one, and `journal` at the end. */
export interface Section {
  readonly sync: SyncTransfer;
  /** Sets v_gone where `remove` has something to do. */
  readonly write: string | null;
  readonly remove: string | null;
  /** Where v_reason says so. */
  readonly journal: string;
}

/** Two relations of mapped rows, before and after, as the beginning of a WITH: `o` and `n`. */
export interface BeforeAfter {
  readonly ctes: string;
  /** The statement that fires the trigger holds the driving rows, so that they stay as they were read; not so those that join a lookup. */
  readonly holdsDriving: boolean;
  /** The same keys, told without the mapping, for a journal that the mapping itself has failed; null where only it knows them. */
  readonly rawKeys: string | null;
  /** What the quarantine is asked about. */
  readonly all: MappedRows;
}

/** Rows of the driving table that a statement changed. */
export function changedRows(sync: SyncTransfer): BeforeAfter {
  const { transfer } = sync;
  const keys = ['stepgate_old', 'stepgate_new'].map((relation) => `select ${keyOf(sync, 'r', 'source')} from ${relation} as r`);
  return {
    ctes: `o as (\n${mappedSql(transfer, transfer.driving, 'stepgate_old')}\n), n as (\n${mappedSql(transfer, transfer.driving, 'stepgate_new')}\n)`,
    holdsDriving: true,
    rawKeys: keys.join(' union '),
    all: { ctes: '', rows: around(transfer.driving, 'stepgate_new'), keys: keys.join(' union ') },
  };
}

/** What a changed lookup says of the driving rows that join it, before and after: `before` and `after` are relations in the lookup's place. */
export function changedLookup(
  sync: SyncTransfer,
  lookup: SyncTransfer['transfer']['lookups'][number],
  { before, after }: { readonly before: string; readonly after: string },
): BeforeAfter {
  const { transfer } = sync;
  const keys = transfer.keys.map(({ target }) => `m.${quoteIdent(target)}`).join(', ');
  const joined = (relation: string) =>
    `select ${keys} from (\n${withOutput(around(lookup, relation), `${lookup.probe} as stepgate_probe`)}\n) as m where m.stepgate_probe is not null`;
  const k = `k as materialized (\n${joined(before)}\nunion\n${joined(after)}\n)`;
  const rows = (relation: string) => `select m.* from (\n${mappedSql(transfer, lookup, relation)}\n) as m where (${keys}) in (select * from k)`;
  return {
    ctes: `${k}, o as (\n${rows(before)}\n), n as (\n${rows(after)}\n)`,
    holdsDriving: false,
    rawKeys: null,
    all: {
      ctes: k,
      rows: `select m.* from (\n${around(lookup, after)}\n) as m where (${keys}) in (select * from k)`,
      keys: `select ${keyOf(sync, 'k', 'target')} from k`,
    },
  };
}

/** Changed columns reach the target row; a row that the target lacks is inserted; one that is mapped no more goes. */
export function changeSection(sync: SyncTransfer, rows: BeforeAfter): Section {
  const { place } = sync;
  const echo = isBoth(sync) ? ` or v_echo[${place}]` : '';
  const pair = `with ${rows.ctes}, pair as materialized (\n  ${pairsSql(sync, sideBySide(sync.transfer.columns))}\n)`;
  const write = `for v_attempt in 1..3 loop
  ${pair}, updated as (
${updateSql(sync, rows)}
  )
  select count(*) filter (where ${firstKey(sync, 'p:new')} is not null), (select count(*) from updated),
    count(*) filter (where ${firstKey(sync, 'p:new')} is null), count(*) > count(distinct ${eitherKey(sync)})
  into v_changed, v_done, v_left, v_twice from pair as p;
  v_gone[${place}] := v_left;
  exit when v_done >= v_changed${echo};
  v_undoing := ${isUndoingSql(sync)};
  continue when v_undoing;
  ${pair}
${insertSql(sync, rows)};
  get diagnostics v_left = row_count;
  exit when v_done + v_left >= v_changed;
end loop;
if v_twice then
  v_reason[${place}] := 'isolation';
elsif not v_undoing and v_done + v_left < v_changed${isBoth(sync) ? ` and not v_echo[${place}]` : ''} then
  v_reason[${place}] := coalesce(v_reason[${place}], 'failed');
end if;`;
  return { sync, write: guarded([sync], write + quarantineSql(sync, rows.all)), remove: removeSql(sync, rows), journal: changeJournal(sync, rows) };
}

/** While the phase is undone no row comes to a target, which its batches empty; those that are still there follow their source. */
function isUndoingSql({ part }: SyncTransfer): string {
  return `stepgate.is_undoing(${quoteLiteral(part.plan)}, ${quoteLiteral(part.phase)})`;
}

/** Rows that are before or after, or both and differ. */
function pairsSql(sync: SyncTransfer, output: string): string {
  return `select ${output} from o full join n on ${keysMatch(sync, 'o', 'n', 'target')}
  where ${rowOf('o', sync.transfer.columns)} *<> ${rowOf('n', sync.transfer.columns)}`;
}

/** Of a pair, of which one side may be missing. */
function eitherKey({ transfer }: SyncTransfer): string {
  const keys = transfer.keys.map(({ target }) => `coalesce(${ref('p:new', target)}, ${ref('p:old', target)})`);
  return keys.length === 1 ? keys.join() : `row(${keys.join(', ')})`;
}

/**
 * A column that is carried back is the application's where the change came from there.
 *
 * Where a driving row may have changed since it was read, so that its target row did, too, that one is passed over, and read again.
 */
function updateSql(sync: SyncTransfer, { holdsDriving }: BeforeAfter): string {
  const carried = carriedColumnNames(sync);
  const set = writtenColumns(sync).map((column) => {
    const name = quoteIdent(column);
    const isOurs = isBoth(sync) && carried.has(column) ? `not v_echo[${sync.place}] and ` : '';
    return `    ${name} = case when ${isOurs}${differsSql(sync, column, 'p:old', 'p:new')} then ${ref('p:new', column)} else t.${name} end`;
  });
  const where = `${keysMatch(sync, 't', 'p:new', 'target')} and ${firstKey(sync, 'p:old')} is not null${andLive(sync, 't')}`;
  if (set.length === 0) return `  select from ${intoName(sync)} as t, pair as p where ${where}`;
  const [from, same] = holdsDriving ? ['', ''] : [`, ${intoName(sync)} as x`, ` and ${keysMatch(sync, 'x', 'p:new', 'target')} and x.ctid = t.ctid`];
  return `  update ${intoName(sync)} as t set\n${set.join(',\n')}\n  from pair as p${from} where ${where}${same}\n  returning 1`;
}

/** A driving row that nobody holds for us is held until the commit, so that whoever deletes it finds what was made of it. */
function insertSql(sync: SyncTransfer, { holdsDriving }: BeforeAfter): string {
  const { transfer } = sync;
  const values = transfer.columns.map((column) => ref('p:new', column)).join(', ');
  const missing = `${firstKey(sync, 'p:new')} is not null
    and not exists (select from ${intoName(sync)} as x where ${keysMatch(sync, 'x', 'p:new', 'target')}${andLive(sync, 'x')})${andNotHeld(sync, 'p:new')}`;
  const insert = `insert into ${intoName(sync)} as t (${columnList(sync)})
  select ${values}`;
  if (holdsDriving) return `  ${insert} from pair as p where ${missing}\n  ${onConflict(sync)}`;
  return `  , missing as materialized (
  select p.* from pair as p where ${missing}
  ), held as materialized (
  select p.* from missing as p join ${quoteName(transfer.from)} as s on ${keysMatch(sync, 'p:new', 's', 'source')} for key share of s
  )
  ${insert} from held as p
  ${onConflict(sync)}`;
}

/** A row of a key that the new side deleted, where the old side could not follow, stays away. */
function andNotHeld(sync: SyncTransfer, record: string): string {
  if (!isBoth(sync)) return '';
  return `
    and not exists (select from stepgate.sync_journal j where (j.plan, j.transfer, j.side) = (${labelsSql(sync, 'target')})
      and j.key = ${keyOf(sync, record, 'target')} and j.reason = 'not-carried' and j.op in ('delete', 'truncate'))`;
}

/** Never over a row that lives: it may be newer than what was read. */
function onConflict(sync: SyncTransfer): string {
  const { transfer } = sync;
  const deleted = deletedSql(sync, 't');
  if (deleted === null) return 'on conflict do nothing';
  const set = [...writtenColumns(sync).map((column) => `${quoteIdent(column)} = excluded.${quoteIdent(column)}`), markSql(sync, false)];
  return `on conflict (${transfer.keys.map(({ target }) => quoteIdent(target)).join(', ')}) do update set ${set.join(', ')} where ${deleted}`;
}

function columnList({ transfer }: SyncTransfer): string {
  return transfer.columns.map(quoteIdent).join(', ');
}

/** A row that the new side itself put out of the mapping, and did not give another key, stays there as its own. */
function removeSql(sync: SyncTransfer, rows: BeforeAfter): string {
  const gone = `with ${rows.ctes}, gone as materialized (\n  select o from o full join n on ${keysMatch(sync, 'o', 'n', 'target')} where ${firstKey(sync, 'n')} is null\n)`;
  const removed = guarded(
    [sync],
    `${gone}, removed as (
  ${deleteSql(sync, 'gone as g', '(g.o)', 'target')}
)
${removedEntries(sync, 'gone as g', '(g.o)', { side: 'target', op: 'update' })};`,
  );
  if (!isBoth(sync)) return removed;
  return `if v_echo[${sync.place}] then
${gone}
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason)
select ${labelsSql(sync, 'target')}, ${keyOf(sync, '(g.o)', 'target')}, 'insert', 'not-carried' from gone as g
where exists (select from ${quoteName(sync.transfer.from)} as s where ${keysMatch(sync, '(g.o)', 's', 'source')});
else
${removed}
end if;`;
}

function deleteSql(sync: SyncTransfer, relation: string, record: string, side: 'source' | 'target'): string {
  const where = `where ${keysMatch(sync, 't', record, side)}${andLive(sync, 't')}`;
  return sync.transfer.deletes.kind === 'hard'
    ? `delete from ${intoName(sync)} as t using ${relation} ${where}`
    : `update ${intoName(sync)} as t set ${markSql(sync, true)} from ${relation} ${where}`;
}

function removedEntries(
  sync: SyncTransfer,
  relation: string,
  record: string,
  { side, op }: { readonly side: 'source' | 'target'; readonly op: string },
): string {
  return `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason)
select ${labelsSql(sync)}, ${keyOf(sync, record, side)}, ${quoteLiteral(op)}, 'removed' from ${relation}`;
}

/** With 'failed' but no error, only what the target still lacks. */
function changeJournal(sync: SyncTransfer, rows: BeforeAfter): string {
  const { place } = sync;
  const isThere = `exists (select from ${intoName(sync)} as t where ${keysMatch(sync, 't', '(p.n)', 'target')}${andLive(sync, 't')}
  and ${rowOf('t', sync.transfer.columns)} *= ${rowOf('(p.n)', sync.transfer.columns)})`;
  const mapped = `with ${rows.ctes}, pair as (
  ${pairsSql(sync, 'o, n')}
)
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, old, new, sql_state)
select ${labelsSql(sync)}, coalesce(${keyOf(sync, '(p.n)', 'target')}, ${keyOf(sync, '(p.o)', 'target')}), ${opSql(sync)}, v_reason[${place}],
  case when ${firstKey(sync, '(p.o)')} is not null and ${firstKey(sync, '(p.n)')} is not null then ${differingNamesSql(sync, sync.transfer.columns, '(p.o)', '(p.n)')} end, row_to_json(p.o), row_to_json(p.n), v_state[${place}] from pair as p
where v_state[${place}] is not null or v_reason[${place}] = 'isolation' or (${firstKey(sync, '(p.n)')} is not null and not ${isThere}${andNotHeld(sync, '(p.n)')});`;
  return journalOr(sync, mapped, { op: 'update', rawKeys: rows.rawKeys });
}

/** What became of the key of a pair of records. */
export function opSql(sync: SyncTransfer): string {
  return `case when ${firstKey(sync, '(p.n)')} is null then 'delete' when ${firstKey(sync, '(p.o)')} is null then 'insert' else 'update' end`;
}

/** Where the mapping itself fails, the keys alone; where not even they are known, the whole table. */
export function journalOr(sync: SyncTransfer, mapped: string, { op, rawKeys }: { readonly op: string; readonly rawKeys: string | null }): string {
  const reasons = `coalesce(v_reason[${sync.place}], 'failed'), v_state[${sync.place}]`;
  return `begin
${mapped}
exception when others then
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state)
select ${labelsSql(sync)}, ${rawKeys === null ? `null, 'truncate', ${reasons}` : `k.key, ${quoteLiteral(op)}, ${reasons} from (${rawKeys}) as k (key)`};
end;`;
}

/** Rows that are new on the old side. */
export function insertSection(sync: SyncTransfer): Section {
  const { transfer, place } = sync;
  const rows = mappedSql(transfer, transfer.driving, 'stepgate_new');
  const write = `with n as materialized (\n${rows}\n), inserted as (
  insert into ${intoName(sync)} as t (${columnList(sync)})
  select ${transfer.columns.map((column) => `n.${quoteIdent(column)}`).join(', ')} from n
  ${onConflict(sync)} returning 1
)
select count(*), (select count(*) from inserted) into v_changed, v_done from n;
if v_done < v_changed then
  v_reason[${place}] := coalesce(v_reason[${place}], 'failed');
end if;${quarantineSql(sync, { ctes: '', rows: around(transfer.driving, 'stepgate_new'), keys: `select ${keyOf(sync, 'r', 'source')} from stepgate_new as r` })}`;
  const isThere = `exists (select from ${intoName(sync)} as t where ${keysMatch(sync, 't', 'n', 'target')}${andLive(sync, 't')}
  and ${rowOf('t', sync.transfer.columns)} *= ${rowOf('n', sync.transfer.columns)})`;
  const journal = `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, new, sql_state)
select ${labelsSql(sync)}, ${keyOf(sync, 'n', 'target')}, 'insert', v_reason[${place}], row_to_json(n.*), v_state[${place}] from (\n${rows}\n) as n
where v_state[${place}] is not null or v_reason[${place}] = 'isolation' or not ${isThere};`;
  const isOurs = isBoth(sync) ? `not v_echo[${place}] and ` : '';
  return {
    sync,
    write: `if ${isOurs}not ${isUndoingSql(sync)} then\n${guarded([sync], write)}\nend if;`,
    remove: null,
    journal: journalOr(sync, journal, { op: 'insert', rawKeys: `select ${keyOf(sync, 'r', 'source')} from stepgate_new as r` }),
  };
}

/** Rows that are gone on the old side, whatever the mapping says now: what it looks up may be gone, too. */
export function deleteSection(sync: SyncTransfer): Section {
  const { transfer, place } = sync;
  const remove = guarded(
    [sync],
    `with removed as (
  ${deleteSql(sync, 'stepgate_old as o', 'o', 'source')}
)
${removedEntries(sync, 'stepgate_old as o', 'o', { side: 'source', op: 'delete' })};${quarantineSql(sync, { ctes: '', rows: null, keys: `select ${keyOf(sync, 'r', 'source')} from stepgate_old as r` })}`,
  );
  return {
    sync,
    write: null,
    remove: isBoth(sync) ? `if not v_echo[${place}] then\n${remove}\nend if;` : remove,
    journal: rawJournal(sync, { op: 'delete', keys: `select ${keyOf(sync, 'r', 'source')} from stepgate_old as r`, id: transfer.id }),
  };
}

/** Before the rows go; one entry for the whole table, since each batch that read it has ended behind the lock of TRUNCATE. */
export function truncateSection(sync: SyncTransfer, from: string): Section {
  const remove = guarded(
    [sync],
    `${deleteSql(sync, `${from} as o`, 'o', 'source')};
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason) values (${labelsSql(sync)}, null, 'truncate', 'removed');${quarantineSql(sync, { ctes: '', rows: null, keys: 'q.key' })}`,
  );
  return {
    sync,
    write: null,
    remove: isBoth(sync) ? `if not v_echo[${sync.place}] then\n${remove}\nend if;` : remove,
    journal: rawJournal(sync, { op: 'truncate', keys: null, id: sync.transfer.id }),
  };
}

function rawJournal(sync: SyncTransfer, { op, keys }: { readonly op: string; readonly keys: string | null; readonly id: string }): string {
  const { place } = sync;
  const entry = `v_reason[${place}], v_state[${place}]`;
  return `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state)
select ${labelsSql(sync)}, ${keys === null ? `null, 'truncate', ${entry}` : `k.key, ${quoteLiteral(op)}, ${entry} from (${keys}) as k (key)`};`;
}
