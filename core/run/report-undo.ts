import { counted, countInWords } from './in-words.ts';
import { codeBlock, table } from './markdown.ts';
import type { Report } from './report.ts';
import { isProven } from './report-facts.ts';
import { writtenMeanwhile } from './written-meanwhile.ts';

/** What the proof of the undo found. */
export function undoProof({ undo }: Report): string | null {
  if (undo === null) return null;
  const equal = isProven(undo);
  const held = `${counted(undo.tables, 'table')} with ${counted(undo.rows, 'row')} held against the digests of before`;
  const said = `${equal ? 'PASS' : 'FAIL'}: schema ${undo.schemaEqual ? 'equal' : 'not equal'}, ${held}`;
  const accepted = undo.acceptance === null || equal ? null : `As they are, these differences may be accepted as \`${undo.acceptance}\`.`;
  const parts = [said, differenceTable(undo.differences), accepted, ...meanwhileParts(undo.meanwhile)];
  return parts.filter((part) => part !== null).join('\n\n');
}

type Differences = NonNullable<Report['undo']>['differences'];

function differenceTable(found: Differences): string | null {
  if (found.length === 0) return null;
  return table(
    ['what', 'before', 'now'],
    found.map(({ what, before, after }) => [what, before, after]),
  );
}

function meanwhileParts(found: Differences): readonly (string | null)[] {
  if (found.length === 0) return [];
  return [`${writtenMeanwhile(found)}. No transaction of the plan wrote there, so this is no difference.`, differenceTable(found)];
}

/** What others wrote, or may have written, into what the plan had made, and where it lies. */
export function keptRows({ archived, kept, run }: Report): string | null {
  const rows = [
    ...archived.map(({ phase, of, rows: count }) => [phase, of, countInWords(count)]),
    ...kept.map(({ phase, table: name, rows: count }) => [phase, name, countInWords(count)]),
  ];
  if (rows.length === 0) return null;
  return [
    'Rows that others wrote, or may have written, into what the plan had made. Before their undo they were put into `stepgate_archive.row`:',
    codeBlock(`select * from stepgate_archive.row where run_id = '${run?.id ?? ''}';`, 'sql'),
    table(['phase', 'rows of', '>rows'], rows),
  ].join('\n\n');
}

/** Columns that both sides changed, with which value is in force. */
export function conflictTable({ conflicts, run }: Report): string | null {
  if (conflicts.length === 0) return null;
  const samples = conflicts.flatMap((one) =>
    one.samples.map(({ key, source, target }) => [`${one.table}.${one.column}`, key, source, target, SIDES[one.kept]]),
  );
  return [
    'Columns that both sides changed before either change could be carried. The later change is in force; both values are in `stepgate.conflict`, and here as digests, salted with the run:',
    codeBlock(`select transfer, column_name, key, source_value, target_value, kept from stepgate.conflict where plan = '${run?.plan ?? ''}';`, 'sql'),
    table(
      ['phase', 'column', 'in force', '>conflicts'],
      conflicts.map(({ phase, table: name, column, kept, count }) => [phase, `${name}.${column}`, SIDES[kept], countInWords(count)]),
    ),
    table(['column', 'key', 'old side', 'new side', 'in force'], samples),
  ].join('\n\n');
}

const SIDES = { source: 'old side', target: 'new side' };

/** What the application wrote on the new side and the old side has no place for. */
export function notCarriedTable({ notCarried }: Report): string | null {
  if (notCarried.length === 0) return null;
  return [
    'Written on the new side and not carried back, since the old side has no place for it. Values and rows that were still there are among the kept rows:',
    table(
      ['phase', 'what', '>rows'],
      notCarried.map((one) => [one.phase, notCarriedName(one), countInWords(one.rows)]),
    ),
  ].join('\n\n');
}

/** A column, or what of its whole row. */
export function notCarriedName({ table: name, column, what }: Report['notCarried'][number]): string {
  if (what === 'deletion') return `deletions in ${name}`;
  if (column !== null) return `${name}.${column}`;
  return what === 'row' ? `new rows of ${name}` : `whole rows of ${name}`;
}

/** What stays of protected tables as others wrote it since the run, and where that of before lies. */
export function keptValues({ keptValues: values, run }: Report): string | null {
  if (values.length === 0) return null;
  return [
    'Rows of protected tables that others wrote after the run, and that the undo left as they are. What was there before the run is beside them in `stepgate_archive.value`:',
    codeBlock(`select * from stepgate_archive.value where run_id = '${run?.id ?? ''}';`, 'sql'),
    table(
      ['phase', 'table', 'column', '>rows', 'keys'],
      values.map(({ phase, table: name, column, rows, samples }) => [
        phase,
        name,
        column ?? '(the whole row)',
        countInWords(rows),
        samples.join(', ') + (rows > samples.length ? ' …' : ''),
      ]),
    ),
  ].join('\n\n');
}
