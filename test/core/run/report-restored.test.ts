import { expect, test } from 'vitest';
import type { JournalEntry } from '../../../core/run/journal.ts';
import { buildReport } from '../../../core/run/report.ts';
import { renderReport } from '../../../core/run/report-markdown.ts';
import { PLAIN_PLACE } from '../../../core/run/run-place.ts';
import { entry, preflight, runEntry } from './journal-example.ts';
import { unpadded } from './unpadded.ts';

const CLUSTER = {
  engineVersion: '17.4',
  ...{ parameterGroup: null, subnetGroup: null, securityGroups: [], port: 5432, kmsKeyId: null, storageType: null, networkType: null },
  ...{ lifecycleSupport: null, backupDays: 7, backupWindow: null, maintenanceWindow: null, isProtected: true, copiesTags: false },
  ...{ hasIamLogin: false, logs: [], capacity: null, tags: {} },
};
const INSTANCE = {
  class: 'db.r8g.large',
  ...{ parameterGroup: null, zone: null, promotionTier: 1, isPublic: false, upgradesItself: true, maintenanceWindow: null, insights: null },
  ...{ copiesTags: false, certificate: null, tags: {} },
};
const begun = {
  kind: 'restore',
  at: '2026-11-29T02:01:00.000Z',
  mode: 'swap',
  because: [],
  snapshot: 'stepgate-shop-1',
  base: 'shop-execute-1',
  cluster: 'shop',
  clusterArn: 'arn:aws:rds:eu-central-1:000000000000:cluster:shop',
  resourceId: 'cluster-OLD',
  restored: 'stepgate-restored-1',
  kept: 'shop-before-1',
  settings: CLUSTER,
  instances: [{ name: 'shop-1', restored: 'stepgate-restored-1-1', kept: 'shop-1-before-1', settings: INSTANCE }],
  notRestored: [],
};
const rollback = [entry({ ...runEntry('rollback'), level: 3 }), preflight];
const step = entry({ kind: 'restore-step', at: '2026-11-29T02:02:00.000Z', step: 'restore-cluster', what: 'restore the snapshot' });
const verified = entry({
  kind: 'restore-verified',
  at: '2026-11-29T02:20:00.000Z',
  resourceId: 'cluster-NEW',
  schemaEqual: true,
  tables: 3,
  rows: 9,
  differences: [],
});

function ended(end: string, outcome: string, because = ''): readonly JournalEntry[] {
  const at = '2026-11-29T02:25:00.000Z';
  return [
    entry({ kind: 'restore-ended', at, end, because }),
    entry({ kind: 'outcome', at, outcome, sentence: 'said', failure: null, laterFailures: [], endedAt: at }),
  ];
}

test('a restored run names the old cluster, the command that takes it away, and how long it took', () => {
  const report = buildReport([...rollback, entry(begun), step, verified, ...ended('restored', 'restored')]);
  expect(report.outcome?.exitCode).toBe(0);
  expect(report.restore).toMatchObject({ end: 'restored', cluster: 'shop', restored: 'shop', kept: 'shop-before-1' });
  expect(report.levels).toEqual([
    { level: 3, startedAt: '2026-11-29T02:01:00.000Z', endedAt: '2026-11-29T02:25:00.000Z', durationMs: 24 * 60_000, goalMs: 30 * 60_000 },
  ]);
  expect(report.next.map(({ command }) => command)).toEqual([
    'npx stepgate dry-run shop',
    [
      'aws rds modify-db-cluster --db-cluster-identifier shop-before-1 --no-deletion-protection --apply-immediately',
      'aws rds delete-db-instance --db-instance-identifier shop-1-before-1 --skip-final-snapshot',
      'aws rds delete-db-cluster --db-cluster-identifier shop-before-1 --skip-final-snapshot',
    ].join('\n'),
  ]);
  const page = unpadded(renderReport(report));
  expect(page).toContain('Snapshot `stepgate-shop-1` serves as cluster `shop`. The old cluster is kept as `shop-before-1`');
  expect(page).toContain('| 3: restore of the snapshot | 24 min 00 s | 30 min 00 s |');
  expect(page).toContain('PASS: schema equal, 3 tables with 9 rows held against the digests of before');
});

test('a restored cluster that stands beside is given the name by commands in the order of the swap', () => {
  const prepared = entry({ ...begun, mode: 'prepare', because: ['a reader beside the writer'] });
  const report = buildReport([...rollback, prepared, step, verified, ...ended('prepared', 'halted')]);
  const [swap, remove, undo] = report.next.map(({ command }) => command);
  expect(swap?.split('\n').map((line) => line.split(' ').slice(2).join(' '))).toEqual([
    'disable-http-endpoint --resource-arn arn:aws:rds:eu-central-1:000000000000:cluster:stepgate-restored-1',
    'disable-http-endpoint --resource-arn arn:aws:rds:eu-central-1:000000000000:cluster:shop',
    'modify-db-cluster --db-cluster-identifier shop --new-db-cluster-identifier shop-before-1 --apply-immediately',
    'modify-db-cluster --db-cluster-identifier stepgate-restored-1 --new-db-cluster-identifier shop --apply-immediately',
    'modify-db-instance --db-instance-identifier shop-1 --new-db-instance-identifier shop-1-before-1 --apply-immediately',
    'modify-db-instance --db-instance-identifier stepgate-restored-1-1 --new-db-instance-identifier shop-1 --apply-immediately',
    'enable-http-endpoint --resource-arn arn:aws:rds:eu-central-1:000000000000:cluster:shop',
  ]);
  expect(remove).toContain('delete-db-cluster --db-cluster-identifier stepgate-restored-1 --skip-final-snapshot');
  expect(undo).toBe('npx stepgate rollback shop');
  expect(renderReport(report)).toContain('a reader beside the writer');
});

test('a restore that failed names what it made and how to try again; on the local engine the commands go there', () => {
  const report = buildReport([...rollback, entry(begun), step, ...ended('failed', 'halted', 'no capacity')], { ...PLAIN_PLACE, kind: 'embedded' });
  expect(report.next[0]).toMatchObject({ command: 'npx stepgate rollback shop --restore', input: '{"plan":"shop","mode":"rollback","level":3}' });
  expect(report.next[1]?.command).toContain(
    'aws rds delete-db-cluster --endpoint-url "$AWS_ENDPOINT_URL_RDS" --db-cluster-identifier stepgate-restored-1',
  );
  expect(report.restore?.because).toEqual(['no capacity']);
  expect(report.levels).toEqual([]);
});
