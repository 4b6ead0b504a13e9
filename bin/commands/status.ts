import { basename } from 'node:path';
import { buildReport, type Report } from '../../core/run/report.ts';
import { commandFor } from '../data-folder.ts';
import { openStack } from '../open-stack.ts';
import { compileFolder, listPlans } from '../plans.ts';
import { type ArchivedRun, chooseArchived, localArchive, type RunArchive } from '../run-archive.ts';
import { followToEnd } from '../run-plan.ts';
import { type RunSite, runningSite } from '../run-site.ts';
import { nextLines, runExitCode } from '../run-summary.ts';
import { type RunUnderWay, runsAskedFor, runsUnderWay } from '../runs-under-way.ts';
import type { Shell } from '../shell.ts';
import { tellEnd } from './run.ts';

/** Earlier runs that are listed below the newest. */
const EARLIER_RUNS = 5;

export interface StatusRequest {
  readonly plan: string | undefined;
  /** The newest, when none is named. */
  readonly run: string | undefined;
  /** Until the run's end; the exit code is then that of its outcome. */
  readonly follow: boolean;
  readonly json: boolean;
}

/** A run's six lines, and what can be done next. Reads the journal; starts nothing. */
export async function status(shell: Shell, request: StatusRequest): Promise<number> {
  // What has ended is read without an engine.
  const site = shell.stack === undefined ? await runningSite(shell) : await openStack(shell.stack, []);
  const [underWay] = site === undefined || !request.follow ? [] : await runsAskedFor(site, request);
  if (site !== undefined && underWay !== undefined) return follow(shell, site, { run: underWay, json: request.json });
  if (request.follow) shell.terminal.say('no such run is under way; this is how far the newest came');
  const archive = site?.archive ?? localArchive(shell.folder);
  const asTyped = site?.asTyped ?? ((command: string) => commandFor(shell.folder, command));
  const isUnderWay = async (id: string) => site !== undefined && (await runsUnderWay(site)).some((run) => run.id === id);
  return tellStatus(shell, { archive, asTyped, isUnderWay }, request);
}

async function tellStatus(
  { terminal }: Pick<Shell, 'terminal'>,
  {
    archive,
    asTyped,
    isUnderWay,
  }: { readonly archive: RunArchive; readonly asTyped: RunSite['asTyped']; readonly isUnderWay: (id: string) => Promise<boolean> },
  request: StatusRequest,
): Promise<number> {
  const run = await chooseArchived(archive, request);
  const earlier = request.run === undefined ? (await archive.newest(request.plan, EARLIER_RUNS + 1)).filter(({ id }) => id !== run.id) : [];
  const report = buildReport(run.journal);
  const isAtWork = report.outcome === null && (await isUnderWay(run.id));
  // Who follows a run that has ended meanwhile is told what it came to, too.
  const code = request.follow ? (report.outcome?.exitCode ?? 0) : 0;
  if (request.json) {
    terminal.out(JSON.stringify({ run: run.id, isUnderWay: isAtWork, report, earlier: earlier.map(({ id }) => id) }, null, 2));
    return code;
  }
  // A run at work has nothing that should be started beside it.
  const next = isAtWork ? underWayLines(run, asTyped) : nextLines(report, asTyped);
  terminal.out([...statusLines(run, { report, isAtWork }), ...next, ...earlierLines(earlier)].join('\n'));
  return code;
}

async function follow(shell: Shell, site: RunSite, { run, json }: { readonly run: RunUnderWay; readonly json: boolean }): Promise<number> {
  // The local engine's executions count virtual time.
  const begun = shell.stack === undefined ? shell.now() : run.begun;
  const ended = await followToEnd(shell, site, { run: { ...run, begun }, plan: await planHere(shell, run) });
  tellEnd(shell, site, { ended, mode: run.mode, json });
  return runExitCode(ended.end, run.mode);
}

/** As it lies here, for the order and the sources of its transfers; a run is followed without it, too. */
async function planHere({ plansFolder }: Pick<Shell, 'plansFolder'>, { plan }: RunUnderWay) {
  const folders = await listPlans(plansFolder).catch(() => []);
  const folder = folders.find((one) => basename(one) === plan);
  const compiled = folder === undefined ? undefined : await compileFolder(folder);
  return compiled?.ok ? compiled.loaded.plan : null;
}

function underWayLines({ id }: ArchivedRun, asTyped: RunSite['asTyped']): readonly string[] {
  const lines = [
    [`npx stepgate status --follow --run ${id}`, 'follow it to its end'],
    [`npx stepgate stop --run ${id}`, 'stop it; what is committed stays'],
  ];
  return ['', 'next', ...lines.map(([command = '', what]) => `  ${asTyped(command)}\n      ${what}`)];
}

function statusLines({ id }: ArchivedRun, { report, isAtWork }: { readonly report: Report; readonly isAtWork: boolean }): readonly string[] {
  const open = isAtWork ? 'no outcome yet: at work' : 'no outcome: it was stopped or killed, or its engine ended before it did';
  return [
    `run ${id}`,
    report.outcome === null ? open : `${report.outcome.outcome}: ${report.outcome.sentence}`,
    '',
    ...report.stages.map(({ stage, status: word, detail }) => `  ${stage.padEnd(16)}${word.padEnd(9)}${detail}`.trimEnd()),
  ];
}

function earlierLines(runs: readonly ArchivedRun[]): readonly string[] {
  if (runs.length === 0) return [];
  const shown = runs.slice(0, EARLIER_RUNS).map(({ id, journal }) => `  ${id}  ${buildReport(journal).outcome?.outcome ?? 'no outcome'}`);
  return ['', 'earlier', ...shown];
}
