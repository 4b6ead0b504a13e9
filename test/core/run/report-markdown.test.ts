import { expect, test } from 'vitest';
import { buildReport } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import * as example from './journal-example.ts';
import { unpadded } from './unpadded.ts';

const migrated = unpadded(renderReport(buildReport(example.migrated)));
const rolledBack = unpadded(renderReport(buildReport(example.rolledBack)));

test('the page says the outcome and its sentence first', () => {
  expect(migrated.split('\n').slice(0, 3)).toEqual(['# shop: migrated', '', 'shop is migrated']);
});

test.each([
  { what: 'checks with their status in capitals', line: '| PASS | balanced | 0 |  |  | 12 ms | after.sql:3 | [2](#s2) |' },
  { what: 'every transfer with its rate', line: '| copy | customers | up | public.contacts | public.customers | 45,230 | 3 | 2.0 s | 22,615 |' },
  { what: 'volumes with the average row', line: '| public.contacts | 45,230 | 8.0 MB | 1.0 MB | 185 B |' },
  { what: 'quality of the worst scope first', line: '| w1 | 90 | 100 | 90.000 % |' },
  { what: 'columns that were not compared, and why', line: '- public.customers.created_at: the target sets it' },
  { what: 'what only people can judge', line: '- [ ] ask the shop' },
  { what: 'the input for the console', line: '{"plan":"shop","mode":"verify"}' },
  { what: 'a title with a bar in it as one cell', line: '| plan | shop: A \\| shop |' },
])('the page shows $what', ({ line }) => {
  expect(migrated.split('\n')).toContain(line);
});

test('the page gives each query once, with its number', () => {
  expect(migrated.match(/select id from contacts where workspace_id is null/g)).toHaveLength(1);
  expect(migrated).toContain('<a id="s1"></a>1.\n\n```sql\nrds:DescribeDBClusters\n```');
});

test('the page of a run that was rolled back shows the first error and the proof', () => {
  expect(rolledBack).toContain('- first: CheckFailedError: 1 row differs');
  expect(rolledBack).toContain('PASS: schema equal, 6 tables with 200,000 rows held against the digests of before');
  expect(rolledBack).toContain('| copy | public.customers | 2 |');
});

test('the page of a rollback shows conflicts by digests of their values, and what was not carried back by column', () => {
  const page = unpadded(renderReport(buildReport([...example.rolledBack, example.leftBehind])));
  expect(page).toContain('| copy | public.customers.email | new side | 3 |');
  expect(page).toContain('| public.customers.email | c-1 | md5:0123456789ab | md5:ba9876543210 | new side |');
  expect(page).toContain('| copy | public.customers.priority | 14 |');
  expect(page).toContain('| copy | new rows of public.customers | 2 |');
});

test('the page of a run that never learned its plan is short', () => {
  const page = renderReport(buildReport([example.end('refused')]));
  expect(page).toContain('# Run: refused');
  expect(page).not.toContain('## Phases');
});
