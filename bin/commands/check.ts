import { acceptedLines, upInWords } from '../confirm.ts';
import { choosePlan, compileFolder, type Loading, listPlans } from '../plans.ts';
import type { Shell } from '../shell.ts';

/** Compiles a plan, or all; exit code 1 when one does not compile. Reads files only. */
export async function check(
  { terminal, plansFolder }: Pick<Shell, 'terminal' | 'plansFolder'>,
  { plan, all, json }: { readonly plan: string | undefined; readonly all: boolean; readonly json: boolean },
): Promise<number> {
  const folders = await listPlans(plansFolder);
  const chosen = all ? folders : [choosePlan(plan, folders)];
  const results = await Promise.all(chosen.map(compileFolder));
  if (json) {
    terminal.out(JSON.stringify(results.map(asJson), null, 2));
  } else {
    for (const result of results) {
      if (result.ok) terminal.out(compiledLines(result).join('\n'));
      else terminal.say([`plan ${result.id} does not compile`, ...result.faults].join('\n'));
    }
  }
  return results.every((result) => result.ok) ? 0 : 1;
}

function compiledLines({ loaded: { plan, digest } }: Extract<Loading, { ok: true }>): readonly string[] {
  return [
    `plan ${plan.id} compiles: ${plan.title}`,
    ...plan.phases.map((phase) => `  ${phase.ordinal} ${phase.id.padEnd(12)} ${upInWords(phase)}`),
    ...acceptedLines(plan),
    `  digest ${digest}`,
  ];
}

function asJson(result: Loading) {
  if (!result.ok) return { plan: result.id, compiles: false, faults: result.faults };
  const { plan, digest } = result.loaded;
  const phases = plan.phases.map(({ id, ordinal, kind }) => ({ id, ordinal, kind }));
  return { plan: plan.id, compiles: true, title: plan.title, digest, phases, accepted: plan.accepted };
}
