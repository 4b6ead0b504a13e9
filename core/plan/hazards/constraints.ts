import type { Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { describeName, isSameName, qualified, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { columnsOfIndex, hasIndexOn } from './plan-facts.ts';
import { defaultOf } from './rewrites.ts';
import type { WrittenConstraint } from './table-parts.ts';
import { constraintsIn, keyColumns, startOf, tableCommands } from './table-parts.ts';

/** Constraints that read every row, build an index, or lock another table. */
export const findConstraints: Finder = (look) => [
  ...constraintsIn(look.node).flatMap((written) => constraintHazards(look, written)),
  ...tableCommands(look.node).flatMap((one) => commandHazards(look, one)),
  ...domainHazards(look.node),
];

/** Commands of ALTER TABLE after which a column no longer gets a value by itself. */
const LOSES_DEFAULT: ReadonlyMap<string, string> = new Map([
  ['AT_DropIdentity', 'DROP IDENTITY'],
  ['AT_DropExpression', 'DROP EXPRESSION'],
  ['AT_ColumnDefault', 'DROP DEFAULT'],
]);

function commandHazards({ state }: Look, { table, command }: ReturnType<typeof tableCommands>[number]): readonly FoundHazard[] {
  const name = command.name ?? '';
  const subject = `${name} of ${describeName(table)}`;
  // SET DEFAULT is the same command, with a value.
  if (state.isNew(table) || (command.subtype === 'AT_ColumnDefault' && command.def !== undefined)) return [];
  if (command.subtype === 'AT_SetNotNull' && !state.isProvenNotNull(table, name))
    return [{ name: 'NOT_NULL_SCAN', subject: `SET NOT NULL for ${subject}`, table, at: null }];
  if (command.subtype === 'AT_DropNotNull') return [{ name: 'NOT_NULL_DROPPED', subject: `DROP NOT NULL for ${subject}`, table, at: null }];
  if (LOSES_DEFAULT.has(command.subtype ?? '') && !state.isOwn({ kind: 'column', schema: table.schema, table: table.name, name }))
    return [{ name: 'DEFAULT_DROPPED', subject: `${LOSES_DEFAULT.get(command.subtype ?? '')} for ${subject}`, table, at: null }];
  if (command.subtype === 'AT_DropConstraint' && !state.isOwnConstraint(table, name))
    return [{ name: 'CONSTRAINT_DROPPED', subject: `DROP CONSTRAINT ${subject}`, table, at: null }];
  if (command.subtype === 'AT_ValidateConstraint' && state.isJustAdded(table, name))
    return [{ name: 'VALIDATED_TOO_EARLY', subject: `VALIDATE CONSTRAINT ${subject}`, table, at: null }];
  return [];
}

function constraintHazards(look: Look, written: WrittenConstraint): readonly FoundHazard[] {
  const { table, constraint, isNewTable } = written;
  const isNew = isNewTable || look.state.isNew(table);
  const at = startOf(constraint);
  const subject = `${describeConstraint(written)} of ${describeName(table)}`;
  if (constraint.contype === 'CONSTR_FOREIGN') return foreignKeyHazards(look, { ...written, isNewTable: isNew }, subject);
  if (isNew) return [];
  const isChecked = constraint.skip_validation !== true && constraint.is_enforced === true;
  switch (constraint.contype) {
    case 'CONSTR_CHECK':
      return isChecked ? [{ name: 'CHECK_SCAN', subject, table, at }] : [];
    case 'CONSTR_NOTNULL':
      return written.column === null && constraint.skip_validation !== true ? [{ name: 'NOT_NULL_SCAN', subject, table, at }] : [];
    case 'CONSTR_PRIMARY':
      if (constraint.indexname === undefined) return [{ name: 'CONSTRAINT_BUILDS_INDEX', subject, table, at }];
      return isKeyNotNull(look, { table, index: constraint.indexname }) ? [] : [{ name: 'NOT_NULL_SCAN', subject, table, at }];
    case 'CONSTR_UNIQUE':
    case 'CONSTR_EXCLUSION':
      return constraint.indexname === undefined ? [{ name: 'CONSTRAINT_BUILDS_INDEX', subject, table, at }] : [];
    default:
      return [];
  }
}

/** A primary key sets its columns NOT NULL, and reads every row for it where nothing proves it yet. */
function isKeyNotNull({ state, facts }: Look, { table, index }: { readonly table: QualifiedName; readonly index: string }): boolean {
  const columns = columnsOfIndex(facts, { schema: table.schema, name: index });
  return columns?.every((column) => state.isProvenNotNull(table, column)) ?? false;
}

function foreignKeyHazards({ state, facts }: Look, written: WrittenConstraint, subject: string): readonly FoundHazard[] {
  const { table, constraint, column, isNewTable } = written;
  const other = qualifiedRelation(constraint.pktable);
  const at = startOf(constraint);
  // PostgreSQL skips the look-up for a new column that is NULL in every row (transformFKConstraints).
  const isEmptyColumn = column !== null && defaultOf(column) === undefined;
  const isChecked = constraint.skip_validation !== true && constraint.is_enforced === true && !isEmptyColumn;
  const scan: readonly FoundHazard[] = !isNewTable && isChecked ? [{ name: 'FOREIGN_KEY_SCAN', subject, table, at }] : [];
  const isOther = !isSameName(other, table) && !state.isNew(other);
  const locks: readonly FoundHazard[] = isOther
    ? [{ name: 'FOREIGN_KEY_LOCKS', subject: `${subject}, to ${describeName(other)},`, table: other, at }]
    : [];
  const slow: readonly FoundHazard[] = hasIndexOn(facts, table, keyColumns(written))
    ? []
    : [{ name: 'FOREIGN_KEY_WITHOUT_INDEX', subject, table, at }];
  return [...scan, ...locks, ...slow];
}

const WORDS: ReadonlyMap<string | undefined, string> = new Map([
  ['CONSTR_FOREIGN', 'foreign key'],
  ['CONSTR_CHECK', 'check'],
  ['CONSTR_NOTNULL', 'NOT NULL constraint'],
  ['CONSTR_PRIMARY', 'primary key'],
  ['CONSTR_UNIQUE', 'unique constraint'],
  ['CONSTR_EXCLUSION', 'exclusion constraint'],
]);

function describeConstraint({ constraint, column }: WrittenConstraint): string {
  const kind = WORDS.get(constraint.contype) ?? 'constraint';
  const columns = keyColumns({ constraint, column });
  const name = constraint.conname ?? (columns.length > 0 ? `(${columns.join(', ')})` : '');
  return `the ${kind} ${name}`.trimEnd();
}

function domainHazards(node: Node): readonly FoundHazard[] {
  if ('CreateDomainStmt' in node) {
    const { domainname, constraints = [] } = node.CreateDomainStmt;
    const isConstrained = constraints.some((one) => 'Constraint' in one && ['CONSTR_CHECK', 'CONSTR_NOTNULL'].includes(one.Constraint.contype ?? ''));
    return isConstrained ? [domainHazard(stringsOf(domainname))] : [];
  }
  // C adds a constraint, O sets NOT NULL (AlterDomainStmt in parsenodes.h).
  if (!('AlterDomainStmt' in node) || !['C', 'O'].includes(node.AlterDomainStmt.subtype ?? '')) return [];
  const { def, typeName } = node.AlterDomainStmt;
  const isDeferred = def !== undefined && 'Constraint' in def && def.Constraint.skip_validation === true;
  return isDeferred ? [] : [domainHazard(stringsOf(typeName))];
}

function domainHazard(name: readonly string[]): FoundHazard {
  return { name: 'DOMAIN_CONSTRAINT', subject: `the constraint of the domain ${describeName(qualified(name))}`, table: null, at: null };
}
