import type { Node, SelectStmt } from 'libpg-query';
import { quoteIdent } from '../transfer/identifier.ts';
import { aroundName } from './around-name.ts';
import type { Lookup } from './compiled-plan.ts';
import type { ParsedStatement } from './parse-sql.ts';
import { describeName, nodesIn, stringsOf } from './sql-tree.ts';
import { joinsIn, placesIn, type TablePlace, tablePlaces } from './table-places.ts';
import type { Refuse } from './transfer-headers.ts';

/** An equality that holds wherever a row of one of `references` was found. */
interface KeyCondition {
  readonly references: readonly string[];
  readonly node: Node;
}

/** The tables that a mapping joins to its driving table; each is found by columns of its own, or refused. */
export function lookupsOf(select: SelectStmt, driving: TablePlace, statement: ParsedStatement, refuse: Refuse): readonly Lookup[] {
  const others = tablePlaces(select).filter(({ range }) => range !== driving.range);
  const keys = keysOf(select, driving, others);
  return others.flatMap((place): readonly Lookup[] => {
    const { table, reference, isNullable, range } = place;
    const on = keys.get(place) ?? [];
    const [column] = on;
    if (column !== undefined)
      return [{ ...aroundName(statement, place), table, on, probe: `${quoteIdent(reference)}.${quoteIdent(column)}`, isInner: !isNullable }];
    const example = `${reference}.id = ${driving.reference}.${table.name}_id`;
    refuse(
      range.location ?? statement.start,
      `live sync finds the rows of a changed lookup by its key, and ${describeName(table)} is joined without "=" on a column of its own, both sides with their tables, such as ${example}; write the join so, or use "sync: none"`,
    );
    return [];
  });
}

/** From the driving table on: a table counts as found when columns of its own equal values of those found before. */
function keysOf(select: SelectStmt, driving: TablePlace, others: readonly TablePlace[]): ReadonlyMap<TablePlace, readonly string[]> {
  const conditions = keyConditions(select);
  const keys = new Map<TablePlace, readonly string[]>();
  const found = new Set([driving.reference]);
  for (let isOn = true; isOn; ) {
    const next = others
      .filter((place) => !keys.has(place))
      .map((place) => [place, [...usedColumns(select, place), ...conditions.flatMap((one) => keyColumn(one, place.reference, found))]] as const)
      .filter(([, on]) => on.length > 0);
    for (const [place, on] of next) {
      keys.set(place, [...new Set(on)]);
      found.add(place.reference);
    }
    isOn = next.length > 0;
  }
  return keys;
}

function keyConditions(select: SelectStmt): readonly KeyCondition[] {
  const items = select.fromClause ?? [];
  const firm = items.flatMap((item) => placesIn(item, false)).filter(({ isNullable }) => !isNullable);
  const where = conjuncts(select.whereClause).map((node) => ({ references: firm.map(({ reference }) => reference), node }));
  const on = items.flatMap(joinsIn).flatMap(({ jointype = 'JOIN_INNER', larg, rarg, quals }) => {
    const sides = jointype === 'JOIN_LEFT' ? [rarg] : [larg, rarg];
    const references = sides.flatMap((side) => placesIn(side, false)).map(({ reference }) => reference);
    return conjuncts(quals).map((node) => ({ references, node }));
  });
  return [...on, ...where];
}

function conjuncts(condition: Node | undefined): readonly Node[] {
  if (condition === undefined) return [];
  if (!('BoolExpr' in condition) || condition.BoolExpr.boolop !== 'AND_EXPR') return [condition];
  return (condition.BoolExpr.args ?? []).flatMap(conjuncts);
}

/** The table's own column in `table.column = expression over tables that are found`. */
function keyColumn({ references, node }: KeyCondition, reference: string, found: ReadonlySet<string>): readonly string[] {
  if (!references.includes(reference) || !('A_Expr' in node)) return [];
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  if (kind !== 'AEXPR_OP' || stringsOf(name).at(-1) !== '=') return [];
  const pairs = [
    [lexpr, rexpr],
    [rexpr, lexpr],
  ] as const;
  return pairs.flatMap(([own, other]) => {
    const [table, column, ...more] = own !== undefined && 'ColumnRef' in own ? stringsOf(own.ColumnRef.fields) : [];
    const others = columnsRead(other);
    const isFound = others.length > 0 && others.every((parts) => parts.length > 1 && found.has(parts.at(-2) ?? ''));
    return table === reference && column !== undefined && more.length === 0 && isFound ? [column] : [];
  });
}

function columnsRead(tree: Node | undefined): readonly (readonly string[])[] {
  return nodesIn(tree).flatMap((node) => ('ColumnRef' in node ? [stringsOf(node.ColumnRef.fields)] : []));
}

/** Columns that USING compares; the side that it names is one table. */
function usedColumns(select: SelectStmt, { range }: TablePlace): readonly string[] {
  const joins = (select.fromClause ?? []).flatMap(joinsIn);
  return joins.flatMap(({ larg, rarg, usingClause }) =>
    [larg, rarg].some((side) => side !== undefined && 'RangeVar' in side && side.RangeVar === range) ? stringsOf(usingClause) : [],
  );
}
