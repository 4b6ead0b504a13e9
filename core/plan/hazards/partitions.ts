import type { Node } from 'libpg-query';
import { describeName, qualifiedRelation } from '../sql-tree.ts';
import type { Finder, FoundHazard, Look } from './hazard.ts';
import { tableCommands } from './table-parts.ts';

/** Partitions that come to, or go from, a table in use. */
export const findPartitions: Finder = (look) => [...createdPartition(look), ...tableCommands(look.node).flatMap((one) => moved(look, one))];

function createdPartition({ node, state }: Look): readonly FoundHazard[] {
  if (!('CreateStmt' in node) || node.CreateStmt.partbound === undefined) return [];
  const [parent] = node.CreateStmt.inhRelations ?? [];
  const table = relationOf(parent);
  if (table === null || state.isNew(table)) return [];
  const subject = `the new partition ${describeName(qualifiedRelation(node.CreateStmt.relation))} of ${describeName(table)}`;
  return [{ name: 'PARTITION_LOCKS', subject, table, at: null }];
}

function moved({ state }: Look, { table, command }: ReturnType<typeof tableCommands>[number]): readonly FoundHazard[] {
  const { subtype, def } = command;
  if (subtype !== 'AT_AttachPartition' && subtype !== 'AT_DetachPartition') return [];
  const part = def !== undefined && 'PartitionCmd' in def ? qualifiedRelation(def.PartitionCmd.name) : table;
  const words = subtype === 'AT_AttachPartition' ? 'ATTACH' : 'DETACH';
  const subject = `${words} PARTITION ${describeName(part)}, of ${describeName(table)},`;
  // The parent of an attached partition is locked weakly; its new partition is read under the strong lock.
  const locked = subtype === 'AT_AttachPartition' && !state.isNew(part) ? part : table;
  return state.isNew(locked) ? [] : [{ name: 'PARTITION_LOCKS', subject, table: locked, at: null }];
}

function relationOf(node: Node | undefined): ReturnType<typeof qualifiedRelation> | null {
  return node !== undefined && 'RangeVar' in node ? qualifiedRelation(node.RangeVar) : null;
}
