import type { Node, SelectStmt } from 'libpg-query';
import type { QualifiedName } from './compiled-plan.ts';
import { describeName, isSameName, stringsOf } from './sql-tree.ts';
import { joinsIn, type TablePlace, tablePlaces } from './table-places.ts';

/** Where a mapping's rows come from. */
export interface DrivingTable {
  readonly place: TablePlace;
  /** The names by which the SELECT calls it. */
  readonly references: readonly string[];
  /** Nothing else is in the FROM clause, so that a column without a table is its own. */
  readonly isAlone: boolean;
  /** Each of its rows gives a row. */
  readonly isCovering: boolean;
}

/** Finds the driving table in the FROM clause, or tells what is wrong with it. */
export function drivingTable(select: SelectStmt, from: QualifiedName): DrivingTable | { readonly fault: string } {
  const name = describeName(from);
  const items = select.fromClause ?? [];
  const joins = items.flatMap(joinsIn);
  const outer = joins.find(({ jointype }) => jointype === 'JOIN_RIGHT' || jointype === 'JOIN_FULL');
  if (outer !== undefined) {
    return {
      fault: `${outer.jointype === 'JOIN_FULL' ? 'a FULL' : 'a RIGHT'} JOIN gives rows without a row of the driving table; write ${name} first and LEFT JOIN the lookups`,
    };
  }
  const hidden = (select.withClause?.ctes ?? []).some((cte) => 'CommonTableExpr' in cte && cte.CommonTableExpr.ctename === from.name);
  if (hidden) return { fault: `the WITH query ${from.name} hides the driving table of that name; rename it` };
  const found = tablePlaces(select).filter(({ table }) => isSameName(table, from));
  if (found.length === 0)
    return { fault: `the driving table ${name} is not in the FROM clause as a plain table; add it, or correct the header "from"` };
  const usable = found.filter(({ isNullable }) => !isNullable);
  const [place] = usable;
  if (place === undefined)
    return { fault: `the driving table ${name} is the optional side of a LEFT JOIN; write it first and LEFT JOIN the lookups` };
  const isCovering = select.whereClause === undefined && items.length === 1 && keepsAll(items[0], place);
  return { place, references: usable.map(({ reference }) => reference), isAlone: items.length === 1 && joins.length === 0, isCovering };
}

/** Whether nothing but LEFT JOINs stands beside a table. */
function keepsAll(item: Node | undefined, place: TablePlace): boolean {
  if (item === undefined) return false;
  if ('RangeVar' in item) return item.RangeVar === place.range;
  return 'JoinExpr' in item && item.JoinExpr.jointype === 'JOIN_LEFT' && keepsAll(item.JoinExpr.larg, place);
}

/** The driving table's column that an output column carries unchanged; null for anything else. */
export function plainColumn(value: Node | undefined, driving: Pick<DrivingTable, 'references' | 'isAlone'>): string | null {
  if (value === undefined || !('ColumnRef' in value)) return null;
  const parts = stringsOf(value.ColumnRef.fields);
  if (parts.length !== (value.ColumnRef.fields?.length ?? 0)) return null;
  const column = parts.at(-1) ?? null;
  if (parts.length === 1) return driving.isAlone ? column : null;
  return driving.references.includes(parts.at(-2) ?? '') ? column : null;
}

/** A value without the casts around it. */
export function withoutCasts(value: Node | undefined): Node | undefined {
  return value !== undefined && 'TypeCast' in value ? withoutCasts(value.TypeCast.arg) : value;
}
