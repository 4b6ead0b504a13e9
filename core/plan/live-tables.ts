import type { Node } from 'libpg-query';
import { parseSync } from 'libpg-query';
import type { Phase, QualifiedName, SourceLine, Statement, Transfer } from './compiled-plan.ts';
import { describeName, isSameName, qualified, qualifiedRelation, stringsOf } from './sql-tree.ts';
import { composedRenames, nameAfter, tableRename } from './table-renames.ts';

/** A transfer that stays live until cleanup, and the phase that begins it. */
interface Live {
  readonly ordinal: number;
  readonly transfer: Transfer;
  readonly tables: readonly QualifiedName[];
}

/** Refuses what would take a table, or the shape that its triggers know, away from a live sync before cleanup ends it. */
export function refuseLostTables(phases: readonly Phase[], refuse: (place: SourceLine, message: string) => void): void {
  const live = phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers.filter(({ sync }) => sync !== 'none').map(liveIn(phase)) : []));
  if (live.length === 0) return;
  for (const phase of phases) {
    if (phase.kind !== 'transaction' || phase.when === 'cleanup') continue;
    const known = live.filter(({ ordinal }) => ordinal < phase.ordinal);
    const isRenaming = phase.cutover === 'rename';
    phase.up.forEach((statement, index) => {
      const renames = composedRenames([...renamedBefore(phases, phase), ...(isRenaming ? phase.up.slice(0, index) : [])].flatMap(nodesOf));
      const named = known.map((one) => ({ ...one, tables: one.tables.map((table) => nameAfter(renames, table)) }));
      refuseStatement(statement, { live: named, isRenaming }, refuse);
    });
  }
}

/** Statements of a cutover before this phase, which calls its tables by the names that they have then. */
function renamedBefore(phases: readonly Phase[], { ordinal }: Phase): readonly Statement[] {
  return phases.flatMap((phase) => (phase.cutover === 'rename' && phase.ordinal < ordinal && phase.kind === 'transaction' ? phase.up : []));
}

function nodesOf({ sql }: Statement): readonly Node[] {
  return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]));
}

function liveIn({ ordinal }: Phase): (transfer: Transfer) => Live {
  return (transfer) => ({ ordinal, transfer, tables: [transfer.from, transfer.into, ...transfer.lookups.map(({ table }) => table)] });
}

interface Known {
  readonly live: readonly Live[];
  /** The sync follows the names that this statement's phase gives to tables. */
  readonly isRenaming: boolean;
}

function refuseStatement(statement: Statement, { live, isRenaming }: Known, refuse: (place: SourceLine, message: string) => void): void {
  const nodes = nodesOf(statement).filter((node) => !isRenaming || tableRename(node) === null);
  const lost = nodes.flatMap(lostBy);
  for (const { what, table } of lost) {
    const keeper = live.find(({ tables }) => tables.some((one) => isSameName(one, table)));
    if (keeper === undefined) continue;
    const reason = `${what} ${describeName(table)}, which the live sync of transfer ${keeper.transfer.id} needs as it is until cleanup`;
    refuse(statement, `${reason}; do it in a phase with "when: cleanup", or before the transfer`);
    return;
  }
}

interface Lost {
  readonly what: string;
  readonly table: QualifiedName;
}

function lostBy(node: Node): readonly Lost[] {
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE') {
    return (node.DropStmt.objects ?? []).flatMap((object) =>
      'List' in object ? [{ what: 'DROP takes', table: qualified(stringsOf(object.List.items)) }] : [],
    );
  }
  if ('RenameStmt' in node && ['OBJECT_TABLE', 'OBJECT_COLUMN'].includes(node.RenameStmt.renameType ?? '')) {
    const what = node.RenameStmt.renameType === 'OBJECT_TABLE' ? 'RENAME changes the name of' : 'RENAME changes a column of';
    return [{ what, table: qualifiedRelation(node.RenameStmt.relation) }];
  }
  if ('AlterObjectSchemaStmt' in node && node.AlterObjectSchemaStmt.objectType === 'OBJECT_TABLE')
    return [{ what: 'SET SCHEMA moves', table: qualifiedRelation(node.AlterObjectSchemaStmt.relation) }];
  if (!('AlterTableStmt' in node)) return [];
  const table = qualifiedRelation(node.AlterTableStmt.relation);
  return (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
    const kind = 'AlterTableCmd' in command ? command.AlterTableCmd.subtype : undefined;
    if (kind === 'AT_DropColumn') return [{ what: 'DROP COLUMN changes', table }];
    return kind === 'AT_AlterColumnType' ? [{ what: 'ALTER TYPE changes', table }] : [];
  });
}
