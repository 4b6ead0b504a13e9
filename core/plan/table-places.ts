import type { JoinExpr, Node, RangeVar, SelectStmt } from 'libpg-query';
import type { QualifiedName } from './compiled-plan.ts';
import { nodesIn, qualifiedRelation } from './sql-tree.ts';

/** A table in a SELECT's own FROM clause. */
export interface TablePlace {
  readonly table: QualifiedName;
  /** By which the SELECT calls it. */
  readonly reference: string;
  /** A join may give rows in which it is all NULL. */
  readonly isNullable: boolean;
  readonly range: RangeVar;
}

/** The plain tables of the FROM clause, in reading order; what stands in a subquery is not among them. */
export function tablePlaces(select: SelectStmt): readonly TablePlace[] {
  const queries = withNames(select);
  return (select.fromClause ?? []).flatMap((item) => placesIn(item, false)).filter(({ range }) => !isWithQuery(range, queries));
}

/** The tables of an item of the FROM clause. */
export function placesIn(item: Node | undefined, isNullable: boolean): readonly TablePlace[] {
  if (item === undefined) return [];
  if ('RangeVar' in item) {
    const { alias, relname = '' } = item.RangeVar;
    return [{ table: qualifiedRelation(item.RangeVar), reference: alias?.aliasname ?? relname, isNullable, range: item.RangeVar }];
  }
  if (!('JoinExpr' in item)) return [];
  const { jointype, larg, rarg } = item.JoinExpr;
  return [...placesIn(larg, isNullable), ...placesIn(rarg, isNullable || jointype === 'JOIN_LEFT')];
}

/** The joins of an item of the FROM clause, the outer one first. */
export function joinsIn(item: Node | undefined): readonly JoinExpr[] {
  if (item === undefined || !('JoinExpr' in item)) return [];
  return [item.JoinExpr, ...joinsIn(item.JoinExpr.larg), ...joinsIn(item.JoinExpr.rarg)];
}

/** Every table that a SELECT reads, wherever in it; a query of its WITH clauses is none. */
export function tablesRead(select: SelectStmt): readonly RangeVar[] {
  const queries = withNames(select);
  return nodesIn(select).flatMap((node) => ('RangeVar' in node && !isWithQuery(node.RangeVar, queries) ? [node.RangeVar] : []));
}

function withNames(select: SelectStmt): ReadonlySet<string> {
  return new Set(nodesIn(select).flatMap((node) => ('CommonTableExpr' in node ? [node.CommonTableExpr.ctename ?? ''] : [])));
}

function isWithQuery({ schemaname, relname = '' }: RangeVar, queries: ReadonlySet<string>): boolean {
  return schemaname === undefined && queries.has(relname);
}
