import type { Node } from 'libpg-query';
import type { CompiledStatement } from './compile-statements.ts';
import type { Reach } from './compiled-plan.ts';
import { kindOf, nodesIn, stringsOf } from './sql-tree.ts';

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
export function reachOf(statements: readonly Pick<CompiledStatement, 'node'>[]): Reach {
  const nodes = statements.map(({ node }) => node);
  const names = new Set(nodes.flatMap(namesIn));
  return { names: [...names].sort(), isOpaque: nodes.some((node) => !isOutspoken(node)) };
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

function namesIn(tree: unknown): readonly string[] {
  const found: string[] = [];
  const open: { readonly key: string; readonly value: unknown }[] = [{ key: '', value: tree }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { key, value } = next;
    if (typeof value === 'string') {
      if (NAME_KEYS.has(key) || key === 'schemaname') found.push(value);
    } else if (typeof value === 'object' && value !== null) {
      if (NAME_KEYS.has(key)) found.push(...textsIn(value));
      for (const [below, child] of Object.entries(value)) {
        // The schema of a table is not what a statement changes; a schema that it creates is.
        if (below !== 'schemaname' || !('relname' in value)) open.push({ key: Array.isArray(value) ? key : below, value: child });
      }
    }
  }
  return found;
}

function textsIn(value: object): readonly string[] {
  return stringsOf(nodesIn(value));
}
