import { expect, test } from 'vitest';
import type { AcceptedHazard } from '../../../core/plan/compiled-plan.ts';
import { byHazardAndTable, hazardFinding, type TableSize } from '../../../core/run/hazard-findings.ts';
import { buildReport } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import { entry, runEntry } from './journal-example.ts';
import { unpadded } from './unpadded.ts';

const build: AcceptedHazard = {
  hazard: 'INDEX_BLOCKS_WRITES',
  because: 'writes are stopped',
  file: '1-schema/up.sql',
  line: 2,
  table: { schema: 'public', name: 'orders' },
  lock: 'ShareLock',
  waits: 'writes, VACUUM and DDL wait',
};
const cast: AcceptedHazard = { ...build, hazard: 'NARROWING_CAST', because: 'every note is short', line: 9, table: null, lock: null, waits: null };

function findingOf(accepted: readonly AcceptedHazard[], size: TableSize | null): ReturnType<typeof hazardFinding> | null {
  const [first] = byHazardAndTable(accepted);
  return first === undefined ? null : hazardFinding(first, size);
}

test.each([
  { name: 'of 8 MB and more is a warning', size: { bytes: 8_388_608, rows: 45_230 }, status: 'warn', said: 'takes 8.0 MB, about 45,230 rows' },
  { name: 'that is smaller is information', size: { bytes: 8192, rows: 1 }, status: 'info', said: 'takes 8.0 kB, about 1 row' },
  { name: 'that was never analysed is said to be so', size: { bytes: 8192, rows: -1 }, status: 'info', said: 'takes 8.0 kB, rows never counted' },
  { name: 'that is not there is information', size: null, status: 'info', said: 'is not there yet' },
])('an accepted hazard at a table $name', ({ size, status, said }) => {
  expect(findingOf([build], size)).toEqual({
    name: 'hazard',
    status,
    found: `INDEX_BLOCKS_WRITES at 1-schema/up.sql:2; public.orders ${said}; ShareLock: writes, VACUUM and DDL wait`,
    advice: 'the plan takes it on because writes are stopped',
    source: 'pg_table_size, pg_class.reltuples',
  });
});

test('an accepted hazard without a table is information', () => {
  expect(findingOf([cast], null)).toMatchObject({ status: 'info', found: 'NARROWING_CAST at 1-schema/up.sql:9', source: "the plan's headers" });
});

test('one hazard at one table is said once, with all its places', () => {
  const groups = byHazardAndTable([build, { ...build, line: 7 }, cast, { ...build, because: 'it is small', line: 8 }]);
  expect(groups.map(({ places }) => places)).toEqual([['1-schema/up.sql:2', '1-schema/up.sql:7'], ['1-schema/up.sql:9'], ['1-schema/up.sql:8']]);
});

test('the report lists the accepted hazards with their reasons', () => {
  const report = buildReport([entry({ ...runEntry('execute'), accepted: [build, cast] })]);
  expect(report.accepted).toEqual([build, cast]);
  expect(unpadded(renderReport(report)).split('\n')).toEqual(
    expect.arrayContaining([
      '## Accepted hazards',
      '| INDEX_BLOCKS_WRITES | 1-schema/up.sql:2 | public.orders | ShareLock | writes, VACUUM and DDL wait | writes are stopped |',
      '| NARROWING_CAST | 1-schema/up.sql:9 |  |  |  | every note is short |',
    ]),
  );
});

test('a run of before hazards were named has none', () => {
  expect(buildReport([runEntry('execute')]).accepted).toEqual([]);
  expect(renderReport(buildReport([runEntry('execute')]))).not.toContain('Accepted hazards');
});
