import type { Node, ObjectType, RangeVar } from 'libpg-query';
import type { ObjectName } from './compiled-plan.ts';
import { qualified, qualifiedRelation, stringsOf } from './sql-tree.ts';

type Kind = ObjectName['kind'];

/** The names that a statement creates; temporary tables and names that PostgreSQL chooses are not among them. */
export function createdNames(node: Node, schema?: string): readonly ObjectName[] {
  return [...relationNames(node, schema), ...typeNames(node), ...partNames(node)];
}

function relationNames(node: Node, schema: string | undefined): readonly ObjectName[] {
  if ('CreateStmt' in node) return relation('table', node.CreateStmt.relation, schema);
  if ('CreateForeignTableStmt' in node) return relation('table', node.CreateForeignTableStmt.base?.relation, schema);
  if ('CreateTableAsStmt' in node) {
    const { objtype, into } = node.CreateTableAsStmt;
    return relation(objtype === 'OBJECT_MATVIEW' ? 'view' : 'table', into?.rel, schema);
  }
  if ('ViewStmt' in node) return relation('view', node.ViewStmt.view, schema);
  if ('CreateSeqStmt' in node) return relation('sequence', node.CreateSeqStmt.sequence, schema);
  if ('IndexStmt' in node && node.IndexStmt.idxname !== undefined) {
    const { idxname, relation: table } = node.IndexStmt;
    return [{ kind: 'index', schema: table?.schemaname ?? schema ?? 'public', name: idxname }];
  }
  return [];
}

function typeNames(node: Node): readonly ObjectName[] {
  if ('CreateFunctionStmt' in node) return named('function', node.CreateFunctionStmt.funcname);
  if ('CreateEnumStmt' in node) return named('type', node.CreateEnumStmt.typeName);
  if ('CreateRangeStmt' in node) return named('type', node.CreateRangeStmt.typeName);
  if ('CreateDomainStmt' in node) return named('type', node.CreateDomainStmt.domainname);
  if ('CompositeTypeStmt' in node) return relation('type', node.CompositeTypeStmt.typevar, undefined);
  if ('DefineStmt' in node && node.DefineStmt.kind === 'OBJECT_TYPE') return named('type', node.DefineStmt.defnames);
  return [];
}

function partNames(node: Node): readonly ObjectName[] {
  if ('CreateSchemaStmt' in node) {
    const { schemaname = '', if_not_exists: kept, schemaElts: parts = [] } = node.CreateSchemaStmt;
    const own: readonly ObjectName[] = kept === true ? [] : [{ kind: 'schema', schema: schemaname, name: schemaname }];
    return [...own, ...parts.flatMap((part) => createdNames(part, schemaname))];
  }
  if ('CreatePolicyStmt' in node) {
    const { table, policy_name: name = '' } = node.CreatePolicyStmt;
    return [inTable('policy', table, name)];
  }
  if (!('AlterTableStmt' in node)) return [];
  const { relation: table, cmds = [] } = node.AlterTableStmt;
  return cmds.flatMap((command) => {
    if (!('AlterTableCmd' in command) || command.AlterTableCmd.subtype !== 'AT_AddColumn') return [];
    const { def } = command.AlterTableCmd;
    return def !== undefined && 'ColumnDef' in def ? [inTable('column', table, def.ColumnDef.colname ?? '')] : [];
  });
}

/** The names that a statement takes away, so that a later one may create them again. */
export function freedNames(node: Node): readonly ObjectName[] {
  if ('RenameStmt' in node) return renamedName(node.RenameStmt.renameType, node.RenameStmt.relation, node.RenameStmt.object, node.RenameStmt.subname);
  if ('AlterTableStmt' in node) {
    const { relation: table, cmds = [] } = node.AlterTableStmt;
    return cmds.flatMap((command) =>
      'AlterTableCmd' in command && command.AlterTableCmd.subtype === 'AT_DropColumn'
        ? [inTable('column', table, command.AlterTableCmd.name ?? '')]
        : [],
    );
  }
  if (!('DropStmt' in node)) return [];
  const { removeType, objects = [] } = node.DropStmt;
  return objects.flatMap((object) => droppedName(removeType, partsOf(object)));
}

/** The name that a statement gives to what had another one. */
export function renamedTo(node: Node): readonly ObjectName[] {
  if (!('RenameStmt' in node)) return [];
  const { newname = '' } = node.RenameStmt;
  return freedNames(node).map((old) => (old.kind === 'schema' ? { kind: 'schema', schema: newname, name: newname } : { ...old, name: newname }));
}

/** Names after a rename: the one that it gives another name, and what belongs to that table. */
export function namesAfter(names: readonly ObjectName[], node: Node): readonly ObjectName[] {
  const [old, next] = [freedNames(node)[0], renamedTo(node)[0]];
  if (old === undefined || next === undefined) return names;
  return names.map((name) => {
    if (isSame(name, old)) return next;
    const isOfIt = 'table' in name && old.kind === 'table' && name.schema === old.schema && name.table === old.name;
    return isOfIt ? { ...name, table: next.name } : name;
  });
}

/** Whether a name is free because a statement before it freed it, or the table that it belongs to. */
export function isFreed(name: ObjectName, freed: readonly ObjectName[]): boolean {
  return freed.some(
    (other) => isSame(name, other) || ('table' in name && other.kind === 'table' && other.schema === name.schema && other.name === name.table),
  );
}

function isSame(a: ObjectName, b: ObjectName): boolean {
  const tableOf = (name: ObjectName): string => ('table' in name ? name.table : '');
  const spaceOf = (name: ObjectName): string => (RELATIONS.has(name.kind) ? 'relation' : name.kind);
  return spaceOf(a) === spaceOf(b) && a.schema === b.schema && a.name === b.name && tableOf(a) === tableOf(b);
}

/** These share one space of names: pg_class. */
const RELATIONS: ReadonlySet<Kind> = new Set(['table', 'view', 'index', 'sequence']);

const KINDS: ReadonlyMap<ObjectType | undefined, Kind> = new Map<ObjectType | undefined, Kind>([
  ['OBJECT_TABLE', 'table'],
  ['OBJECT_FOREIGN_TABLE', 'table'],
  ['OBJECT_VIEW', 'view'],
  ['OBJECT_MATVIEW', 'view'],
  ['OBJECT_INDEX', 'index'],
  ['OBJECT_SEQUENCE', 'sequence'],
  ['OBJECT_FUNCTION', 'function'],
  ['OBJECT_PROCEDURE', 'function'],
  ['OBJECT_ROUTINE', 'function'],
  ['OBJECT_TYPE', 'type'],
  ['OBJECT_DOMAIN', 'type'],
  ['OBJECT_SCHEMA', 'schema'],
  ['OBJECT_POLICY', 'policy'],
  ['OBJECT_COLUMN', 'column'],
]);

function droppedName(type: ObjectType | undefined, parts: readonly string[]): readonly ObjectName[] {
  const kind = KINDS.get(type);
  const name = parts.at(-1) ?? '';
  if (kind === undefined || kind === 'column') return [];
  if (kind === 'schema') return [{ kind, schema: name, name }];
  if (kind !== 'policy') return [{ kind, ...qualified(parts) }];
  const table = qualified(parts.slice(0, -1));
  return [{ kind, schema: table.schema, table: table.name, name }];
}

function renamedName(
  type: ObjectType | undefined,
  table: RangeVar | undefined,
  object: Node | undefined,
  part: string | undefined,
): readonly ObjectName[] {
  const kind = KINDS.get(type);
  if (kind === undefined) return [];
  if (kind === 'schema') return part === undefined ? [] : [{ kind, schema: part, name: part }];
  if (kind === 'column' || kind === 'policy') return [inTable(kind, table, part ?? '')];
  return table === undefined ? droppedName(type, partsOf(object)) : [{ kind, ...qualifiedRelation(table) }];
}

/** PostgreSQL gives the name of a dropped object in five shapes. */
function partsOf(object: Node | undefined): readonly string[] {
  if (object === undefined) return [];
  if ('List' in object) return stringsOf(object.List.items);
  if ('ObjectWithArgs' in object) return stringsOf(object.ObjectWithArgs.objname);
  if ('TypeName' in object) return stringsOf(object.TypeName.names);
  return stringsOf([object]);
}

function relation(kind: Exclude<Kind, 'column' | 'policy'>, name: RangeVar | undefined, schema: string | undefined): readonly ObjectName[] {
  if (name === undefined || name.relpersistence === 't') return [];
  return [{ kind, schema: name.schemaname ?? schema ?? 'public', name: name.relname ?? '' }];
}

function named(kind: Exclude<Kind, 'column' | 'policy'>, parts: readonly Node[] | undefined): readonly ObjectName[] {
  return [{ kind, ...qualified(stringsOf(parts)) }];
}

function inTable(kind: 'column' | 'policy', table: RangeVar | undefined, name: string): ObjectName {
  const { schema, name: tableName } = qualifiedRelation(table);
  return { kind, schema, table: tableName, name };
}
