import type { Node, SelectStmt } from 'libpg-query';
import type { QualifiedName } from './compiled-plan.ts';
import { describeName, isSameName, qualifiedRelation, stringsOf } from './sql-tree.ts';

/** Where a mapping's rows come from: the names by which the SELECT calls its driving table, or what is wrong with it. */
export type DrivingTable = { readonly references: readonly string[]; readonly isAlone: boolean } | { readonly fault: string };

interface Occurrence {
  readonly table: QualifiedName;
  readonly reference: string;
  /** A join may give rows in which it is all NULL. */
  readonly isNullable: boolean;
}

export function drivingTable(select: SelectStmt, from: QualifiedName): DrivingTable {
  const name = describeName(from);
  const items = select.fromClause ?? [];
  const joins = items.flatMap(joinTypes);
  const outer = joins.find((type) => type === 'JOIN_RIGHT' || type === 'JOIN_FULL');
  if (outer !== undefined) {
    return {
      fault: `${outer === 'JOIN_FULL' ? 'a FULL' : 'a RIGHT'} JOIN gives rows without a row of the driving table; write ${name} first and LEFT JOIN the lookups`,
    };
  }
  const hidden = (select.withClause?.ctes ?? []).some((cte) => 'CommonTableExpr' in cte && cte.CommonTableExpr.ctename === from.name);
  if (hidden) return { fault: `the WITH query ${from.name} hides the driving table of that name; rename it` };
  const found = items.flatMap((item) => occurrences(item, false)).filter(({ table }) => isSameName(table, from));
  if (found.length === 0)
    return { fault: `the driving table ${name} is not in the FROM clause as a plain table; add it, or correct the header "from"` };
  const usable = found.filter(({ isNullable }) => !isNullable);
  if (usable.length === 0)
    return { fault: `the driving table ${name} is the optional side of a LEFT JOIN; write it first and LEFT JOIN the lookups` };
  return { references: usable.map(({ reference }) => reference), isAlone: items.length === 1 && joins.length === 0 };
}

/** The driving table's column that an output column carries unchanged; null for anything else. */
export function plainColumn(value: Node | undefined, driving: { readonly references: readonly string[]; readonly isAlone: boolean }): string | null {
  if (value === undefined || !('ColumnRef' in value)) return null;
  const parts = stringsOf(value.ColumnRef.fields);
  if (parts.length !== (value.ColumnRef.fields?.length ?? 0)) return null;
  const column = parts.at(-1) ?? null;
  if (parts.length === 1) return driving.isAlone ? column : null;
  return driving.references.includes(parts.at(-2) ?? '') ? column : null;
}

function joinTypes(item: Node): readonly string[] {
  if (!('JoinExpr' in item)) return [];
  const { jointype = 'JOIN_INNER', larg, rarg } = item.JoinExpr;
  return [jointype, ...[larg, rarg].flatMap((side) => (side === undefined ? [] : joinTypes(side)))];
}

function occurrences(item: Node | undefined, isNullable: boolean): readonly Occurrence[] {
  if (item === undefined) return [];
  if ('RangeVar' in item) {
    const { alias, relname = '' } = item.RangeVar;
    return [{ table: qualifiedRelation(item.RangeVar), reference: alias?.aliasname ?? relname, isNullable }];
  }
  if (!('JoinExpr' in item)) return [];
  const { jointype, larg, rarg } = item.JoinExpr;
  return [...occurrences(larg, isNullable), ...occurrences(rarg, isNullable || jointype === 'JOIN_LEFT')];
}
