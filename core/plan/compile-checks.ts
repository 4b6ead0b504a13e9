import type { Node, SelectStmt } from 'libpg-query';
import * as z from 'zod';
import type { Check, Expectation, Severity } from './compiled-plan.ts';
import type { Header, ParsedStatement, SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import { readOnlySelect } from './read-only-select.ts';
import { faultAt } from './source-text.ts';
import { explainUnknown } from './unknown-key.ts';

export type CheckPlace = 'before' | 'verify' | 'after';

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const SEVERITIES = ['fail', 'warn', 'info'] as const satisfies readonly Severity[];
const EXPECTATIONS: Readonly<Record<CheckPlace, readonly Expectation[]>> = {
  before: ['no rows', 'zero', 'quality', 'measure'],
  verify: ['no rows', 'zero'],
  after: ['no rows', 'zero', 'measure'],
};
/** How many columns a query has whose rows are read by position. */
const COLUMNS: Readonly<Partial<Record<Expectation, { readonly count: number; readonly shape: string }>>> = {
  zero: { count: 1, shape: 'one number' },
  quality: { count: 3, shape: 'scope, valid and total' },
  measure: { count: 2, shape: 'name and value' },
};

const SHAPE = '"--! check: NAME, SEVERITY, EXPECTATION"';

/** Compiles before.sql, after.sql or a phase's verify.sql: queries, each with its header above it. */
export function compileChecks(file: SqlFile, place: CheckPlace, report: Report): readonly Check[] {
  if (file.statements.length === 0 && file.headers.length === 0) {
    report(fileFault(file.source.file, `the file holds no check; write ${SHAPE} and a query below it, or remove the file`));
  }
  const items = [...file.headers.filter(({ key }) => key !== 'allow'), ...file.statements].toSorted((a, b) => a.start - b.start);
  return items.flatMap((item, index) => {
    const before = items[index - 1];
    if (isHeader(item)) {
      const next = items[index + 1];
      if (next === undefined || isHeader(next))
        report(faultAt(file.source, item.start, 'a header without a query; write one SELECT below it, or remove it'));
      return [];
    }
    if (before !== undefined && isHeader(before)) return compileCheck(file, before, item, place, report);
    const what = before === undefined ? 'a query without a header' : 'a second query under one header';
    report(faultAt(file.source, item.start, `${what}; write ${SHAPE} directly above it`));
    return [];
  });
}

function isHeader(item: Header | ParsedStatement): item is Header {
  return 'key' in item;
}

function compileCheck(file: SqlFile, header: Header, statement: ParsedStatement, place: CheckPlace, report: Report): readonly Check[] {
  const parsed = parseCheckHeader(header, place);
  for (const reason of parsed.faults) report(faultAt(file.source, header.start, reason));
  const select = readOnlySelect(file, statement, 'check', report);
  if (parsed.check === null || select === null) return [];
  const wrongColumns = refuseColumns(select, parsed.check.expects);
  if (wrongColumns !== null) report(faultAt(file.source, statement.start, wrongColumns));
  return [{ ...parsed.check, file: file.source.file, line: statement.line, sql: statement.sql }];
}

interface ParsedCheckHeader {
  readonly check: Pick<Check, 'name' | 'severity' | 'expects'> | null;
  readonly faults: readonly string[];
}

function parseCheckHeader({ key, value }: Header, place: CheckPlace): ParsedCheckHeader {
  if (key !== 'check') return { check: null, faults: [explainUnknown('header', key, ['check', 'allow'])] };
  const parts = value.split(',').map((part) => part.trim().replace(/\s+/g, ' '));
  if (parts.length !== 3) return { check: null, faults: [`a check is written ${SHAPE}; got ${JSON.stringify(value)}`] };
  const [name = '', severity = '', expects = ''] = parts;
  const parsed = {
    name: NAME.test(name) ? name : null,
    severity: z.enum(SEVERITIES).safeParse(severity).data ?? null,
    expects: EXPECTATIONS[place].find((allowed) => allowed === expects) ?? null,
  };
  const faults = [
    parsed.name === null ? `the name of a check is lower-case words joined by single hyphens; got ${JSON.stringify(name)}` : null,
    parsed.severity === null ? `the severity of a check is one of ${SEVERITIES.join(', ')}; got ${JSON.stringify(severity)}` : null,
    parsed.expects === null ? `in ${place}.sql a check expects one of ${EXPECTATIONS[place].join(', ')}; got ${JSON.stringify(expects)}` : null,
    parsed.expects === 'measure' && parsed.severity !== 'info'
      ? `a measure cannot fail, so its severity is info; got ${JSON.stringify(severity)}`
      : null,
  ].filter((fault) => fault !== null);
  if (parsed.name === null || parsed.severity === null || parsed.expects === null) return { check: null, faults };
  return { check: { name: parsed.name, severity: parsed.severity, expects: parsed.expects }, faults };
}

/** A query whose columns cannot be counted from its text is left to the database. */
function refuseColumns(select: SelectStmt, expects: Expectation): string | null {
  const expected = COLUMNS[expects];
  const first = leftmost(select);
  const columns = first.targetList ?? [];
  const hasStar = columns.some((column) => 'ResTarget' in column && isStar(column.ResTarget.val));
  if (expected === undefined || hasStar || first.valuesLists !== undefined || columns.length === expected.count) return null;
  return `a check that expects ${expects} gives ${expected.count === 1 ? 'one column' : `${expected.count} columns`}: ${expected.shape}; got ${columns.length}`;
}

function isStar(value: Node | undefined): boolean {
  return value !== undefined && 'ColumnRef' in value && (value.ColumnRef.fields ?? []).some((field) => 'A_Star' in field);
}

function leftmost(select: SelectStmt): SelectStmt {
  return select.larg === undefined ? select : leftmost(select.larg);
}
