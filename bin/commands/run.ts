import type { Mode } from '../../core/run/mode.ts';
import { confirm } from '../confirm.ts';
import { databaseLines, refuseWithoutSnapshot } from '../database-choice.ts';
import { openEngine } from '../open-engine.ts';
import { loadPlan } from '../plans.ts';
import { type EndedRun, runPlan } from '../run-plan.ts';
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

/** Runs a plan in one mode on the local engine. The exit code is that of the run's outcome; design.md, "The promise". */
export async function run(shell: Shell, { mode, plan: name, yes, json }: RunRequest): Promise<number> {
  const { database } = shell;
  refuseWithoutSnapshot(database, mode);
  const loaded = await loadPlan(shell.plansFolder, name);
  for (const line of database === undefined ? [] : databaseLines(database)) shell.terminal.say(line);
  if ((mode === 'execute' || mode === 'rollback') && !yes) await confirm(shell.terminal, { plan: loaded.plan, verb: mode });
  const engine = await openEngine(shell, [loaded]);
  try {
    // Somebody else's database is never filled, however empty it is.
    if (database === undefined && (await seedIfEmpty(engine.psqlUrl, loaded))) {
      shell.terminal.say(`the database was empty; filled it with the demo data of plan ${loaded.plan.id}`);
    }
    const ended = await runPlan(shell, engine, { ...loaded, mode });
    tellEnd(shell, { ended, mode, json });
    return runExitCode(ended.end, mode);
  } finally {
    await engine.close();
  }
}

/** A summary, or one JSON document. */
export function tellEnd(
  { terminal, folder }: Shell,
  { ended, mode, json }: { readonly ended: EndedRun; readonly mode: Mode; readonly json: boolean },
): void {
  if (!json) {
    terminal.out(runSummary(ended, folder).join('\n'));
    return;
  }
  const { id, end, page, wallMs, report } = ended;
  terminal.out(JSON.stringify({ run: id, ...end, exitCode: runExitCode(end, mode), wallMs, page, report }, null, 2));
}
