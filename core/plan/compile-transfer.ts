import type { SelectStmt } from 'libpg-query';
import type { TransferId } from '../ids.ts';
import type { QualifiedName, Transfer } from './compiled-plan.ts';
import { drivingTable, plainColumn } from './driving-table.ts';
import { mappingFaults } from './mapping-select.ts';
import type { Column } from './output-columns.ts';
import { outputColumns } from './output-columns.ts';
import type { ParsedStatement, SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import { readOnlySelect } from './read-only-select.ts';
import { faultAt } from './source-text.ts';
import { describeName, isSameName, locationOf, nodesIn, qualifiedRelation } from './sql-tree.ts';
import type { Refuse, TransferHeaders } from './transfer-headers.ts';
import { readTransferHeaders } from './transfer-headers.ts';

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
  for (const { node, reason } of mappingFaults(select)) refuse((node && locationOf(node)) ?? statement.start, reason);
  if (select.targetList === undefined && !isSound) return null;
  const columns = outputColumns(select, statement, refuse);
  if (headers === null || columns === null) return null;
  refuseOwnTarget(select, headers.into, statement, refuse);
  const source = keySource(select, { ...headers, columns, statement }, refuse);
  if (!isSound || source === null) return null;
  const { into, from, key } = headers;
  const names = columns.map(({ name }) => name);
  return {
    id,
    file: file.source.file,
    line: statement.line,
    select: statement.sql,
    into,
    from,
    key: { target: key, source },
    columns: names,
    sync: 'none',
  };
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

interface KeyParts extends TransferHeaders {
  readonly columns: readonly Column[];
  readonly statement: ParsedStatement;
}

function keySource(select: SelectStmt, { from, key, columns, statement }: KeyParts, refuse: Refuse): string | null {
  const driving = drivingTable(select, from);
  if ('fault' in driving) {
    refuse(statement.start, driving.fault);
    return null;
  }
  const column = columns.find(({ name }) => name === key);
  if (column === undefined) {
    refuse(statement.start, `the key ${key} is not a column of the SELECT, which has ${columns.map(({ name }) => name).join(', ')}`);
    return null;
  }
  const source = plainColumn(column.value, driving);
  if (source === null) {
    const example = `${driving.references[0] ?? from.name}.id`;
    refuse(statement.start, `the key ${key} must be a plain column of the driving table ${describeName(from)}, such as ${example}`);
  }
  return source;
}
