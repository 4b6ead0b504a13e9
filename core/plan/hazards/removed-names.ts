import type { Node } from 'libpg-query';
import type { ObjectName, QualifiedName } from '../compiled-plan.ts';
import { freedNames } from '../created-names.ts';
import { describeName, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { describeOther, droppedOther } from './other-objects.ts';

/** What was there before the plan, and is dropped, renamed or moved by it. */
export const findRemovedNames: Finder = (look) => [
  ...cascades(look.node),
  ...gone(look),
  ...otherGone(look),
  ...renamedValues(look),
  ...movedToSchema(look),
];

function gone({ node, state }: Look): readonly FoundHazard[] {
  const name = 'RenameStmt' in node ? 'RENAMED_IN_USE' : 'DROPPED_IN_USE';
  const word = 'RenameStmt' in node ? 'RENAME of' : 'DROP of';
  const isOurs = 'RenameStmt' in node ? state.isNamed : state.isOwn;
  return freedNames(node)
    .filter((freed) => !HARMLESS.has(freed.kind) && !isOurs(freed))
    .map((freed) => {
      const table = tableOf(freed);
      return { name, subject: `${word} ${describeObject(freed)}`, table, at: null, ...(table === null ? { lock: null } : {}) };
    });
}

/** Triggers, extensions and the like; what belongs to a table of the plan goes as it came. */
function otherGone({ node, state }: Look): readonly FoundHazard[] {
  return droppedOther(node)
    .filter((dropped) => !state.isOwnOther(dropped) && (dropped.table === null || !state.isNew(dropped.table)))
    .map((dropped) => {
      const { table } = dropped;
      return { name: 'DROPPED_IN_USE', subject: `DROP of ${describeOther(dropped)}`, table, at: null, ...(table === null ? { lock: null } : {}) };
    });
}

/** Indexes have a hazard of their own, and their names are read by nobody; a policy's drop only hides rows. */
const HARMLESS: ReadonlySet<ObjectName['kind']> = new Set(['index', 'policy']);

function renamedValues({ node, state }: Look): readonly FoundHazard[] {
  if (!('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal === undefined) return [];
  const parts = stringsOf(node.AlterEnumStmt.typeName);
  const type = { schema: parts.at(-2) ?? 'public', name: parts.at(-1) ?? '' };
  if (state.isOwn({ kind: 'type', ...type })) return [];
  const subject = `RENAME of the value ${node.AlterEnumStmt.oldVal} of ${describeName(type)}`;
  return [{ name: 'RENAMED_IN_USE', subject, table: null, at: null, lock: null }];
}

function movedToSchema({ node, state }: Look): readonly FoundHazard[] {
  if (!('AlterObjectSchemaStmt' in node) || node.AlterObjectSchemaStmt.relation === undefined) return [];
  const table = qualifiedRelation(node.AlterObjectSchemaStmt.relation);
  if (state.isOwn({ kind: 'table', ...table })) return [];
  return [{ name: 'RENAMED_IN_USE', subject: `SET SCHEMA of ${describeName(table)}`, table, at: null }];
}

function cascades(node: Node): readonly FoundHazard[] {
  if ('DropStmt' in node && node.DropStmt.behavior === 'DROP_CASCADE') return [cascade('DROP … CASCADE', null)];
  if ('DropOwnedStmt' in node) return [cascade('DROP OWNED', null)];
  if (!('AlterTableStmt' in node)) return [];
  const table = qualifiedRelation(node.AlterTableStmt.relation);
  const found = (node.AlterTableStmt.cmds ?? []).find((one) => 'AlterTableCmd' in one && one.AlterTableCmd.behavior === 'DROP_CASCADE');
  return found === undefined ? [] : [cascade(`CASCADE at ${describeName(table)}`, table)];
}

function cascade(subject: string, table: QualifiedName | null): FoundHazard {
  return { name: 'DROP_CASCADE', subject, table, at: null };
}

function describeObject(name: ObjectName): string {
  if ('table' in name) return `the ${name.kind} ${name.name} of ${describeName({ schema: name.schema, name: name.table })}`;
  return name.kind === 'schema' ? `the schema ${name.name}` : `the ${name.kind} ${describeName(name)}`;
}

function tableOf(name: ObjectName): QualifiedName | null {
  if ('table' in name) return { schema: name.schema, name: name.table };
  return name.kind === 'table' || name.kind === 'view' ? { schema: name.schema, name: name.name } : null;
}
