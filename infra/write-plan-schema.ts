import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planSchema } from '../core/plan/plan-schema.ts';

/** Writes migrations/plan.schema.json below `root`, and returns its path. */
export async function writePlanSchema(root: string): Promise<string> {
  const path = join(root, 'migrations', 'plan.schema.json');
  await writeFile(path, planSchema());
  return path;
}

if (import.meta.main) console.log(`wrote ${await writePlanSchema(join(import.meta.dirname, '..'))}`);
