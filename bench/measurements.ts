import { resolve } from 'node:path';
import { measureApplication } from './application-calls.ts';
import { measureCalls } from './call-cost.ts';
import { measureColdStart } from './cold-start.ts';
import { measureComparison } from './comparison.ts';
import { measureCopy, measureLoop } from './copy.ts';
import { measureLiveCopy } from './copy-live.ts';
import { measureStates } from './demo-states.ts';
import type { Result, Size } from './figure.ts';
import { fixedPlans, measureFixedCost } from './fixed-cost.ts';
import { measureGrowth } from './growth.ts';
import { measureMemory } from './memory.ts';
import { measureRowImages } from './row-images.ts';
import type { Stage, StageOptions } from './stage.ts';
import { measureSyncCost } from './sync-cost.ts';
import { changePlans, copyPlans } from './wide-rows.ts';

export const DEMO = 'lead-centric';

/** By name, in running order: the demo's first execution finds every function cold. */
export const MEASUREMENTS: Readonly<Record<string, (stage: Stage, size: Size) => Promise<Result>>> = {
  demo: (stage, size) => measureStates(stage, DEMO, size),
  'fixed-cost': (stage, size) => measureFixedCost(stage, size),
  calls: measureCalls,
  'copy-bigint': (stage, size) => measureCopy(stage, 'bigint', size),
  'copy-uuid': (stage, size) => measureCopy(stage, 'uuid', size),
  'copy-live': measureLiveCopy,
  growth: measureGrowth,
  comparison: measureComparison,
  application: measureApplication,
  'sync-cost': measureSyncCost,
  'row-images': measureRowImages,
  memory: (_, size) => measureMemory(size),
  loop: measureLoop,
  'cold-start': (stage, size) => measureColdStart(stage, size),
};

/** What their stage needs. */
export function stageOptions(rounds: number): StageOptions {
  return {
    demos: [resolve(import.meta.dirname, '..', 'migrations', DEMO)],
    plans: { ...copyPlans(), ...changePlans(), ...fixedPlans(rounds) },
  };
}
