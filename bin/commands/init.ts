import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PlanId } from '../../core/ids.ts';
import { ID_RULE } from '../../core/plan/plan-file.ts';
import { commandAt } from '../../core/run/run-place.ts';
import { NoRunError } from '../no-run-error.ts';
import { placeOf } from '../run-place.ts';
import type { Shell } from '../shell.ts';
import { starterPlan } from '../starter-plan.ts';

/** Writes a plan to begin with; nothing that is there is touched. */
export async function init(shell: Shell, { plan, json }: { readonly plan: string; readonly json: boolean }): Promise<number> {
  const { terminal, plansFolder } = shell;
  const id = PlanId.safeParse(plan);
  if (!id.success) throw new NoRunError(`a plan is called ${ID_RULE}; got ${JSON.stringify(plan)}`);
  const folder = join(plansFolder, id.data);
  if (existsSync(folder)) throw new NoRunError(`${folder} is there already, and stays as it is; choose another name`);
  const schemaComment = existsSync(join(plansFolder, 'plan.schema.json')) ? '# yaml-language-server: $schema=../plan.schema.json' : null;
  const files = Object.entries(starterPlan(id.data, { schemaComment }));
  for (const [name, text] of files) {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  }
  const names = files.map(([name]) => name);
  if (json) terminal.out(JSON.stringify({ plan: id.data, folder, files: names }, null, 2));
  else terminal.out([`wrote ${folder}`, ...names.map((name) => `  ${name}`)].join('\n'));
  const check = commandAt(placeOf(shell), `npx stepgate check ${id.data}`);
  terminal.say(`\nit compiles as it is: ${check}\nthe comments in its files say what each may hold`);
  return 0;
}
