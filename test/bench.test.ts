import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureApplication } from '../bench/application-calls.ts';
import { measureCalls } from '../bench/call-cost.ts';
import { measureColdStart } from '../bench/cold-start.ts';
import { measureComparison } from '../bench/comparison.ts';
import { measureCopy, measureLoop } from '../bench/copy.ts';
import { measureLiveCopy } from '../bench/copy-live.ts';
import { measureStates } from '../bench/demo-states.ts';
import { figure, isMissed, median, type Result, ratios } from '../bench/figure.ts';
import { fixedPlans, measureFixedCost } from '../bench/fixed-cost.ts';
import { measureGrowth } from '../bench/growth.ts';
import { MEASUREMENTS } from '../bench/measurements.ts';
import { measureMemory } from '../bench/memory.ts';
import { obtainTools } from '../bench/obtain-tools.ts';
import { describeMachine, page, textTable } from '../bench/page.ts';
import { measureRowImages } from '../bench/row-images.ts';
import { openStage, type Stage } from '../bench/stage.ts';
import { measureSyncCost } from '../bench/sync-cost.ts';
import { changePlans, copyPlans } from '../bench/wide-rows.ts';

const SMALL = { rounds: 1, rows: 500 };

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({
    demos: [resolve('test/support/plans/shop'), resolve('migrations/lead-centric')],
    plans: { ...copyPlans(), ...changePlans(), ...fixedPlans(1) },
    assemblyFolder: join(tmpdir(), 'stepgate-assemblies'),
  });
});
afterAll(() => stage?.close());

/** Every measurement on its smallest scale; the shop plan stands for the demo. */
const SMALL_MEASUREMENTS: Readonly<Record<keyof typeof MEASUREMENTS, (stage: Stage) => Promise<Result>>> = {
  demo: (stage) => measureStates(stage, 'shop', SMALL),
  'fixed-cost': (stage) => measureFixedCost(stage, SMALL, () => obtainTools({ offline: true })),
  calls: (stage) => measureCalls(stage, SMALL),
  'copy-bigint': (stage) => measureCopy(stage, 'bigint', SMALL),
  'copy-uuid': (stage) => measureCopy(stage, 'uuid', SMALL),
  'copy-live': (stage) => measureLiveCopy(stage, SMALL),
  growth: (stage) => measureGrowth(stage, SMALL),
  comparison: (stage) => measureComparison(stage, SMALL),
  application: (stage) => measureApplication(stage, SMALL),
  'sync-cost': (stage) => measureSyncCost(stage, SMALL),
  'row-images': (stage) => measureRowImages(stage, SMALL),
  memory: () => measureMemory(SMALL),
  loop: (stage) => measureLoop(stage, SMALL),
  'cold-start': (stage) => measureColdStart(stage, SMALL, ['LoadPlan', 'RunBackfill']),
};
const results: Result[] = [];

test.each(Object.keys(MEASUREMENTS))('the measurement %s gives figures that can be true', { timeout: 180_000 }, async (name) => {
  const result = await SMALL_MEASUREMENTS[name]?.(stage);
  if (result === undefined) throw new Error(`${name} is not tested`);
  results.push(result);
  expect(result.name).toBe(name);
  expect(result.figures.length).toBeGreaterThan(2);
  for (const one of result.figures) {
    expect(one.lowest, one.name).toBeGreaterThan(one.unit === 'count' ? -1 : 0);
    expect(one.lowest, one.name).toBeLessThanOrEqual(one.median);
    expect(one.median, one.name).toBeLessThanOrEqual(one.highest);
  }
});

test('the page and the table show every figure, and no date', async () => {
  const written = page(await describeMachine(stage), 1, results);
  const printed = textTable(results);
  for (const { name } of results.flatMap(({ figures }) => figures)) {
    expect(written).toContain(`| ${name} |`);
    expect(printed).toContain(name);
  }
  expect(written).not.toMatch(/\b20\d\d\b/);
});

test.each([
  { name: 'an odd number', samples: [3, 1, 2], middle: 2 },
  { name: 'an even number', samples: [4, 1, 3, 2], middle: 2.5 },
])('the median of $name of samples is the middle', ({ samples, middle }) => {
  expect(median(samples)).toBe(middle);
});

test('a ratio is taken round by round', () => {
  expect(ratios([10, 40], [20, 10])).toEqual([0.5, 4]);
});

test.each([
  { kind: 'at least', value: 0.85, found: 0.84, missed: true },
  { kind: 'at least', value: 0.85, found: 0.85, missed: false },
  { kind: 'at most', value: 1000, found: 1001, missed: true },
  { kind: 'at most', value: 1000, found: 1000, missed: false },
] as const)('a goal of $kind $value is missed by $found: $missed', ({ kind, value, found, missed }) => {
  expect(isMissed(figure({ name: 'a figure', unit: 'ratio', goal: { kind, value } }, [found]))).toBe(missed);
});

test('a tool is compared, or a line says why not', async () => {
  const { tools, missing } = await obtainTools({ offline: true });
  const named = [...tools.map(({ name }) => name), ...missing.map((line) => line.split(':')[0])];
  expect(named.toSorted()).toEqual(['drizzle-kit', 'graphile-migrate', 'knex', 'node-pg-migrate', 'sqitch']);
});
