import type { Transfer } from '../plan/compiled-plan.ts';
import type { ClassifiedColumn } from '../transfer/carried-columns.ts';
import type { MeasuredColumn } from '../transfer/fit-sql.ts';
import { counted } from './in-words.ts';
import type { Finding } from './journal.ts';
import { finding } from './preflight.ts';

const PROOF = 'pg_cast, explain verbose, and the way back over every row of the source';

/** Which columns go both ways, and of each other one why it goes forward only. */
export function classificationFindings({ file, line, id, sync, into }: Transfer, classified: readonly ClassifiedColumn[]): readonly Finding[] {
  const at = `${file}:${line}: transfer ${id}`;
  if (sync !== 'both') {
    const found = `${at} goes forward: writes to ${into.schema}.${into.name} are not carried back`;
    return [{ name: 'sync', status: 'info', found, advice: '', source: 'the plan' }];
  }
  const both = classified.filter(({ carried }) => carried !== null).map(({ column }) => column);
  const forward = classified.filter(({ carried }) => carried === null);
  return [
    finding('sync', true, { found: `${at} goes both ways with ${both.join(', ') || 'no column'}`, advice: '', source: PROOF }),
    ...forward.map(({ column, because }): Finding => {
      const advice = 'what the new side writes there stays there; the report counts it as changed on the new side';
      return { name: 'sync', status: 'info', found: `${at}: ${column} goes forward only: ${because}`, advice, source: PROOF };
    }),
  ];
}

/** A quarantine takes such rows; without one the copy would fail at the first, or the comparison after it. */
export function fitFindings(
  { file, line, into, quarantine }: Transfer,
  columns: readonly (MeasuredColumn & { readonly nulls: number; readonly misfits: number })[],
): readonly Finding[] {
  const status = quarantine.length > 0 ? 'warn' : 'fail';
  const source = 'the SELECT, every row, and pg_attribute of the target';
  const said = (found: string, advice: string): Finding => ({ name: 'values', status, found: `${file}:${line}: ${found}`, advice, source });
  return columns.flatMap(({ name, declared, nulls, misfits }) => {
    const column = `${into.schema}.${into.name}.${name}`;
    return [
      ...(nulls === 0
        ? []
        : [said(`${counted(nulls, 'row')} would be null in ${column}, which is not null`, 'give them a value in the source or in the SELECT')]),
      ...(misfits === 0
        ? []
        : [said(`${counted(misfits, 'row')} would be another value in ${column}, which is ${declared}`, 'widen the column, or correct the values')]),
    ];
  });
}
