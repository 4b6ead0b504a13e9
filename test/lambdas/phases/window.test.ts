import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WindowClosedError } from '../../../core/errors.ts';
import type { ChangingEnvelope } from '../../../core/run/envelope.ts';
import { verifyTarget } from '../../../lambdas/checks/verify-target.ts';
import { nextStep } from '../../../lambdas/phases/next-step.ts';
import { runBackfill } from '../../../lambdas/phases/run-backfill.ts';
import { beginMeasuredRun, type Deployed, deploy, emptyPlanDatabase, refusal, runPhases } from '../../support/run-driver.ts';
import { SMALL_PLAN, SMALL_SOURCE } from '../../support/small-plan.ts';
import { openWorkbench, type Workbench } from '../../support/workbench.ts';

// A plan's window, on the states that would begin something: what is left of it against what the ledger has measured.

let bench: Workbench;
let plan: Deployed;
beforeAll(async () => {
  bench = await openWorkbench();
  plan = await deploy(bench, SMALL_PLAN);
});
afterAll(() => bench?.close());
beforeEach(() => emptyPlanDatabase(bench, SMALL_SOURCE));

const within = (run: ChangingEnvelope, ms: number): ChangingEnvelope => ({ ...run, deadline: new Date(run.now.getTime() + ms) });
const HOUR = 3_600_000;

test('NextStep begins nothing when what is done would take longer to undo than the window lasts, twice', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'long-done' });
  await runPhases(bench.ports, run, 'copy');
  await bench.sql(`update stepgate.phase set result = json_build_object('statements', 2, 'durationMs', ${2 * HOUR})`);
  expect(await nextStep(bench.ports)(within(run, 3 * HOUR))).toEqual({ kind: 'transfer', phase: 'copy' });
  for (const visit of [1, 2]) {
    const error = await refusal(nextStep(bench.ports)(within(run, HOUR)));
    expect(error, `visit ${visit}`).toBeInstanceOf(WindowClosedError);
    expect(error.message).toContain('its undo at 2 h 00 min');
  }
});

test('RunBackfill and VerifyTarget begin nothing when the rows that are left are slower than the window lasts', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'slow' });
  await runPhases(bench.ports, run, 'indexes');
  await bench.sql(
    `analyze people; update stepgate.transfer set working_ms = ${HOUR}, done_at = null; update stepgate.phase set applied_at = null, result = null where phase = 'copy'`,
  );
  const { phase } = { phase: 'copy' };
  for (const state of [
    () => runBackfill(bench.ports)({ ...within(run, HOUR), phase }),
    () => verifyTarget(bench.ports)({ ...within(run, HOUR), progress: null }),
  ]) {
    expect((await refusal(state())).message).toMatch(/the rest is estimated at 1 h 00 min and its undo at 1 h 00 min, so that nothing more is begun/);
  }
  expect(await runBackfill(bench.ports)({ ...within(run, 3 * HOUR), phase })).toMatchObject({ done: true });
});

test('RunBackfill hands over when its window is used up, after a whole batch, and the next visit says why', async () => {
  const run = await beginMeasuredRun(bench, plan, { id: 'tight' });
  await runPhases(bench.ports, run, 'copy');
  let ms = 0;
  const clockMs = () => (ms += 600);
  const deps = { ...bench.ports, clockMs };
  await bench.sql('analyze people; insert into people select i, null, null, 1 from generate_series(2000, 9000) i');
  const first = await runBackfill(deps)({ ...within(run, 1_000), phase: 'copy' });
  expect(first).toMatchObject({ done: false, transfer: 'customers', rows: 5_000 });
  expect(await bench.sql('select count(*)::int as rows from customers')).toEqual([{ rows: first.rows }]);
  const late = { ...within(run, 0), phase: 'copy' };
  expect(await refusal(runBackfill(deps)(late))).toBeInstanceOf(WindowClosedError);
});
