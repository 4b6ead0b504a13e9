import { ACCEPTANCE } from '../../core/run/acceptance.ts';
import { changesDatabase, type Mode } from '../../core/run/mode.ts';
import { confirm } from '../confirm.ts';
import { databaseLines, refuseWithoutSnapshot } from '../database-choice.ts';
import { NoRunError } from '../no-run-error.ts';
import { openEngine } from '../open-engine.ts';
import { openStack } from '../open-stack.ts';
import { type LoadedPlan, loadPlan } from '../plans.ts';
import { type EndedRun, runPlan } from '../run-plan.ts';
import { engineSite, type RunSite } from '../run-site.ts';
import { runExitCode, runSummary } from '../run-summary.ts';
import { seedIfEmpty } from '../seed-database.ts';
import type { Shell } from '../shell.ts';

/** How a rollback goes on after one that halted. */
export interface RollbackWish {
  /** The digest of differences that are accepted as they are. */
  readonly accept?: string | undefined;
  /** Undo by the plan as it lies in its folder, whose undo.sql was corrected since it was executed. */
  readonly mendedUndo?: boolean | undefined;
  /** The phase that stays, with those before it. */
  readonly to?: string | undefined;
  /** Restore the snapshot instead of undoing the phases. */
  readonly restore?: boolean | undefined;
}

export interface RunRequest {
  readonly mode: Mode;
  /** The only one, when none is named. */
  readonly plan: string | undefined;
  /** Answers the question that execute and rollback ask. */
  readonly yes: boolean;
  readonly wish?: RollbackWish;
  readonly json: boolean;
}

/** Runs a plan in one mode, here or in a stack. The exit code is that of the run's outcome; design.md, "The promise". */
export async function run(shell: Shell, { mode, plan: name, yes, wish = {}, json }: RunRequest): Promise<number> {
  const { database, stack } = shell;
  if (wish.accept !== undefined && !ACCEPTANCE.test(wish.accept)) {
    throw new NoRunError(`--accept takes the 12 hexadecimal characters that a halted run's report names, got ${JSON.stringify(wish.accept)}`);
  }
  if (wish.restore === true && (wish.accept !== undefined || wish.to !== undefined || wish.mendedUndo === true))
    throw new NoRunError('--restore undoes no phase; leave out --accept, --to and --mended-undo');
  refuseWithoutSnapshot(database, mode);
  const loaded = await loadPlan(shell.plansFolder, name);
  // Before the question: a yes is for what the stack deploys.
  const deployed = stack && (await openStack(stack, [loaded], shell.plansFolder));
  for (const line of whereLines(shell, deployed)) shell.terminal.say(line);
  refuseUnknownPhase(wish.to, loaded);
  if (changesDatabase(mode) && !yes) await confirm(shell.terminal, { plan: loaded.plan, verb: mode, to: wish.to, restores: wish.restore === true });
  const site = deployed ?? (await openFilledEngine(shell, loaded));
  try {
    const ended = await runPlan(shell, site, { ...loaded, mode, input: runInput(loaded, mode, wish) });
    tellEnd(shell, site, { ended, mode, json });
    return runExitCode(ended.end, mode);
  } finally {
    await site.close();
  }
}

/** A rollback goes by the plan that was applied, so only one by a corrected plan names a digest. */
function runInput(
  { plan, digest }: LoadedPlan,
  mode: Mode,
  { accept, to, mendedUndo = false, restore = false }: RollbackWish,
): Readonly<Record<string, string | number>> {
  const start = { plan: plan.id, mode };
  if (mode !== 'rollback') return { ...start, digest };
  return {
    ...start,
    ...(mendedUndo ? { digest } : {}),
    ...(accept === undefined ? {} : { accept }),
    ...(to === undefined ? {} : { to }),
    ...(restore ? { level: 3 } : {}),
  };
}

/** Before the question: a yes is for what would go. */
function refuseUnknownPhase(to: string | undefined, { plan }: LoadedPlan): void {
  const phases = plan.phases.filter(({ when }) => when === 'run').map(({ id }) => id as string);
  if (to !== undefined && !phases.includes(to))
    throw new NoRunError(`--to takes a phase of ${plan.id}: ${phases.join(', ')}; got ${JSON.stringify(to)}`);
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
    return engineSite(engine, shell);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** A summary, or one JSON document. */
export function tellEnd(
  { terminal, database }: Pick<Shell, 'terminal' | 'database'>,
  { place }: Pick<RunSite, 'place'>,
  { ended, mode, json }: { readonly ended: EndedRun; readonly mode: Mode; readonly json: boolean },
): void {
  if (!json) {
    terminal.out(runSummary(ended, place).join('\n'));
    if (database?.snapshot === null)
      terminal.say('\nexecute also takes a word on the snapshot: --no-snapshot, or --snapshot-command and --restore-command');
    return;
  }
  const { id, end, page, wallMs, report } = ended;
  terminal.out(JSON.stringify({ run: id, ...end, exitCode: runExitCode(end, mode), wallMs, page, report }, null, 2));
}
