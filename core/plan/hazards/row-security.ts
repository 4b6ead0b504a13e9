import type { Node } from 'libpg-query';
import type { QualifiedName } from '../compiled-plan.ts';
import { describeName, isOn, isSameName, nodesIn, qualifiedRelation } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { isSecured } from './plan-facts.ts';
import { tableCommands } from './table-parts.ts';

const COMMANDS = ['select', 'insert', 'update', 'delete'];

/** Row-level security that hides too much, or too little. */
export const findRowSecurity: Finder = (look) => [
  ...tableCommands(look.node).flatMap((one) => enabled(look, one)),
  ...bypasses(look),
  ...withoutEffect(look),
];

function enabled({ state, facts }: Look, { table, command }: ReturnType<typeof tableCommands>[number]): readonly FoundHazard[] {
  const of = describeName(table);
  if (command.subtype === 'AT_ForceRowSecurity')
    return [{ name: 'ROW_SECURITY_FORCED', subject: `FORCE ROW LEVEL SECURITY of ${of}`, table, at: null }];
  // What the plan switched on itself, its undo may switch off.
  if (command.subtype === 'AT_DisableRowSecurity' && !isSecured(facts, table) && !state.isNew(table))
    return [{ name: 'ROW_SECURITY_DISABLED', subject: `DISABLE ROW LEVEL SECURITY of ${of}`, table, at: null }];
  if (command.subtype !== 'AT_EnableRowSecurity') return [];
  const covered = facts.policies.filter((policy) => isSameName(policy.table, table)).map((policy) => policy.command);
  const subject = `row-level security of ${of}`;
  if (covered.length === 0) return [{ name: 'ROW_SECURITY_WITHOUT_POLICY', subject, table, at: null }];
  const missing = COMMANDS.filter((one) => !covered.includes('all') && !covered.includes(one));
  if (missing.length === 0) return [];
  return [{ name: 'ROW_SECURITY_GAP', subject: `${subject}, without ${missing.join(', ').toUpperCase()},`, table, at: null }];
}

/** A view reads its tables with its owner's rights, and the owner of both is not filtered. */
function bypasses({ node, facts }: Look): readonly FoundHazard[] {
  const view = shownQuery(node);
  if (view === null) return [];
  const read = nodesIn(view.query).flatMap((part) => ('RangeVar' in part ? [qualifiedRelation(part.RangeVar)] : []));
  const table = read.find((one) => isSecured(facts, one));
  if (table === undefined) return [];
  return [{ name: 'ROW_SECURITY_BYPASS', subject: `the view ${describeName(view.name)} over ${describeName(table)}`, table, at: null }];
}

function shownQuery(node: Node): { readonly name: QualifiedName; readonly query: Node | undefined } | null {
  if ('ViewStmt' in node && !isOn(node.ViewStmt.options, 'security_invoker'))
    return { name: qualifiedRelation(node.ViewStmt.view), query: node.ViewStmt.query };
  if (!('CreateTableAsStmt' in node) || node.CreateTableAsStmt.objtype !== 'OBJECT_MATVIEW') return null;
  return { name: qualifiedRelation(node.CreateTableAsStmt.into?.rel), query: node.CreateTableAsStmt.query };
}

/** A table that was there before may have its security enabled already. */
function withoutEffect({ node, state, facts }: Look): readonly FoundHazard[] {
  if (!('CreatePolicyStmt' in node)) return [];
  const table = qualifiedRelation(node.CreatePolicyStmt.table);
  if (isSecured(facts, table) || !state.isOwn({ kind: 'table', ...table })) return [];
  return [
    { name: 'POLICY_WITHOUT_EFFECT', subject: `the policy ${node.CreatePolicyStmt.policy_name ?? ''} of ${describeName(table)}`, table, at: null },
  ];
}
