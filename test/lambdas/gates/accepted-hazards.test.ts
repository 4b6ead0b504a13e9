import { afterAll, beforeAll, expect, test } from 'vitest';
import { NOTHING_ASKED } from '../../../core/run/run-input.ts';
import { preflight } from '../../../lambdas/gates/preflight.ts';
import { loadPlan } from '../../../lambdas/start/load-plan.ts';
import { emptyDatabase, onePhase } from '../../support/run-driver.ts';
import { openWorkbench, reading, type Workbench } from '../../support/workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  await emptyDatabase(
    bench,
    "create table large (note text); insert into large select repeat('x', 1000) from generate_series(1, 10000); analyze large; create table small (note text);",
  );
});
afterAll(() => bench?.close());

const UP = `--! allow: INDEX_BLOCKS_WRITES because writes are stopped
create index on large (note);
create index on small (note);
--! allow: DROPPED_IN_USE because nothing reads it
drop table if exists nowhere;
`;

test('a run writes the accepted hazards down, and Preflight shows each with the size of its table', async () => {
  const deployed = await bench.deploy(onePhase(UP, 'select 1;\n'), 'accepting');
  const envelope = reading(deployed, { mode: 'dry-run' });
  await loadPlan({ ...bench.ports, executions: { describe: async () => null }, deployed: { [deployed.plan.id]: deployed.digest } })({
    ...envelope,
    input: { plan: deployed.plan.id, mode: 'dry-run' },
  });
  await preflight({ ...bench.ports, snapshots: bench.snapshots })({ ...envelope, planState: 'fresh', asked: NOTHING_ASKED });
  const entries = await bench.ports.journal.readAll(envelope.run.id);
  const run = entries.find((entry) => entry.kind === 'run');
  expect(run?.accepted.map(({ hazard, table }) => [hazard, table?.name])).toEqual([
    ['INDEX_BLOCKS_WRITES', 'large'],
    ['INDEX_BLOCKS_WRITES', 'small'],
    ['DROPPED_IN_USE', 'nowhere'],
  ]);
  const findings = entries.flatMap((entry) => (entry.kind === 'preflight' ? entry.findings.filter(({ name }) => name === 'hazard') : []));
  expect(findings.map(({ status, found }) => `${status} ${found}`)).toEqual([
    expect.stringMatching(/^warn INDEX_BLOCKS_WRITES at 1-only\/up.sql:2; public.large takes 11.\d MB, about 10,000 rows; ShareLock: writes/),
    expect.stringMatching(/^info INDEX_BLOCKS_WRITES at 1-only\/up.sql:3; public.small takes \S+ \w+, rows never counted; ShareLock: writes/),
    'info DROPPED_IN_USE at 1-only/up.sql:5; public.nowhere is not there yet; AccessExclusiveLock: reads, writes, VACUUM and DDL wait',
  ]);
});
