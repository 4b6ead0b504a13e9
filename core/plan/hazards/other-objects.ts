import type { Node, ObjectType } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { describeName, isSameName, qualified, qualifiedRelation, stringsOf } from '../sql-tree.ts';

/** A thing that has no name of its own kind in a plan's document, such as a trigger or an extension. */
export interface OtherObject {
  readonly kind: ObjectType;
  readonly name: string;
  /** For what belongs to a table. */
  readonly table: QualifiedName | null;
}

/** How each is called in a sentence; those of a table first. */
const WORDS = {
  OBJECT_TRIGGER: 'trigger',
  OBJECT_RULE: 'rule',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_AGGREGATE: 'aggregate',
  OBJECT_COLLATION: 'collation',
  OBJECT_EVENT_TRIGGER: 'event trigger',
  OBJECT_EXTENSION: 'extension',
  OBJECT_OPERATOR: 'operator',
  OBJECT_PUBLICATION: 'publication',
  OBJECT_STATISTIC_EXT: 'statistics',
} as const satisfies Partial<Record<ObjectType, string>>;

export function createdOther(node: Node): readonly OtherObject[] {
  if ('CreateTrigStmt' in node) return [inTable('OBJECT_TRIGGER', node.CreateTrigStmt.trigname, qualifiedRelation(node.CreateTrigStmt.relation))];
  if ('RuleStmt' in node) return [inTable('OBJECT_RULE', node.RuleStmt.rulename, qualifiedRelation(node.RuleStmt.relation))];
  if ('CreateEventTrigStmt' in node) return [plain('OBJECT_EVENT_TRIGGER', [node.CreateEventTrigStmt.trigname ?? ''])];
  if ('CreatePublicationStmt' in node) return [plain('OBJECT_PUBLICATION', [node.CreatePublicationStmt.pubname ?? ''])];
  if ('CreateStatsStmt' in node) return [plain('OBJECT_STATISTIC_EXT', stringsOf(node.CreateStatsStmt.defnames))];
  // IF NOT EXISTS may find an extension that others use.
  if ('CreateExtensionStmt' in node && node.CreateExtensionStmt.if_not_exists !== true)
    return [plain('OBJECT_EXTENSION', [node.CreateExtensionStmt.extname ?? ''])];
  const { kind, defnames } = 'DefineStmt' in node ? node.DefineStmt : {};
  return kind !== undefined && isKnown(kind) ? [plain(kind, stringsOf(defnames))] : [];
}

export function droppedOther(node: Node): readonly OtherObject[] {
  if (!('DropStmt' in node)) return [];
  const { removeType, objects = [] } = node.DropStmt;
  if (removeType === undefined || !isKnown(removeType)) return [];
  return objects.map((object) => {
    const parts = partsOf(object);
    const isOfTable = removeType === 'OBJECT_TRIGGER' || removeType === 'OBJECT_RULE';
    return isOfTable ? inTable(removeType, parts.at(-1), qualified(parts.slice(0, -1))) : plain(removeType, parts);
  });
}

export function isSameOther(a: OtherObject, b: OtherObject): boolean {
  const isSameTable = a.table === null || b.table === null ? a.table === b.table : isSameName(a.table, b.table);
  return a.kind === b.kind && a.name === b.name && isSameTable;
}

export function describeOther({ kind, name, table }: OtherObject): string {
  return `the ${isKnown(kind) ? WORDS[kind] : 'object'} ${name.replace(/^public\./, '')}${table === null ? '' : ` of ${describeName(table)}`}`;
}

function isKnown(kind: ObjectType): kind is keyof typeof WORDS {
  return Object.hasOwn(WORDS, kind);
}

function inTable(kind: ObjectType, name: string | undefined, table: QualifiedName): OtherObject {
  return { kind, name: name ?? '', table };
}

function plain(kind: ObjectType, parts: readonly string[]): OtherObject {
  const { schema, name } = qualified(parts);
  return { kind, name: `${schema}.${name}`, table: null };
}

function partsOf(object: Node): readonly string[] {
  if ('List' in object) return stringsOf(object.List.items);
  return 'ObjectWithArgs' in object ? stringsOf(object.ObjectWithArgs.objname) : stringsOf([object]);
}
