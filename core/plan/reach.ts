import type { Node } from 'libpg-query';
import { quoteName } from '../transfer/identifier.ts';
import type { CompiledStatement } from './compile-statements.ts';
import type { Reach } from './compiled-plan.ts';
import { kindOf, nodesIn, qualified, qualifiedRelation, stringsOf } from './sql-tree.ts';

/** Kinds of statements that say which objects they change. Any other, a DO block or a GRANT on all tables say, may change whatever there is. */
const OUTSPOKEN: ReadonlySet<string> = new Set([
  ...['AlterDomainStmt', 'AlterEnumStmt', 'AlterFunctionStmt', 'AlterObjectSchemaStmt', 'AlterOwnerStmt', 'AlterPolicyStmt', 'AlterSeqStmt'],
  ...['AlterStatsStmt', 'AlterTableStmt', 'AlterTypeStmt', 'ClusterStmt', 'CommentStmt', 'CompositeTypeStmt', 'CreateDomainStmt', 'CreateEnumStmt'],
  ...['CreateFunctionStmt', 'CreatePolicyStmt', 'CreateRangeStmt', 'CreateSchemaStmt', 'CreateSeqStmt', 'CreateStatsStmt'],
  ...[
    'CreateStmt',
    'CreateTableAsStmt',
    'CreateTrigStmt',
    'DefineStmt',
    'DeleteStmt',
    'DropStmt',
    'GrantStmt',
    'IndexStmt',
    'InsertStmt',
    'LockStmt',
  ],
  ...['MergeStmt', 'RefreshMatViewStmt', 'ReindexStmt', 'RenameStmt', 'RuleStmt', 'TruncateStmt', 'UpdateStmt', 'VacuumStmt', 'VariableSetStmt'],
  ...['ConstraintsSetStmt', 'ViewStmt'],
]);

/** Kinds that write rows by what they are. */
const WRITING: ReadonlySet<string> = new Set(['DeleteStmt', 'InsertStmt', 'MergeStmt', 'TruncateStmt', 'UpdateStmt']);

/** What the schema may owe to statements: the names that stand in them, and whether that is all. */
export function reachOf(statements: readonly Pick<CompiledStatement, 'node'>[]): Required<Reach> {
  const nodes = statements.map(({ node }) => node);
  const names = sorted(nodes.flatMap((node) => namesIn(node, 'plain')));
  return {
    names,
    // Behind another search path nobody can tell where a name without a schema leads.
    exact: nodes.some(movesPath) ? names : sorted(nodes.flatMap((node) => namesIn(node, 'exact'))),
    isOpaque: nodes.some((node) => !isOutspoken(node)),
  };
}

/** The reaches of a plan's phases, or of plans, as one. */
export function joinedReach(reaches: readonly Reach[]): Required<Reach> {
  return {
    names: sorted(reaches.flatMap(({ names }) => names)),
    exact: sorted(reaches.flatMap(({ names, exact }) => exact ?? names)),
    isOpaque: reaches.some(({ isOpaque }) => isOpaque),
  };
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

function movesPath(node: Node): boolean {
  return 'VariableSetStmt' in node && (node.VariableSetStmt.name ?? 'search_path') === 'search_path';
}

/** Whether a statement may write rows; what is not outspoken may. */
export function writesRows(node: Node): boolean {
  return !isOutspoken(node) || nodesIn(node).some((one) => WRITING.has(kindOf(one)));
}

function isOutspoken(node: Node): boolean {
  // What CASCADE takes along is named nowhere, be it of DROP, of ALTER or of a constraint.
  if (!OUTSPOKEN.has(kindOf(node)) || JSON.stringify(node).includes('"behavior":"DROP_CASCADE"')) return false;
  return !('GrantStmt' in node) || node.GrantStmt.targtype === 'ACL_TARGET_OBJECT';
}

/** Keys of the parser's tree under which the name of an object stands, as a text or as a list of its parts. */
const NAME_KEYS: ReadonlySet<string> = new Set([
  ...['conname', 'domainname', 'extname', 'idxname', 'indexname', 'newname', 'policy_name', 'relname', 'rulename', 'subname', 'trigname'],
  ...['defnames', 'funcname', 'names', 'object', 'objects', 'objname', 'typeName'],
]);

/** Kinds of objects that are relations, and those that belong to one: their names end in its own. */
const RELATIONS: ReadonlySet<string> = new Set([
  ...['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_INDEX', 'OBJECT_SEQUENCE', 'OBJECT_FOREIGN_TABLE'],
]);
const OF_RELATIONS: ReadonlySet<string> = new Set(['OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE']);

type Form = 'plain' | 'exact';

function namesIn(tree: unknown, form: Form): readonly string[] {
  const found: string[] = [];
  const open: { readonly key: string; readonly value: unknown }[] = [{ key: '', value: tree }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { key, value } = next;
    if (typeof value === 'string') {
      if (NAME_KEYS.has(key) || key === 'schemaname') found.push(value);
    } else if (typeof value === 'object' && value !== null) {
      const exact = form === 'exact' ? exactNames(value) : null;
      found.push(...(exact?.names ?? []));
      if (NAME_KEYS.has(key)) found.push(...textsIn(value));
      for (const [below, child] of Object.entries(value)) {
        if (exact?.said.includes(below)) continue;
        // The schema of a table is not what a statement changes; a schema that it creates is.
        if (below !== 'schemaname' || !('relname' in value)) open.push({ key: Array.isArray(value) ? key : below, value: child });
      }
    }
  }
  return found;
}

/** Names whose schema a part of a statement tells, and which of its keys they say. */
function exactNames(part: object): { readonly names: readonly string[]; readonly said: readonly string[] } | null {
  if ('CreateSchemaStmt' in part) return { names: namesIn(part, 'plain'), said: ['CreateSchemaStmt'] };
  if ('relname' in part) return { names: [quoteName(qualifiedRelation(part as Relation))], said: ['relname'] };
  const { relation, idxname, newname, newschema, renameType, removeType, objtype, objects, object } = part as Partial<Named>;
  if (idxname !== undefined) return { names: [beside(relation, idxname)], said: ['idxname'] };
  if (newname !== undefined && RELATIONS.has(renameType ?? '')) return { names: [beside(relation, newname)], said: ['newname'] };
  if (newschema !== undefined && relation !== undefined) return { names: [quoteName({ schema: newschema, name: relation.relname ?? '' })], said: [] };
  if (removeType !== undefined && objects !== undefined && isOfRelation(removeType)) {
    return { names: objects.flatMap((one) => placed(removeType, partsOf(one))), said: ['objects'] };
  }
  if (objtype !== undefined && object !== undefined && isOfRelation(objtype)) return { names: placed(objtype, partsOf(object)), said: ['object'] };
  return null;
}

interface Relation {
  readonly relname?: string;
  readonly schemaname?: string;
}

/** The keys of DropStmt, RenameStmt, AlterObjectSchemaStmt, IndexStmt and CommentStmt that say names. */
interface Named {
  readonly relation: Relation;
  readonly idxname: string;
  readonly newname: string;
  readonly newschema: string;
  readonly renameType: string;
  readonly removeType: string;
  readonly objtype: string;
  readonly objects: readonly Node[];
  readonly object: Node;
}

/** In the schema of the relation that the statement is about. */
function beside(relation: Relation | undefined, name: string): string {
  return quoteName({ schema: relation?.schemaname ?? 'public', name });
}

function isOfRelation(kind: string): boolean {
  return RELATIONS.has(kind) || OF_RELATIONS.has(kind);
}

function placed(kind: string, parts: readonly string[]): readonly string[] {
  if (RELATIONS.has(kind)) return [quoteName(qualified(parts))];
  const relation = quoteName(qualified(parts.slice(0, -1)));
  return kind === 'OBJECT_COLUMN' ? [relation] : [relation, ...parts.slice(-1)];
}

function partsOf(object: Node): readonly string[] {
  return 'List' in object ? stringsOf(object.List.items) : stringsOf([object]);
}

function textsIn(value: object): readonly string[] {
  return stringsOf(nodesIn(value));
}
