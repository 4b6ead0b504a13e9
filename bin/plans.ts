import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { planFolders, readPlanFolder } from '../adapters/plan-folder.ts';
import type { PlanDigest } from '../core/ids.ts';
import { compilePlan } from '../core/plan/compile-plan.ts';
import type { CompiledPlan } from '../core/plan/compiled-plan.ts';
import { nearest } from '../core/plan/nearest.ts';
import { describeFault, type PlanFault } from '../core/plan/plan-fault.ts';
import { NoRunError } from './no-run-error.ts';

/** A plan as it would be deployed now. */
export interface LoadedPlan {
  readonly plan: CompiledPlan;
  readonly json: string;
  readonly digest: PlanDigest;
  readonly folder: string;
}

export type Loading =
  | { readonly ok: true; readonly loaded: LoadedPlan }
  /** Each fault's file is below the working folder, where the plan's folder is. */
  | { readonly ok: false; readonly id: string; readonly faults: readonly PlanFault[] };

/**
 * The folders of plans.
 *
 * @throws {NoRunError} when there is no folder of plans, or none in it.
 */
export async function listPlans(plansFolder: string): Promise<readonly string[]> {
  const found = await stat(plansFolder).catch(() => null);
  if (found === null)
    throw new NoRunError(
      `there is no folder ${resolve(plansFolder)}; run this in the project's folder, name a folder of plans with --plans DIR, or ${BEGIN}`,
    );
  if (!found.isDirectory()) throw new NoRunError(`${resolve(plansFolder)} is a file; --plans DIR names the folder that holds a folder for each plan`);
  const folders = await planFolders(plansFolder);
  if (folders.length === 0) throw new NoRunError(await whyNoPlans(plansFolder));
  return folders;
}

const BEGIN = '"stepgate init NAME" writes a plan to begin with';

/** What was looked for, and what lies there instead. */
async function whyNoPlans(plansFolder: string): Promise<string> {
  const entries = await readdir(plansFolder, { withFileTypes: true });
  const where = resolve(plansFolder);
  if (entries.some(({ name }) => name === 'plan.yaml'))
    return `${where} is a plan itself; --plans DIR names the folder above it: --plans ${dirname(where)}`;
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  const holds =
    folders.length === 0
      ? 'it holds no folder'
      : `none of its folders (${folders.slice(0, 5).join(', ')}${folders.length > 5 ? ', …' : ''}) holds a plan.yaml`;
  return `there are no plans in ${where}: ${holds}; ${BEGIN}, --plans DIR names another folder`;
}

/**
 * The folder of the plan that is named, or of the only one.
 *
 * @throws {NoRunError} for an unknown name, or none where there are several.
 */
export function choosePlan(name: string | undefined, folders: readonly string[]): string {
  const names = folders.map((folder) => basename(folder));
  const [only] = folders;
  if (name === undefined && folders.length === 1 && only !== undefined) return only;
  if (name === undefined) throw new NoRunError(`there are ${names.length} plans, name one: ${names.join(', ')}`);
  const chosen = folders[names.indexOf(name)];
  if (chosen !== undefined) return chosen;
  const near = nearest(name, names);
  throw new NoRunError(
    `there is no plan "${name}"; ${near === null ? `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}` : `did you mean ${near}?`}`,
  );
}

export async function compileFolder(folder: string): Promise<Loading> {
  const source = await readPlanFolder(folder);
  const result = await compilePlan(source);
  if (!result.ok) return { ok: false, id: source.id, faults: result.faults.map((fault) => ({ ...fault, file: `${folder}/${fault.file}` })) };
  return { ok: true, loaded: { plan: result.plan, json: result.json, digest: result.digest, folder } };
}

/** @throws {NoRunError} for a plan that is not there, or does not compile; the message holds every fault. */
export async function loadPlan(plansFolder: string, name: string | undefined): Promise<LoadedPlan> {
  const result = await compileFolder(choosePlan(name, await listPlans(plansFolder)));
  if (result.ok) return result.loaded;
  throw new NoRunError(`plan ${result.id} does not compile\n${result.faults.map(describeFault).join('\n')}`);
}
