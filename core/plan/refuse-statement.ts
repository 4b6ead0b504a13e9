import type { Node, VariableSetStmt } from 'libpg-query';
import { functionName, isOn, kindOf, nodesIn } from './sql-tree.ts';

const TRANSACTION = 'a phase is one transaction already, and commits or rolls back as one; remove it';
const PREPARED = 'it belongs to one session, and each call may land on another one; write the statement itself';
const CURSOR = 'a cursor ends with its call; write one statement over all rows, or a transfer';
const ONE_SESSION = 'it speaks to one session, and each call may land on another one; remove it';
const WHOLE_SERVER = 'it changes more than the database that is migrated, and no undo takes it back; do it outside the plan';
const SUBSCRIPTION = 'it reaches another server, and no transaction can hold it; do it outside the plan';
const NO_EFFECT = 'it changes nothing, and nobody reads its answer; remove it, or write a check';

/** Statements that may stand in no SQL file of a plan, and why. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['TransactionStmt', TRANSACTION],
  ['PrepareStmt', PREPARED],
  ['ExecuteStmt', PREPARED],
  ['DeallocateStmt', PREPARED],
  ['DeclareCursorStmt', CURSOR],
  ['FetchStmt', CURSOR],
  ['ClosePortalStmt', CURSOR],
  ['ListenStmt', ONE_SESSION],
  ['UnlistenStmt', ONE_SESSION],
  ['DiscardStmt', ONE_SESSION],
  ['LoadStmt', ONE_SESSION],
  ['AlterSystemStmt', WHOLE_SERVER],
  ['CheckPointStmt', WHOLE_SERVER],
  ['CreatedbStmt', WHOLE_SERVER],
  ['DropdbStmt', WHOLE_SERVER],
  ['AlterDatabaseStmt', WHOLE_SERVER],
  ['CreateTableSpaceStmt', WHOLE_SERVER],
  ['DropTableSpaceStmt', WHOLE_SERVER],
  ['CreateSubscriptionStmt', SUBSCRIPTION],
  ['AlterSubscriptionStmt', SUBSCRIPTION],
  ['DropSubscriptionStmt', SUBSCRIPTION],
  ['ExplainStmt', NO_EFFECT],
  ['VariableShowStmt', NO_EFFECT],
]);

/** Functions whose effect outlives the call in a session that others share. */
const SESSION_LOCKS = ['pg_advisory_lock', 'pg_advisory_lock_shared', 'pg_try_advisory_lock', 'pg_try_advisory_lock_shared'];

/** Why a statement may not stand in a plan, and what to do; null when it may. */
export function refusal(node: Node): string | null {
  const reason = REFUSED.get(kindOf(node));
  if (reason !== undefined) return reason;
  if ('CopyStmt' in node) return 'it moves data between the server and a client or a file, and here is neither; write an INSERT, or a transfer';
  if ('VariableSetStmt' in node) return refuseSet(node.VariableSetStmt);
  if ('ClusterStmt' in node && node.ClusterStmt.relation === undefined) return 'without a table no transaction can hold it; name one table';
  if ('SelectStmt' in node && node.SelectStmt.intoClause !== undefined)
    return 'INTO means a variable inside a function, where a phase runs; write CREATE TABLE … AS';
  return refuseMaintenance(node) ?? refuseTemporary(node) ?? refuseParts(node);
}

function refuseSet(statement: VariableSetStmt): string | null {
  if (statement.kind === 'VAR_SET_MULTI') return 'the transaction has begun before the first statement of a phase; remove it';
  if (statement.name === 'role' || statement.name === 'session_authorization')
    return 'a phase runs as the migrator, whose rights the ledger needs too; set owners with ALTER … OWNER TO instead';
  if (statement.is_local === true) return null;
  const reset = statement.kind === 'VAR_RESET' || statement.kind === 'VAR_RESET_ALL';
  return `sessions are pooled, so the setting would leak into other work; ${reset ? 'remove it' : 'use SET LOCAL'}`;
}

/** What is known to need more than this version does. */
function refuseMaintenance(node: Node): string | null {
  if ('VacuumStmt' in node && isOn(node.VacuumStmt.options, 'full'))
    return 'FULL rewrites the table under an exclusive lock; leave FULL out, or move the rows with a transfer';
  if ('VacuumStmt' in node && isOn(node.VacuumStmt.options, 'skip_locked'))
    return 'SKIP_LOCKED may leave the table out, and then nothing was done; remove the option';
  if ('ReindexStmt' in node && isOn(node.ReindexStmt.params, 'concurrently'))
    return 'this version cannot prove CONCURRENTLY here yet; create a new index concurrently, and drop the old one concurrently in a later phase';
  if ('ReindexStmt' in node && !['REINDEX_OBJECT_INDEX', 'REINDEX_OBJECT_TABLE'].includes(node.ReindexStmt.kind ?? ''))
    return 'no transaction can hold it; reindex one table or one index at a time';
  const commands = 'AlterTableStmt' in node ? (node.AlterTableStmt.cmds ?? []) : [];
  const concurrently = commands.some((command) => 'AlterTableCmd' in command && isConcurrentDetach(command.AlterTableCmd.def));
  return concurrently ? 'this version cannot prove DETACH PARTITION CONCURRENTLY yet; detach the partition without CONCURRENTLY' : null;
}

/** A temporary table lives as long as its session, unless it is told to go with its transaction. */
function refuseTemporary(node: Node): string | null {
  const into = 'CreateTableAsStmt' in node ? node.CreateTableAsStmt.into : undefined;
  const table = 'CreateStmt' in node ? node.CreateStmt.relation : into?.rel;
  const onCommit = 'CreateStmt' in node ? node.CreateStmt.oncommit : into?.onCommit;
  if (table?.relpersistence === 't')
    return onCommit === 'ONCOMMIT_DROP' ? null : 'sessions are pooled, so a temporary table would leak into other work; add ON COMMIT DROP';
  const other = 'ViewStmt' in node ? node.ViewStmt.view : 'CreateSeqStmt' in node ? node.CreateSeqStmt.sequence : undefined;
  return other?.relpersistence === 't' ? 'sessions are pooled, so it would leak into other work; leave TEMPORARY out, and drop it in the end' : null;
}

function isConcurrentDetach(definition: Node | undefined): boolean {
  return definition !== undefined && 'PartitionCmd' in definition && definition.PartitionCmd.concurrent === true;
}

function refuseParts(node: Node): string | null {
  for (const part of nodesIn(node)) {
    if ('ParamRef' in part && !('CreateFunctionStmt' in node))
      return `the parameter $${part.ParamRef.number ?? 0} has no value, since nothing passes one; write the value`;
    if (!('FuncCall' in part)) continue;
    const name = functionName(part.FuncCall);
    if (SESSION_LOCKS.includes(name))
      return `${name}() holds its lock until the session ends, and sessions are pooled; use ${name.replace('advisory', 'advisory_xact')}()`;
    if (name === 'set_config' && !isTrue(part.FuncCall.args?.[2]))
      return 'sessions are pooled, so the setting would leak into other work; give set_config() true as its third argument';
  }
  return null;
}

function isTrue(node: Node | undefined): boolean {
  return node !== undefined && 'A_Const' in node && node.A_Const.boolval?.boolval === true;
}
