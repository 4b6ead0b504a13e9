import { resolve } from 'node:path';
import { measureCalls } from './call-cost.ts';
import { measureColdStart } from './cold-start.ts';
import { measureCopy, measureLoop } from './copy.ts';
import { measureStates } from './demo-states.ts';
import type { Result, Size } from './figure.ts';
import { fixedPlans, measureFixedCost } from './fixed-cost.ts';
import type { Stage, StageOptions } from './stage.ts';
import { copyPlan } from './wide-rows.ts';

export const DEMO = 'lead-centric';

/** By name, in running order: the demo's first execution finds every function cold. */
export const MEASUREMENTS: Readonly<Record<string, (stage: Stage, size: Size) => Promise<Result>>> = {
  demo: (stage, size) => measureStates(stage, DEMO, size),
  'fixed-cost': (stage, size) => measureFixedCost(stage, size),
  calls: measureCalls,
  'copy-bigint': (stage, size) => measureCopy(stage, 'bigint', size),
  'copy-uuid': (stage, size) => measureCopy(stage, 'uuid', size),
  loop: measureLoop,
  'cold-start': (stage, size) => measureColdStart(stage, size),
};

/** What their stage needs. */
export function stageOptions(rounds: number): StageOptions {
  return {
    demo: resolve(import.meta.dirname, '..', 'migrations', DEMO),
    plans: { 'copy-bigint': copyPlan('bigint'), 'copy-uuid': copyPlan('uuid'), ...fixedPlans(rounds) },
  };
}
