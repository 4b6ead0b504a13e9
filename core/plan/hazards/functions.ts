import type { Node } from 'libpg-query';
import { describeName, qualified, stringsOf } from '../sql-tree.ts';
import type { Finder } from './hazard.ts';

/** Functions that run in another session's search path, or with another role's rights. */
export const findFunctions: Finder = ({ node }) => {
  if ('CreateFunctionStmt' in node) {
    const { funcname, returnType, options = [], sql_body } = node.CreateFunctionStmt;
    // A body of BEGIN ATOMIC has its names resolved when it is created.
    if (setsSearchPath(options) || sql_body !== undefined) return [];
    const subject = `the function ${describeName(qualified(stringsOf(funcname)))}`;
    if (isDefiner(options)) return [{ name: 'DEFINER_SEARCH_PATH', subject, table: null, at: null }];
    const isTrigger = /^(event_)?trigger$/.test(stringsOf(returnType?.names).at(-1) ?? '');
    return isTrigger ? [{ name: 'TRIGGER_SEARCH_PATH', subject, table: null, at: null }] : [];
  }
  if (!('AlterFunctionStmt' in node)) return [];
  const { func, actions = [] } = node.AlterFunctionStmt;
  const subject = `the function ${describeName(qualified(stringsOf(func?.objname)))}`;
  return isDefiner(actions) && !setsSearchPath(actions) ? [{ name: 'DEFINER_SEARCH_PATH', subject, table: null, at: null }] : [];
};

function isDefiner(options: readonly Node[]): boolean {
  return options.some(
    (one) =>
      'DefElem' in one &&
      one.DefElem.defname === 'security' &&
      one.DefElem.arg !== undefined &&
      'Boolean' in one.DefElem.arg &&
      one.DefElem.arg.Boolean.boolval === true,
  );
}

function setsSearchPath(options: readonly Node[]): boolean {
  return options.some((one) => {
    const value = 'DefElem' in one && one.DefElem.defname === 'set' ? one.DefElem.arg : undefined;
    return value !== undefined && 'VariableSetStmt' in value && value.VariableSetStmt.name === 'search_path';
  });
}
