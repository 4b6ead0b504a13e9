import type { CompileResult } from '../../../../core/plan/compile-plan.ts';
import { compilePlan } from '../../../../core/plan/compile-plan.ts';
import type { PlanFault } from '../../../../core/plan/plan-fault.ts';

/** Compiles a plan of the given SQL files; phases are those whose folders occur, and none needs an undo. */
export async function compileExample(files: Readonly<Record<string, string>>): Promise<CompileResult> {
  const all = Object.keys(files).some((path) => path.includes('/')) ? files : { ...files, '1-schema/up.sql': 'create schema shop;' };
  const folders = new Set(Object.keys(all).flatMap((path) => (path.includes('/') ? [path.slice(0, path.indexOf('/'))] : [])));
  const phases = [...folders].map((folder) => {
    const names = Object.keys(all).flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1, -'.sql'.length)] : []));
    const transfers = names.filter((name) => !['up', 'undo', 'verify'].includes(name));
    const undo = names.includes('undo') ? '' : ', undo: none, because: an example';
    return `  - { id: ${folder.replace(/^\d+-/, '')}${transfers.length > 0 ? `, transfers: [${transfers.join(', ')}]` : undo} }`;
  });
  return compilePlan({
    id: 'example',
    files: new Map([['plan.yaml', `title: An example\nphases:\n${phases.join('\n')}\n`], ...Object.entries(all)]),
  });
}

export async function faultsIn(files: Readonly<Record<string, string>>): Promise<readonly PlanFault[]> {
  const result = await compileExample(files);
  return result.ok ? [] : result.faults;
}

/** The names of the hazards in one up.sql, each once; what is refused stands as its message. */
export async function hazardsOf(sql: string): Promise<readonly string[]> {
  return [...new Set((await faultsIn({ '1-schema/up.sql': sql })).map(({ hazard, message }) => hazard ?? message))];
}
