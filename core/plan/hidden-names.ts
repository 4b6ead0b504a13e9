import type { Node } from 'libpg-query';

/**
 * The words that hide what was there before, as in `create table if not exists`; null when there are none.
 *
 * Preflight proves that each name is free that a plan creates, so that undo knows what is the plan's own.
 */
export function hidingWords(node: Node): string | null {
  if (hasIfNotExists(node)) return 'if not exists';
  return isOrReplace(node) ? 'or replace' : null;
}

/** Schemas and extensions are shared, so a plan may find them there; the compiler does not count them as created. */
function hasIfNotExists(node: Node): boolean | undefined {
  if ('CreateStmt' in node) return node.CreateStmt.if_not_exists;
  if ('CreateForeignTableStmt' in node) return node.CreateForeignTableStmt.base?.if_not_exists;
  if ('CreateTableAsStmt' in node) return node.CreateTableAsStmt.if_not_exists;
  if ('CreateSeqStmt' in node) return node.CreateSeqStmt.if_not_exists;
  if ('IndexStmt' in node) return node.IndexStmt.if_not_exists;
  if (!('AlterTableStmt' in node)) return false;
  const commands = node.AlterTableStmt.cmds ?? [];
  return commands.some(
    (command) => 'AlterTableCmd' in command && command.AlterTableCmd.subtype === 'AT_AddColumn' && command.AlterTableCmd.missing_ok === true,
  );
}

function isOrReplace(node: Node): boolean | undefined {
  if ('CreateFunctionStmt' in node) return node.CreateFunctionStmt.replace;
  if ('ViewStmt' in node) return node.ViewStmt.replace;
  if ('CreateTrigStmt' in node) return node.CreateTrigStmt.replace;
  if ('RuleStmt' in node) return node.RuleStmt.replace;
  if ('DefineStmt' in node) return node.DefineStmt.replace;
  return 'CreateTransformStmt' in node ? node.CreateTransformStmt.replace : false;
}
