import type { SelectStmt } from 'libpg-query';
import type { TransferId } from '../ids.ts';
import { aroundName } from './around-name.ts';
import type { Inverse, KeyPair, PlainColumn, QualifiedName, Transfer } from './compiled-plan.ts';
import type { DrivingTable } from './driving-table.ts';
import { drivingTable, plainColumn, withoutCasts } from './driving-table.ts';
import type { DeclaredInverse } from './header-expressions.ts';
import { inversesOf, quarantineRules } from './header-expressions.ts';
import { lookupsOf } from './lookups.ts';
import type { MappingFault } from './mapping-select.ts';
import { mappingFaults } from './mapping-select.ts';
import type { Column } from './output-columns.ts';
import { outputColumns } from './output-columns.ts';
import type { ParsedStatement, SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import { readOnlySelect } from './read-only-select.ts';
import { faultAt } from './source-text.ts';
import { describeName, isSameName, locationOf, nodesIn, qualifiedRelation, stringsOf } from './sql-tree.ts';
import { syncFaults } from './sync-faults.ts';
import type { Refuse, TransferHeaders } from './transfer-headers.ts';
import { headersNamed, readTransferHeaders } from './transfer-headers.ts';

/** Compiles a transfer's file: its headers and one SELECT; null when the file has a fault. */
export function compileTransfer(file: SqlFile, id: TransferId, report: Report): Transfer | null {
  if (file.statements.length === 0 && file.headers.length === 0) {
    report(fileFault(file.source.file, 'the file holds no SELECT; write the mapping from a source row to a target row'));
    return null;
  }
  let isSound = true;
  const refuse = (offset: number, message: string): void => {
    isSound = false;
    report(faultAt(file.source, offset, message));
  };
  const headers = readTransferHeaders(file, refuse);
  const statement = onlyStatement(file, report);
  const select = statement === null ? null : readOnlySelect(file, statement, 'transfer', report);
  if (statement === null || select === null) return null;
  refuseFaults(mappingFaults(select), statement, refuse);
  if (select.targetList === undefined && !isSound) return null;
  const columns = outputColumns(select, statement, refuse);
  if (headers === null || columns === null) return null;
  const transfer = makeTransfer({ file, id, statement, select, headers, columns }, refuse);
  return isSound ? transfer : null;
}

interface Parts {
  readonly file: SqlFile;
  readonly id: TransferId;
  readonly statement: ParsedStatement;
  readonly select: SelectStmt;
  readonly headers: TransferHeaders;
  readonly columns: readonly Column[];
}

function makeTransfer(parts: Parts, refuse: Refuse): Transfer | null {
  const { file, id, statement, select, headers, columns } = parts;
  const { into, from, sync, deletes, parallel } = headers;
  refuseOwnTarget(select, into, statement, refuse);
  const driving = drivingTable(select, from);
  if ('fault' in driving) {
    refuse(statement.start, driving.fault);
    return null;
  }
  if (sync !== 'none') refuseFaults(syncFaults(select, from), statement, refuse);
  const names = columns.map(({ name }) => name);
  const keys = keyPairs(parts, driving, refuse);
  const quarantine = quarantineRules(file, names, refuse);
  const declared = inversesOf(file, names, refuse);
  if (keys === null) return null;
  refuseInverses(parts, keys, declared, refuse);
  const inverses = declared.map(({ inverse }) => inverse);
  refuseSoftColumn(parts, refuse);
  return {
    ...{ id, file: file.source.file, line: statement.line, select: statement.sql, into, from, keys, columns: names, sync, deletes },
    ...{ quarantine, parallel, inverses, isCovering: driving.isCovering },
    driving: aroundName(statement, driving.place),
    lookups: sync === 'none' ? [] : lookupsOf(select, driving.place, statement, refuse),
    plain: plainColumns(columns, driving, { keys, inverses }),
  };
}

function refuseFaults(faults: readonly MappingFault[], statement: ParsedStatement, refuse: Refuse): void {
  for (const { node, reason } of faults) refuse((node && locationOf(node)) ?? statement.start, reason);
}

function onlyStatement(file: SqlFile, report: Report): ParsedStatement | null {
  const [first, second] = file.statements;
  if (first === undefined) report(fileFault(file.source.file, 'the file holds no SELECT; write the mapping from a source row to a target row'));
  if (second !== undefined)
    report(faultAt(file.source, second.start, 'a second statement; a transfer is one SELECT, so write each in a file of its own'));
  return second === undefined ? (first ?? null) : null;
}

/** A mapping that reads what it writes gives other rows when it is verified. */
function refuseOwnTarget(select: SelectStmt, into: QualifiedName, statement: ParsedStatement, refuse: Refuse): void {
  const own = nodesIn(select).find((node) => 'RangeVar' in node && isSameName(qualifiedRelation(node.RangeVar), into));
  if (own === undefined) return;
  refuse(
    locationOf(own) ?? statement.start,
    `the mapping reads its own target ${describeName(into)}, so it would give other rows afterwards; read sources only`,
  );
}

/** The driving column behind each column of the key; null when one has none. */
function keyPairs({ headers: { key, from }, columns, statement }: Parts, driving: DrivingTable, refuse: Refuse): Transfer['keys'] | null {
  const pairs = key.flatMap((target): readonly KeyPair[] => {
    const column = columns.find(({ name }) => name === target);
    if (column === undefined) {
      refuse(statement.start, `the key ${target} is not a column of the SELECT, which has ${columns.map(({ name }) => name).join(', ')}`);
      return [];
    }
    const source = plainColumn(column.value, driving);
    if (source !== null) return [{ target, source }];
    const example = `${driving.references[0] ?? from.name}.id`;
    refuse(statement.start, `the key ${target} must be a plain column of the driving table ${describeName(from)}, such as ${example}`);
    return [];
  });
  const [first, ...others] = pairs;
  return first !== undefined && pairs.length === key.length ? [first, ...others] : null;
}

interface Carried {
  readonly keys: Transfer['keys'];
  readonly inverses: readonly Inverse[];
}

/** A key's column first, then the one of the source's own name, then the first; where an inverse is declared, none. */
function plainColumns(columns: readonly Column[], driving: DrivingTable, { keys, inverses }: Carried): readonly PlainColumn[] {
  const found = columns.flatMap(({ name, value }): readonly PlainColumn[] => {
    const source = plainColumn(withoutCasts(value), driving);
    return source === null || inverses.some((inverse) => inverse.source === source) ? [] : [{ column: name, source }];
  });
  const rank = ({ column, source }: PlainColumn): number => (keys.some(({ target }) => target === column) ? 0 : column === source ? 1 : 2);
  return found.filter((one) => {
    const [best] = found.filter(({ source }) => source === one.source).toSorted((a, b) => rank(a) - rank(b));
    return best === one;
  });
}

function refuseInverses({ file, headers, select }: Parts, keys: Transfer['keys'], declared: readonly DeclaredInverse[], refuse: Refuse): void {
  const [first] = headersNamed(file, 'inverse');
  if (first !== undefined && headers.sync !== 'both') {
    refuse(first.start, `"inverse" says how a value comes back to the driving table, and nothing does with "sync: ${headers.sync}"; remove it`);
    return;
  }
  const read = new Set(nodesIn(select).flatMap((node) => ('ColumnRef' in node ? stringsOf(node.ColumnRef.fields).slice(-1) : [])));
  for (const { inverse, start } of declared) {
    const { source } = inverse;
    if (keys.some((key) => key.source === source))
      refuse(start, `the source column ${source} is the key's, which comes back as it is; remove the inverse`);
    else if (!read.has(source))
      refuse(start, `the SELECT reads no column ${source}, so nothing of it can come back; correct the name, or remove the line`);
  }
}

function refuseSoftColumn({ file, headers: { deletes }, columns }: Parts, refuse: Refuse): void {
  if (deletes.kind === 'hard' || !columns.some(({ name }) => name === deletes.column)) return;
  const at = headersNamed(file, 'deletes')[0]?.start ?? 0;
  refuse(at, `the SELECT fills ${deletes.column}, so a deletion could not be told from a value; name a column of the target that it leaves out`);
}
