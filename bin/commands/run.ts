import type { Mode } from '../../core/run/mode.ts';
import { confirm } from '../confirm.ts';
import { databaseLines, refuseWithoutSnapshot } from '../database-choice.ts';
import { openEngine } from '../open-engine.ts';
import { openStack } from '../open-stack.ts';
import { type LoadedPlan, loadPlan } from '../plans.ts';
import { type EndedRun, runPlan } from '../run-plan.ts';
import { engineSite, type RunSite } from '../run-site.ts';
import { runExitCode, runSummary } from '../run-summary.ts';
import { seedIfEmpty } from '../seed-database.ts';
import type { Shell } from '../shell.ts';

export interface RunRequest {
  readonly mode: Mode;
  /** The only one, when none is named. */
  readonly plan: string | undefined;
  /** Answers the question that execute and rollback ask. */
  readonly yes: boolean;
  readonly json: boolean;
}

/** Runs a plan in one mode, here or in a stack. The exit code is that of the run's outcome; design.md, "The promise". */
export async function run(shell: Shell, { mode, plan: name, yes, json }: RunRequest): Promise<number> {
  const { database, stack } = shell;
  refuseWithoutSnapshot(database, mode);
  const loaded = await loadPlan(shell.plansFolder, name);
  // Before the question: a yes is for what the stack deploys.
  const deployed = stack && (await openStack(stack, [loaded]));
  for (const line of whereLines(shell, deployed)) shell.terminal.say(line);
  if ((mode === 'execute' || mode === 'rollback') && !yes) await confirm(shell.terminal, { plan: loaded.plan, verb: mode });
  const site = deployed ?? (await openFilledEngine(shell, loaded));
  try {
    const ended = await runPlan(shell, site, { ...loaded, mode });
    tellEnd(shell, site, { ended, mode, json });
    return runExitCode(ended.end, mode);
  } finally {
    await site.close();
  }
}

function whereLines({ database, stack }: Shell, deployed: RunSite | undefined): readonly string[] {
  if (stack !== undefined) return [`stack ${stack.name}, ${deployed?.stateMachineArn}`];
  return database === undefined ? [] : databaseLines(database);
}

async function openFilledEngine(shell: Shell, loaded: LoadedPlan): Promise<RunSite> {
  const engine = await openEngine(shell, [loaded]);
  try {
    // Somebody else's database is never filled, however empty it is.
    if (shell.database === undefined && (await seedIfEmpty(engine.psqlUrl, loaded))) {
      shell.terminal.say(`the database was empty; filled it with the demo data of plan ${loaded.plan.id}`);
    }
    return engineSite(engine, shell.folder);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** A summary, or one JSON document. */
export function tellEnd(
  { terminal, database }: Pick<Shell, 'terminal' | 'database'>,
  { asTyped }: Pick<RunSite, 'asTyped'>,
  { ended, mode, json }: { readonly ended: EndedRun; readonly mode: Mode; readonly json: boolean },
): void {
  if (!json) {
    terminal.out(runSummary(ended, asTyped).join('\n'));
    if (database !== undefined) terminal.say('\neach of these takes the same --database-url; execute also a word on the snapshot');
    return;
  }
  const { id, end, page, wallMs, report } = ended;
  terminal.out(JSON.stringify({ run: id, ...end, exitCode: runExitCode(end, mode), wallMs, page, report }, null, 2));
}
