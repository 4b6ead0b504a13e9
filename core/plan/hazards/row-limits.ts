import type { A_Expr, Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { kindOf, stringsOf } from '../sql-tree.ts';
import type { PlanFacts } from './plan-facts.ts';
import { isUniqueColumn } from './plan-facts.ts';

/** How keys are called where no unique index of the plan tells. */
const KEY_NAME = /(^|_)(id|key|uuid|guid)$/i;

interface Place {
  readonly table: QualifiedName;
  readonly facts: PlanFacts;
}

/** Whether a WHERE holds for every row: `true`, `1 = 1`. */
export function isAlwaysTrue(where: Node): boolean {
  if ('A_Const' in where) return where.A_Const.boolval?.boolval === true;
  if (!('A_Expr' in where) || where.A_Expr.kind !== 'AEXPR_OP' || stringsOf(where.A_Expr.name).at(-1) !== '=') return false;
  const { lexpr, rexpr } = where.A_Expr;
  return isConstant(lexpr) && isConstant(rexpr) && withoutPlaces(lexpr) === withoutPlaces(rexpr);
}

/** Whether a WHERE names its rows by a key: `id = 7`, `id in (7, 8)`, `id between 1 and 100`. */
export function namesRows(where: Node, place: Place): boolean {
  if ('BoolExpr' in where) {
    const { boolop, args = [] } = where.BoolExpr;
    if (boolop === 'AND_EXPR') return args.some((part) => namesRows(part, place));
    return boolop === 'OR_EXPR' && args.every((part) => namesRows(part, place));
  }
  return 'A_Expr' in where && comparesKey(where.A_Expr, place);
}

function comparesKey({ kind, name, lexpr, rexpr }: A_Expr, place: Place): boolean {
  const isEqual = stringsOf(name).at(-1) === '=';
  const sides = [lexpr, rexpr];
  const key = sides.find((side) => isKey(side, place));
  const other = sides.find((side) => side !== key);
  if (key === undefined || other === undefined) return false;
  switch (kind) {
    case 'AEXPR_OP':
    case 'AEXPR_OP_ANY':
    case 'AEXPR_IN':
      return isEqual && isConstant(other);
    case 'AEXPR_BETWEEN':
      return isConstant(other);
    default:
      return false;
  }
}

function isKey(node: Node | undefined, { table, facts }: Place): boolean {
  if (node === undefined || !('ColumnRef' in node)) return false;
  const column = stringsOf(node.ColumnRef.fields).at(-1) ?? '';
  return KEY_NAME.test(column) || isUniqueColumn(facts, table, column);
}

/** A written value, a cast of one, or a list of them. */
function isConstant(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ('TypeCast' in node) return isConstant(node.TypeCast.arg);
  if ('List' in node) return (node.List.items ?? []).every(isConstant);
  if ('A_ArrayExpr' in node) return (node.A_ArrayExpr.elements ?? []).every(isConstant);
  return kindOf(node) === 'A_Const';
}

function withoutPlaces(node: Node | undefined): string {
  return JSON.stringify(node, (key, value: unknown) => (key === 'location' ? undefined : value));
}
