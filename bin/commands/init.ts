import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PlanId } from '../../core/ids.ts';
import { ID_RULE } from '../../core/plan/plan-file.ts';
import { NoRunError } from '../no-run-error.ts';
import type { Shell } from '../shell.ts';
import { starterPlan } from '../starter-plan.ts';

/** Writes a plan to begin with; nothing that is there is touched. */
export async function init(
  { terminal, plansFolder }: Pick<Shell, 'terminal' | 'plansFolder'>,
  { plan, json }: { readonly plan: string; readonly json: boolean },
): Promise<number> {
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
  terminal.say(`\nit compiles as it is: npx stepgate check ${id.data}; docs/plan-format.md says what each file may hold`);
  return 0;
}
