import { describeName, nodesIn, qualified, stringsOf } from '../sql-tree.ts';
import type { Finder } from './hazard.ts';
import { startOf } from './table-parts.ts';

/** Values that come to an enum that was there before. */
export const findEnumValues: Finder = ({ node, state }) => {
  if ('AlterEnumStmt' in node) {
    const { typeName, oldVal, newVal = '' } = node.AlterEnumStmt;
    const type = qualified(stringsOf(typeName));
    if (oldVal !== undefined || state.isOwn({ kind: 'type', ...type })) return [];
    return [{ name: 'ENUM_VALUE_ADDED', subject: `ADD VALUE ${newVal} to ${describeName(type)}`, table: null, at: null }];
  }
  const added = state.addedValues();
  if (added.length === 0) return [];
  return nodesIn(node).flatMap((part) => {
    const value = 'A_Const' in part ? part.A_Const.sval?.sval : undefined;
    if (!('A_Const' in part) || value === undefined || !added.includes(value)) return [];
    return [{ name: 'ENUM_VALUE_TOO_EARLY', subject: `the value ${value}`, table: null, at: startOf(part.A_Const) }];
  });
};
