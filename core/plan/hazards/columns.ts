import type { ColumnDef, Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { describeName, nodesIn, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import { limitsOf, typeOf } from './casts.ts';
import type { Finder, FoundHazard, HazardName } from './hazard.ts';
import { isSerial } from './rewrites.ts';
import { startOf } from './table-parts.ts';

const SMALL = new Set(['int2', 'int4', 'smallserial', 'serial', 'serial2', 'serial4']);

/** Types of columns that hold less than they seem to, in new tables too. */
export const findColumns: Finder = ({ node }) => {
  const table = tableOf(node);
  const keys = new Set(nodesIn(node).flatMap(singleKey));
  return nodesIn(node).flatMap((part) => ('ColumnDef' in part ? columnHazards(part.ColumnDef, { table, keys }) : []));
};

function columnHazards(
  column: ColumnDef,
  { table, keys }: { readonly table: QualifiedName | null; readonly keys: ReadonlySet<string> },
): readonly FoundHazard[] {
  const { colname = '', typeName } = column;
  const type = typeOf(typeName);
  const subject =
    `the ${typeName?.arrayBounds === undefined ? '' : 'array '}column ${colname}`.trimEnd() + (table === null ? '' : ` of ${describeName(table)}`);
  const hazard = (name: HazardName): FoundHazard => ({ name, subject, table, at: startOf(column) });
  const isKey = keys.has(colname) || isSerial(column) || hasOwn(column, 'CONSTR_PRIMARY') || hasOwn(column, 'CONSTR_IDENTITY');
  return [
    ...(type === 'timestamp' ? [hazard('TIMESTAMP_WITHOUT_ZONE')] : []),
    ...(type === 'bpchar' && limitsOf(typeName).length > 0 ? [hazard('CHAR_COLUMN')] : []),
    ...(type === 'json' ? [hazard('JSON_COLUMN')] : []),
    ...(isSerial(column) ? [hazard('SERIAL_COLUMN')] : []),
    ...(isKey && SMALL.has(type) ? [hazard('SMALL_KEY')] : []),
  ];
}

function hasOwn(column: ColumnDef, type: string): boolean {
  return (column.constraints ?? []).some((one) => 'Constraint' in one && one.Constraint.contype === type);
}

/** The column of `primary key (id)`. */
function singleKey(part: Node): readonly string[] {
  if (!('Constraint' in part) || part.Constraint.contype !== 'CONSTR_PRIMARY') return [];
  const columns = stringsOf(part.Constraint.keys);
  return columns.length === 1 ? columns : [];
}

function tableOf(node: Node): QualifiedName | null {
  if ('CreateStmt' in node) return qualifiedRelation(node.CreateStmt.relation);
  return 'AlterTableStmt' in node ? qualifiedRelation(node.AlterTableStmt.relation) : null;
}
