import { quoteIdent, quoteLiteral, quoteName } from '../identifier.ts';
import { journalOr, opSql, type Section } from './forward-sql.ts';
import { mappedSql } from './mapped-rows.ts';
import { columnIn } from './sync-catalog.ts';
import {
  anyDiffersSql,
  carriedColumnNames,
  deletedSql,
  differingNamesSql,
  differsSql,
  firstKey,
  guarded,
  keyOf,
  keysMatch,
  labelsSql,
  ref,
  type SyncTransfer,
  sideBySide,
} from './sync-transfer.ts';

/** A pair of rows `p`: side by side, or as two records, which can be shown as json. */
const SIDES = { o: 'p:old', n: 'p:new' };
const RECORDS = { o: '(p.o)', n: '(p.n)' };

/** Changes of the new side's rows: carried columns reach the source; of the others, and of rows that it cannot take, the journal tells. */
export function backwardUpdate(sync: SyncTransfer): Section {
  const { place } = sync;
  const { o, n } = SIDES;
  const { stays, lived, lives } = staying(sync, SIDES);
  const changed = anyDiffersSql([...carriedColumnNames(sync)], o, n) ?? 'false';
  const marked = lived === null || lives === null ? [] : markedCtes(sync, { lived, lives });
  const write = `${pairCte(sync, sideBySide(pairColumns(sync)))}, updated as (
${updateSource(sync, `${stays} and ${changed}`)}
)${[notCarriedColumns(sync, stays), ...marked].map((cte) => (cte === null ? '' : `, ${cte}`)).join('')}
select count(*) filter (where ${stays} and ${changed}), (select count(*) from updated) into v_changed, v_done from pair as p;
if v_done < v_changed then
  v_reason[${place}] := coalesce(v_reason[${place}], 'failed');
end if;`;
  const raw = ['stepgate_old', 'stepgate_new'].map((relation) => `select ${keyOf(sync, 'r', 'target')} from ${relation} as r`).join(' union ');
  return {
    sync,
    write: `if not v_echo[${place}] then\n${guarded([sync], write)}\n${whereOthersWrite(suppressed(sync))}\nend if;`,
    remove: null,
    journal: journalOr(sync, updateJournal(sync), { op: 'update', rawKeys: raw }),
  };
}

/** While this run writes: only the application's own triggers can make anything else of it. */
function whereOthersWrite(body: string): string {
  return `elsif stepgate.has_triggers(tg_relid) then\n${body}`;
}

/** Not of a row that got another key, which the trigger on keys journals: what it looks like here, one that came with all its columns, is not so. */
function updateJournal(sync: SyncTransfer): string {
  const { place, transfer } = sync;
  const { o, n } = RECORDS;
  const { stays, lived, lives } = staying(sync, RECORDS);
  const changed = anyDiffersSql([...carriedColumnNames(sync)], o, n) ?? 'false';
  const op =
    lived === null || lives === null
      ? opSql(sync)
      : `case when not (${lived}) then 'insert' when not (${lives}) then 'delete' else ${opSql(sync)} end`;
  return `${pairCte(sync, 'o, n')}
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, old, new, sql_state)
select ${labelsSql(sync)}, coalesce(${keyOf(sync, n, 'target')}, ${keyOf(sync, o, 'target')}), ${op},
  ${missedReason(sync)}, ${differingNamesSql(sync, transfer.columns, o, n)}, row_to_json(p.o), row_to_json(p.n), v_state[${place}] from pair as p
where (${pairedSql(sync, { o, n })}) and (v_state[${place}] is not null or v_reason[${place}] = 'isolation' or (${stays} and ${changed} and not ${sourceExists(sync, n)}));`;
}

interface Staying {
  /** The row is there before and after, under one key. */
  readonly stays: string;
  /** It was not, and is not, marked as deleted; null where rows are deleted. */
  readonly lived: string | null;
  readonly lives: string | null;
}

function staying(sync: SyncTransfer, { o, n }: typeof SIDES): Staying {
  const paired = pairedSql(sync, { o, n });
  const [wasDeleted, isDeleted] = [deletedSql(sync, o), deletedSql(sync, n)];
  if (wasDeleted === null || isDeleted === null) return { stays: paired, lived: null, lives: null };
  return { stays: `${paired} and not ${wasDeleted} and not ${isDeleted}`, lived: `not ${wasDeleted}`, lives: `not ${isDeleted}` };
}

function pairedSql(sync: SyncTransfer, { o, n }: typeof SIDES): string {
  return `${firstKey(sync, o)} is not null and ${firstKey(sync, n)} is not null`;
}

/** A row that the old side never had is the new side's own; of one that it should have, a repair decides. */
function missedReason({ transfer, place }: SyncTransfer): string {
  return transfer.isCovering
    ? `v_reason[${place}]`
    : `case when v_state[${place}] is null and v_reason[${place}] = 'failed' then 'not-carried' else v_reason[${place}] end`;
}

function pairColumns({ transfer: { columns, deletes } }: SyncTransfer): readonly string[] {
  return deletes.kind === 'soft' ? [...columns, deletes.column] : columns;
}

function pairCte(sync: SyncTransfer, output: string): string {
  const columns = pairColumns(sync);
  const rows = (relation: string) => `select ${columns.map(quoteIdent).join(', ')} from ${relation}`;
  return `with o as (${rows('stepgate_old')}), n as (${rows('stepgate_new')}), pair as materialized (
  select ${output} from o full join n on ${keysMatch(sync, 'o', 'n', 'target')}
  where ${anyDiffersSql(columns, 'o', 'n')}
)`;
}

function updateSource(sync: SyncTransfer, condition: string): string {
  const set = [...keyBytes(sync, SIDES.o, SIDES.n), ...carriedBack(sync, { before: SIDES.o, after: SIDES.n })];
  const where = `${keysMatch(sync, SIDES.n, 's', 'source')} and ${condition}`;
  if (set.length === 0) return `  select from ${quoteName(sync.transfer.from)} as s, pair as p where ${where}`;
  return `  update ${quoteName(sync.transfer.from)} as s set\n    ${set.join(',\n    ')}\n  from pair as p where ${where}\n  returning 1`;
}

/** A key that is equal and not the same bytes is no other key: no trigger on keys sees it. */
function keyBytes(sync: SyncTransfer, before: string, after: string): readonly string[] {
  const { transfer, catalog } = sync;
  return transfer.keys
    .filter(({ target }) => !columnIn(catalog, transfer.into, target).isBinaryEqual)
    .map(({ source, target }) => {
      const name = quoteIdent(source);
      return `${name} = case when ${differsSql(sync, target, before, after)} then ${ref(after, target)} else s.${name} end`;
    });
}

/** Assignments of what changed to the source row `s`; never cast: what the old side cannot hold is an error, and not another value. */
export function carriedBack(sync: SyncTransfer, { before, after }: { readonly before: string; readonly after: string }): readonly string[] {
  return notKeys(sync).map(({ source, expression, columns }) => {
    const name = quoteIdent(source);
    const changed = columns.map((column) => differsSql(sync, column, before, after)).join(' or ');
    return `${name} = case when ${changed} then ${valueSql(expression, columns, after)} else s.${name} end`;
  });
}

/** An inverse is written over the target's columns by their own names. */
function valueSql(expression: string, columns: readonly string[], record: string): string {
  if (columns.length === 1 && expression === quoteIdent(columns[0] ?? '')) return ref(record, columns[0] ?? '');
  return `(select ${expression}\n from (select ${columns.map((column) => ref(record, column)).join(', ')}) as m (${columns.map(quoteIdent).join(', ')}))`;
}

function notKeys({ carried, transfer }: SyncTransfer): SyncTransfer['carried'] {
  return carried.filter(({ source }) => !transfer.keys.some((key) => key.source === source));
}

/** Columns that only go forward, written on the new side. */
function notCarriedColumns(sync: SyncTransfer, condition: string): string | null {
  const carried = carriedColumnNames(sync);
  const columns = sync.transfer.columns.filter((column) => !carried.has(column));
  const differ = anyDiffersSql(columns, SIDES.o, SIDES.n);
  if (differ === null) return null;
  return `kept as (
  insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
  select ${labelsSql(sync)}, ${keyOf(sync, SIDES.n, 'target')}, 'update', 'not-carried', ${differingNamesSql(sync, columns, SIDES.o, SIDES.n)}
  from pair as p where ${condition} and ${differ}
)`;
}

/** A row that was marked as deleted, or is no more. */
function markedCtes(sync: SyncTransfer, { lived, lives }: { readonly lived: string; readonly lives: string }): readonly string[] {
  const { from, isCovering } = sync.transfer;
  const [went, came] = [`${pairedSql(sync, SIDES)} and ${lived} and not (${lives})`, `${pairedSql(sync, SIDES)} and not (${lived}) and ${lives}`];
  if (!isCovering) {
    return [
      `went as (\n  ${entrySql(sync, { op: 'delete', relation: 'pair as p', record: SIDES.n, condition: `${went} and ${sourceExists(sync, SIDES.n)}` })}\n)`,
      `came as (\n  ${entrySql(sync, { op: 'insert', relation: 'pair as p', record: SIDES.n, condition: came })}\n)`,
    ];
  }
  return [
    `went as (\n  delete from ${quoteName(from)} as s using pair as p where ${keysMatch(sync, SIDES.n, 's', 'source')} and ${went}\n)`,
    `came as (\n  ${insertSource(sync, { relation: 'pair as p', record: SIDES.n, condition: came })}\n)`,
  ];
}

interface Rows {
  readonly relation: string;
  readonly record: string;
  readonly condition: string;
}

function entrySql(sync: SyncTransfer, { op, relation, record, condition }: Rows & { readonly op: string }): string {
  return `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason)
  select ${labelsSql(sync)}, ${keyOf(sync, record, 'target')}, '${op}', 'not-carried' from ${relation} where ${condition}`;
}

function insertSource(sync: SyncTransfer, { relation, record, condition }: Rows): string {
  const keys = sync.transfer.keys.map(({ target, source }) => ({ name: quoteIdent(source), value: ref(record, target) }));
  const others = notKeys(sync).map(({ source, expression, columns }) => ({ name: quoteIdent(source), value: valueSql(expression, columns, record) }));
  const all = [...keys, ...others];
  return `insert into ${quoteName(sync.transfer.from)} (${all.map(({ name }) => name).join(', ')}) overriding system value
  select ${all.map(({ value }) => value).join(', ')} from ${relation} where ${condition}
  on conflict do nothing`;
}

function sourceExists(sync: SyncTransfer, record: string): string {
  return `exists (select from ${quoteName(sync.transfer.from)} as s where ${keysMatch(sync, record, 's', 'source')})`;
}

/** What this run wrote into the target, where something else made another value of it; what it did not write may wait for a repair. */
function suppressed(sync: SyncTransfer): string {
  const { transfer } = sync;
  const other = [...carriedColumnNames(sync)].map(
    (column) =>
      `case when ${differsSql(sync, column, SIDES.o, SIDES.n)} and ${differsSql(sync, column, 'm', SIDES.n)} then ${quoteLiteral(column)} end`,
  );
  return `${pairCte(sync, sideBySide(pairColumns(sync)))}
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
select ${labelsSql(sync)}, ${keyOf(sync, SIDES.n, 'target')}, 'update', 'suppressed', c.names
from pair as p join (\n${mappedSql(transfer, transfer.driving, quoteName(transfer.from))}\n) as m on ${keysMatch(sync, 'm', SIDES.n, 'target')}
cross join lateral (select array_remove(array[${other.join(', ')}]::text[], null)) as c (names)
where c.names <> '{}';`;
}

/** A row that is new on the new side makes one on the old side, where every row of that has one here. */
export function backwardInsert(sync: SyncTransfer): Section {
  const { transfer, place } = sync;
  const deleted = deletedSql(sync, 'n');
  const condition = deleted === null ? 'true' : `not ${deleted}`;
  const rows = { relation: 'stepgate_new as n', record: 'n', condition };
  const columns = [...carriedColumnNames(sync)];
  const echo = `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
select ${labelsSql(sync)}, ${keyOf(sync, 'n', 'target')}, 'insert', 'suppressed', ${differingNamesSql(sync, columns, 'm', 'n')}
from stepgate_new as n join (\n${mappedSql(transfer, transfer.driving, quoteName(transfer.from))}\n) as m on ${keysMatch(sync, 'm', 'n', 'target')}
where ${anyDiffersSql(columns, 'm', 'n')};`;
  const insert = `with inserted as (
  ${insertSource(sync, rows)} returning 1
)
select count(*), (select count(*) from inserted) into v_changed, v_done from stepgate_new as n where ${condition};
if v_done < v_changed then
  v_reason[${place}] := coalesce(v_reason[${place}], 'failed');
end if;${newForwardOnly(sync, condition)}`;
  const write = transfer.isCovering ? guarded([sync], insert) : `${entrySql(sync, { op: 'insert', ...rows })};`;
  const journal = `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, new, sql_state)
select ${labelsSql(sync)}, ${keyOf(sync, 'n', 'target')}, 'insert', v_reason[${place}], row_to_json(n.*), v_state[${place}] from stepgate_new as n where ${condition};`;
  return { sync, write: `if not v_echo[${place}] then\n${write}\n${whereOthersWrite(echo)}\nend if;`, remove: null, journal };
}

/** Columns that only go forward, which a new row of the new side filled otherwise than the mapping fills them now. */
function newForwardOnly(sync: SyncTransfer, condition: string): string {
  const { transfer } = sync;
  const carried = carriedColumnNames(sync);
  const columns = transfer.columns.filter((column) => !carried.has(column));
  const differ = anyDiffersSql(columns, 'm', 'n');
  if (differ === null) return '';
  return `
insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
select ${labelsSql(sync)}, ${keyOf(sync, 'n', 'target')}, 'update', 'not-carried', ${differingNamesSql(sync, columns, 'm', 'n')}
from stepgate_new as n join (\n${mappedSql(transfer, transfer.driving, quoteName(transfer.from))}\n) as m on ${keysMatch(sync, 'm', 'n', 'target')}
where ${condition} and ${differ};`;
}

/** A row that the new side deleted. */
export function backwardDelete(sync: SyncTransfer): Section {
  const { transfer, place } = sync;
  const deleted = deletedSql(sync, 'o');
  const condition = deleted === null ? 'true' : `not ${deleted}`;
  const source = `delete from ${quoteName(transfer.from)} as s using stepgate_old as o where ${keysMatch(sync, 'o', 's', 'source')} and ${condition};`;
  const notCarried = `${entrySql(sync, { op: 'delete', relation: 'stepgate_old as o', record: 'o', condition: `${condition} and ${sourceExists(sync, 'o')}` })};`;
  return {
    sync,
    write: `if not v_echo[${place}] then\n${transfer.isCovering ? guarded([sync], source) : notCarried}\nend if;`,
    remove: null,
    journal: `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state)
select ${labelsSql(sync)}, ${keyOf(sync, 'o', 'target')}, 'delete', v_reason[${place}], v_state[${place}] from stepgate_old as o where ${condition};`,
  };
}

/** Before the rows go: those that the old side has, and no other row of it. */
export function backwardTruncate(sync: SyncTransfer): Section {
  const { transfer, place } = sync;
  const deleted = deletedSql(sync, 't');
  const into = quoteName(transfer.into);
  const live = deleted === null ? 'true' : `not ${deleted}`;
  const source = `delete from ${quoteName(transfer.from)} as s using ${into} as t where ${keysMatch(sync, 't', 's', 'source')} and ${live};`;
  const notCarried = `${entrySql(sync, { op: 'truncate', relation: `${into} as t`, record: 't', condition: `${live} and ${sourceExists(sync, 't')}` })};`;
  return {
    sync,
    write: `if not v_echo[${place}] then\n${transfer.isCovering ? guarded([sync], source) : notCarried}\nend if;`,
    remove: null,
    journal: `insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, sql_state)
select ${labelsSql(sync)}, ${keyOf(sync, 't', 'target')}, 'truncate', v_reason[${place}], v_state[${place}] from ${into} as t where ${live};`,
  };
}
