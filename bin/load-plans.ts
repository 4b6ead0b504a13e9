import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeFault } from '../core/plan/plan-fault.ts';
import type { PlanDocument } from '../infra/deployed-plans.ts';
import { compileFolder } from './plans.ts';

/** The message holds every fault of every plan, as `file:line:column: what is wrong`. */
export class PlansDoNotCompileError extends Error {
  override readonly name = 'PlansDoNotCompileError';
}

/**
 * Compiles every folder of `folder`, for the construct's `plans`; a relative path starts at the working folder.
 *
 * A folder without a plan.yaml is a fault too: a plan that is left out in silence would be missed only when it is to run.
 *
 * @throws {PlansDoNotCompileError} when one does not compile, or there is none.
 */
export async function loadPlans(folder: string): Promise<Readonly<Record<string, PlanDocument>>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : [])).sort();
  if (names.length === 0) throw new PlansDoNotCompileError(`there are no plans in ${resolve(folder)}; name the folder that holds a folder per plan`);
  const loadings = await Promise.all(names.map((name) => compileFolder(join(folder, name))));
  const faults = loadings.flatMap((loading) => (loading.ok ? [] : [`plan ${loading.id} does not compile:`, ...loading.faults.map(describeFault)]));
  if (faults.length > 0) throw new PlansDoNotCompileError(faults.join('\n'));
  return Object.fromEntries(loadings.flatMap((loading) => (loading.ok ? [[loading.loaded.plan.id, documentOf(loading.loaded)]] : [])));
}

function documentOf({ json, digest }: PlanDocument): PlanDocument {
  return { json, digest };
}
