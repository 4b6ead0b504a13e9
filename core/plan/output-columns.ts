import type { Node, SelectStmt } from 'libpg-query';
import type { ParsedStatement } from './parse-sql.ts';
import { locationOf, stringsOf } from './sql-tree.ts';
import type { Refuse } from './transfer-headers.ts';

/** An output column of a mapping. */
export interface Column {
  readonly name: string;
  readonly value: Node | undefined;
}

/** The columns of a mapping, each with a name of its own; null when they cannot be told. */
export function outputColumns(select: SelectStmt, statement: ParsedStatement, refuse: Refuse): readonly Column[] | null {
  const targets = select.targetList ?? [];
  if (targets.length === 0) {
    refuse(statement.start, 'the SELECT has no columns; name the columns of the target');
    return null;
  }
  const columns = targets.flatMap((target, index): readonly Column[] => {
    if (!('ResTarget' in target)) return [];
    const { name, val } = target.ResTarget;
    const at = locationOf(target) ?? statement.start;
    const plain = val !== undefined && 'ColumnRef' in val ? val.ColumnRef : null;
    if (plain?.fields?.some((field) => 'A_Star' in field)) {
      refuse(at, '"*" follows whatever the table looks like; name each column');
      return [];
    }
    const shown = name ?? stringsOf(plain?.fields).at(-1);
    if (shown === undefined) refuse(at, `column ${index + 1} has no name; write "as", and the target's column`);
    return shown === undefined ? [] : [{ name: shown, value: val }];
  });
  columns.forEach(({ name }, index) => {
    if (columns.findIndex((other) => other.name === name) < index) refuse(statement.start, `the column ${name} is given twice; keep one of them`);
  });
  return columns.length < targets.length ? null : columns;
}
