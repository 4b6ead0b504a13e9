import type { GrantStmt } from 'libpg-query';
import { qualifiedRelation } from '../sql-tree.ts';
import type { Finder, FoundHazard } from './hazard.ts';
import { startOf } from './table-parts.ts';

/** Rights for everybody, now or by default. */
export const findGrants: Finder = ({ node }) => {
  if ('GrantStmt' in node) return publicGrants(node.GrantStmt, 'GRANT … TO PUBLIC');
  return 'AlterDefaultPrivilegesStmt' in node ? publicGrants(node.AlterDefaultPrivilegesStmt.action, 'ALTER DEFAULT PRIVILEGES … TO PUBLIC') : [];
};

function publicGrants(grant: GrantStmt | undefined, subject: string): readonly FoundHazard[] {
  if (grant?.is_grant !== true) return [];
  const [first] = grant.objects ?? [];
  const table = first !== undefined && 'RangeVar' in first ? qualifiedRelation(first.RangeVar) : null;
  const everybody = (grant.grantees ?? []).find((one) => 'RoleSpec' in one && one.RoleSpec.roletype === 'ROLESPEC_PUBLIC');
  if (everybody === undefined || !('RoleSpec' in everybody)) return [];
  return [{ name: 'GRANT_TO_PUBLIC', subject, table, at: startOf(everybody.RoleSpec) }];
}
