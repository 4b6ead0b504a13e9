import type { Node, SelectStmt } from 'libpg-query';
import type { QualifiedName } from './compiled-plan.ts';
import type { MappingFault } from './mapping-select.ts';
import { describeName, isSameName, kindOf, locationOf, nodesIn, qualifiedRelation, stringsOf } from './sql-tree.ts';
import { joinsIn, tablesRead } from './table-places.ts';

const NO_SYNC = 'or use "sync: none"';

/** Columns that every table has and a transition table has not (PostgreSQL, "System Columns"). */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** What keeps a mapping from being live: a target row must be told from one source row and what it looks up by key. */
export function syncFaults(select: SelectStmt, from: QualifiedName): readonly MappingFault[] {
  const subqueries = nodesIn(select).filter((node) => ['SubLink', 'RangeSubselect', 'CommonTableExpr'].includes(kindOf(node)));
  return [
    ...recursion(select),
    ...outermost(subqueries).flatMap((node) => readingTables(node, select)),
    ...repeated(select, from),
    ...nodesIn(select).flatMap(tableFaults),
    ...joins(select),
  ];
}

function recursion({ withClause }: SelectStmt): readonly MappingFault[] {
  if (withClause?.recursive !== true) return [];
  return [
    { node: null, reason: `live sync cannot tell which rows a recursive query concerns; write the mapping without WITH RECURSIVE, ${NO_SYNC}` },
  ];
}

/** Those that lie in none of the others. */
function outermost(nodes: readonly Node[]): readonly Node[] {
  return nodes.filter((node) => !nodes.some((other) => other !== node && nodesIn(other).includes(node)));
}

function readingTables(node: Node, select: SelectStmt): readonly MappingFault[] {
  const all = tablesRead(select);
  const table = nodesIn(node).flatMap((inner) => ('RangeVar' in inner && all.includes(inner.RangeVar) ? [inner.RangeVar] : []))[0];
  if (table === undefined) return [];
  const name = describeName(qualifiedRelation(table));
  const reason = `live sync cannot tell which rows a subquery over ${name} concerns when that table changes; join it by key as a lookup, ${NO_SYNC}`;
  const at = locationOf(node);
  return [{ node: at === null ? { RangeVar: table } : node, reason }];
}

function repeated(select: SelectStmt, from: QualifiedName): readonly MappingFault[] {
  const [, second] = tablesRead(select).filter((table) => isSameName(qualifiedRelation(table), from));
  if (second === undefined) return [];
  const reason = `live sync maps the rows that a statement changed, and ${describeName(from)} is read a second time here, with all its rows; read it once, ${NO_SYNC}`;
  return [{ node: { RangeVar: second }, reason }];
}

function tableFaults(node: Node): readonly MappingFault[] {
  if ('RangeVar' in node && node.RangeVar.inh !== true) {
    const reason = `live sync sees the rows of the tables below ${describeName(qualifiedRelation(node.RangeVar))} too, and ONLY leaves them out; remove it, ${NO_SYNC}`;
    return [{ node, reason }];
  }
  if (!('ColumnRef' in node)) return [];
  const parts = stringsOf(node.ColumnRef.fields);
  if (parts.length > 2) {
    const short = parts.slice(-2).join('.');
    const reason = `live sync reads the changed rows in the table's place, where the name ${parts.join('.')} means nothing; write ${short}, ${NO_SYNC}`;
    return [{ node, reason }];
  }
  const column = parts.at(-1) ?? '';
  return SYSTEM_COLUMNS.has(column)
    ? [{ node, reason: `live sync reads the changed rows in the table's place, and they have no ${column}; leave the column out, ${NO_SYNC}` }]
    : [];
}

function joins(select: SelectStmt): readonly MappingFault[] {
  return (select.fromClause ?? []).flatMap(joinsIn).flatMap(({ isNatural, alias, larg }) => {
    const at = firstTable(larg);
    if (isNatural === true)
      return [{ node: at, reason: `live sync finds the rows of a changed lookup by its key, and NATURAL names none; write ON, ${NO_SYNC}` }];
    if (alias === undefined) return [];
    return [
      { node: at, reason: `the join has the name ${alias.aliasname ?? ''}, which hides those of its tables from live sync; remove it, ${NO_SYNC}` },
    ];
  });
}

function firstTable(node: Node | undefined): Node | null {
  return nodesIn(node).find((inner) => 'RangeVar' in inner) ?? null;
}
