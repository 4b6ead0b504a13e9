import type { AlterTableCmd, ColumnDef, Constraint, Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { qualifiedRelation, stringsOf } from '../sql-tree.ts';

/** A command of ALTER TABLE, and the table that it is for. */
export interface TableCommand {
  readonly table: QualifiedName;
  readonly command: AlterTableCmd;
}

/** A constraint as it is written: on a table, or on one of its columns. */
export interface WrittenConstraint {
  readonly table: QualifiedName;
  readonly constraint: Constraint;
  /** The column that carries it; null where it stands for itself. */
  readonly column: ColumnDef | null;
  /** Whether the table is created by the same statement. */
  readonly isNewTable: boolean;
}

export function tableCommands(node: Node): readonly TableCommand[] {
  if (!('AlterTableStmt' in node)) return [];
  const { relation, cmds = [] } = node.AlterTableStmt;
  const table = qualifiedRelation(relation);
  return cmds.flatMap((command) => ('AlterTableCmd' in command ? [{ table, command: command.AlterTableCmd }] : []));
}

export function constraintsIn(node: Node): readonly WrittenConstraint[] {
  if ('CreateStmt' in node) {
    const { relation, tableElts = [] } = node.CreateStmt;
    const table = qualifiedRelation(relation);
    return tableElts.flatMap((part) => constraintsOf(part, { table, isNewTable: true }));
  }
  return tableCommands(node).flatMap(({ table, command }) => {
    const isAdding = command.subtype === 'AT_AddConstraint' || command.subtype === 'AT_AddColumn';
    return isAdding && command.def !== undefined ? constraintsOf(command.def, { table, isNewTable: false }) : [];
  });
}

function constraintsOf(part: Node, place: Pick<WrittenConstraint, 'table' | 'isNewTable'>): readonly WrittenConstraint[] {
  if ('Constraint' in part) return [{ ...place, constraint: part.Constraint, column: null }];
  if (!('ColumnDef' in part)) return [];
  const column = part.ColumnDef;
  return (column.constraints ?? []).flatMap((one) => ('Constraint' in one ? [{ ...place, constraint: one.Constraint, column }] : []));
}

/** The columns that a key, a unique or a foreign key constraint is on. */
export function keyColumns({ constraint, column }: Pick<WrittenConstraint, 'constraint' | 'column'>): readonly string[] {
  if (column !== null) return [column.colname ?? ''];
  return stringsOf(constraint.contype === 'CONSTR_FOREIGN' ? constraint.fk_attrs : constraint.keys);
}

/** The byte at which a part starts, where the parser tells. */
export function startOf(part: { readonly location?: number } | undefined): number | null {
  return part?.location !== undefined && part.location > 0 ? part.location : null;
}
