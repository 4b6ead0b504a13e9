import * as z from 'zod';
import { PlanFile } from './plan-file.ts';

/** The JSON Schema of plan.yaml, for editors; made from what validates it. */
export function planSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(PlanFile, { io: 'input' }), null, 2)}\n`;
}
