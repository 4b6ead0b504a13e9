import { expect, test } from 'vitest';
import { buildReport } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import { assess, end, entry, gates, preflight, runEntry, snapshot } from './journal-example.ts';

const none = entry({ kind: 'snapshot', status: 'none', because: 'none was taken, because the operator said so', adoptedFrom: null });
const taken = {
  kind: 'snapshot',
  id: 'stepgate-shop-1',
  requestedAt: '2026-11-29T02:00:00.000Z',
  keepUntil: '2027-01-03T02:00:00.000Z',
  adoptedFrom: null,
};
const byCommand = entry({
  ...taken,
  status: 'available',
  availableAt: '2026-11-29T02:00:09.000Z',
  restoreCommand: 'restore "$STEPGATE_SNAPSHOT_ID"',
});

const without = (replacement: object) => gates.map((one) => (one === snapshot ? replacement : one)) as typeof gates;

test('a run without a snapshot says so where the snapshot would stand, and fails nothing by it', () => {
  const report = buildReport([runEntry('execute'), ...without(none), end('halted')]);
  expect(report.snapshot).toEqual({ status: 'none', because: 'none was taken, because the operator said so', adoptedFrom: null });
  expect(report.stages.find(({ stage }) => stage === 'backup')).toEqual({
    stage: 'backup',
    status: 'SKIPPED',
    detail: 'none was taken, because the operator said so',
  });
  expect(renderReport(report)).toContain('## Snapshot\n\n**None**: none was taken, because the operator said so.');
  expect(report.next.map(({ command }) => command).join('\n')).not.toContain('aws rds');
});

test('a snapshot by command is restored by the operator’s own command, and removed by nobody else', () => {
  const halted = buildReport([runEntry('execute'), ...without(byCommand), end('halted')]);
  expect(halted.next.at(-1)).toMatchObject({
    what: expect.stringContaining('another, empty database'),
    command: 'export STEPGATE_SNAPSHOT_ID=stepgate-shop-1; restore "$STEPGATE_SNAPSHOT_ID"',
  });
  expect(renderReport(halted)).toContain('Restored by\n\n```sh\nrestore "$STEPGATE_SNAPSHOT_ID"\n```');
  const failed = entry({ ...taken, status: 'requested', availableAt: null, restoreCommand: 'restore' });
  const refused = buildReport([runEntry('backup'), preflight, assess, failed, end('refused')]);
  expect(refused.next.map(({ command }) => command).join('\n')).not.toContain('aws rds');
  expect(refused.stages.find(({ stage }) => stage === 'backup')).toMatchObject({ status: 'FAILED' });
});
