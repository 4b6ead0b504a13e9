import type { Node } from 'libpg-query';
import { describeName, qualifiedRelation, stringsOf } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { tableCommands } from './table-parts.ts';

/** What runs within the statements of others, and what no longer does. */
export const findTriggers: Finder = (look) => [...added(look), ...switchedOff(look), ...repliedAs(look.node)];

function added({ node, state }: Look): readonly FoundHazard[] {
  if ('CreateTrigStmt' in node) {
    const { trigname = '', relation } = node.CreateTrigStmt;
    const table = qualifiedRelation(relation);
    return state.isNew(table) ? [] : [{ name: 'TRIGGER_ADDED', subject: `the trigger ${trigname} on ${describeName(table)}`, table, at: null }];
  }
  if (!('RuleStmt' in node)) return [];
  const { rulename = '', relation } = node.RuleStmt;
  const table = qualifiedRelation(relation);
  if (state.isNew(table) || state.isOwn({ kind: 'view', ...table })) return [];
  return [{ name: 'RULE_ADDED', subject: `the rule ${rulename} on ${describeName(table)}`, table, at: null }];
}

/** Commands of ALTER TABLE after which an application's writes no longer fire something. */
const OFF: ReadonlyMap<string | undefined, string> = new Map([
  ['AT_DisableTrig', 'DISABLE TRIGGER'],
  ['AT_DisableTrigAll', 'DISABLE TRIGGER ALL'],
  ['AT_DisableTrigUser', 'DISABLE TRIGGER USER'],
  ['AT_EnableReplicaTrig', 'ENABLE REPLICA TRIGGER'],
  ['AT_DisableRule', 'DISABLE RULE'],
  ['AT_EnableReplicaRule', 'ENABLE REPLICA RULE'],
]);

function switchedOff({ node, state }: Look): readonly FoundHazard[] {
  return tableCommands(node).flatMap(({ table, command: { subtype, name = '' } }): readonly FoundHazard[] => {
    const words = OFF.get(subtype);
    if (words === undefined || state.isNew(table)) return [];
    const subject = `${`${words} ${name}`.trim()} of ${describeName(table)}`;
    const lock = words.endsWith('RULE') ? ({ lock: 'AccessExclusiveLock' } as const) : {};
    return [{ name: 'TRIGGER_SWITCHED_OFF', subject, table, at: null, ...lock }];
  });
}

/** As a replica, a session fires no trigger and checks no foreign key. */
function repliedAs(node: Node): readonly FoundHazard[] {
  if (!('VariableSetStmt' in node) || node.VariableSetStmt.name !== 'session_replication_role') return [];
  const values = (node.VariableSetStmt.args ?? []).flatMap((one) =>
    'A_Const' in one && one.A_Const.sval ? stringsOf([{ String: one.A_Const.sval }]) : [],
  );
  if (!values.includes('replica')) return [];
  return [{ name: 'TRIGGER_SWITCHED_OFF', subject: 'session_replication_role = replica', table: null, at: null, lock: null }];
}
