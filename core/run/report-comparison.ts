import { countInWords, durationInWords } from './in-words.ts';
import type { TransferComparison } from './journal.ts';
import { list, section, table } from './markdown.ts';
import type { Report } from './report.ts';
import { findingTable, type Source } from './report-checks.ts';

const HEADINGS = ['status', 'transfer', 'from', 'into', '>left out', '>source rows', '>target rows', '>missing', '>extra', '>different'];

/** Columns that only plans with a live sync or a quarantine have something to say in, each with what it means. */
const ACCOUNTED: readonly { readonly heading: string; readonly of: (result: TransferComparison) => number; readonly meaning: string }[] = [
  {
    heading: '>lagging',
    of: ({ lagging }) => lagging,
    meaning: 'Lagging are rows that differ while the journal of the live sync holds their key: a repair is due.',
  },
  {
    heading: '>changed on the new side',
    of: ({ changedOnNewSide }) => changedOnNewSide,
    meaning: 'Changed on the new side are rows that were written there where nothing is carried back; the journal of the live sync has each.',
  },
  {
    heading: '>quarantined',
    of: ({ quarantined }) => quarantined,
    meaning: 'Quarantined are rows that are in stepgate.quarantine, with their reason and original, and not in the target.',
  },
];

/** A line for each transfer, the number of its query, and what its numbers do not say by themselves. */
export function comparisonTable({ comparison: compared }: Report, source: Source): string | null {
  if (compared === null || compared.length === 0) return null;
  const accounted = ACCOUNTED.filter(({ of }) => compared.some((one) => of(one) > 0));
  const rows = compared.map((one) => [
    one.missing + one.extra + one.different === 0 ? 'PASS' : 'FAIL',
    one.transfer,
    one.from,
    one.into,
    ...[one.leftOut, one.sourceRows, one.targetRows, one.missing, one.extra, one.different, ...accounted.map(({ of }) => of(one))].map(countInWords),
    one.samples.join(', '),
    durationInWords(one.durationMs),
    source(one.query),
  ]);
  const left = compared.flatMap((one) => one.notCompared.map(({ column, because }) => `${one.into}.${column}: ${because}`));
  const leftOut = compared.some((one) => one.leftOut > 0)
    ? ['Left out are rows of the driving table of which the mapping makes no row; whether that is right, only its SELECT says.']
    : [];
  return [
    table([...HEADINGS, ...accounted.map(({ heading }) => heading), 'keys', '>took', 'source'], rows),
    ...leftOut,
    ...accounted.map(({ meaning }) => meaning),
    left.length === 0 ? 'Every column was compared.' : `Columns that were not compared:\n\n${list(left)}`,
  ].join('\n\n');
}

/** What stands beside the targets' rows. */
export function targetTable({ targets }: Report, source: Source): string | null {
  return targets === null || targets.length === 0 ? null : section('### Beside the rows', findingTable(targets, source));
}
