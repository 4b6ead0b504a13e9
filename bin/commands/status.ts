import { basename } from 'node:path';
import { buildReport, type Report } from '../../core/run/report.ts';
import { commandAt, type RunPlace } from '../../core/run/run-place.ts';
import { type ChosenRun, chooseRun } from '../chosen-run.ts';
import { openStack } from '../open-stack.ts';
import { compileFolder, listPlans } from '../plans.ts';
import { type ArchivedRun, localArchive } from '../run-archive.ts';
import { placeOf } from '../run-place.ts';
import { followToEnd } from '../run-plan.ts';
import { type RunSite, runningSite } from '../run-site.ts';
import { nextLines, runExitCode } from '../run-summary.ts';
import { type RunUnderWay, runsAskedFor, runsUnderWay } from '../runs-under-way.ts';
import type { Shell } from '../shell.ts';
import { tellEnd } from './run.ts';

export interface StatusRequest {
  readonly plan: string | undefined;
  /** The run under way, else the last that changed something, else the newest, when none is named. */
  readonly run: string | undefined;
  /** Until the run's end; the exit code is then that of its outcome. */
  readonly follow: boolean;
  readonly json: boolean;
}

/** A run's six lines, and what can be done next. Reads the journal; starts nothing. */
export async function status(shell: Shell, request: StatusRequest): Promise<number> {
  // What has ended is read without an engine.
  const site = shell.stack === undefined ? await runningSite(shell) : await openStack(shell.stack, [], shell.plansFolder);
  const [underWay] = site === undefined || !request.follow ? [] : await runsAskedFor(site, request);
  if (site !== undefined && underWay !== undefined) return follow(shell, site, { run: underWay, json: request.json });
  if (request.follow) shell.terminal.say('no such run is under way; this is how far the newest came');
  const archive = site?.archive ?? localArchive(shell.folder);
  const chosen = await chooseRun(archive, site === undefined ? [] : await runsUnderWay(site), request);
  return tellStatus(shell, { chosen, place: site?.place ?? placeOf(shell) }, request);
}

function tellStatus(
  { terminal }: Pick<Shell, 'terminal'>,
  { chosen, place }: { readonly chosen: ChosenRun; readonly place: RunPlace },
  request: StatusRequest,
): number {
  const { run, isUnderWay, newer, earlier } = chosen;
  const report = buildReport(run.journal, place);
  const isAtWork = report.outcome === null && isUnderWay;
  // Who follows a run that has ended meanwhile is told what it came to, too.
  const code = request.follow ? (report.outcome?.exitCode ?? 0) : 0;
  if (request.json) {
    const ids = { newer: newer.map(({ id }) => id), earlier: earlier.map(({ id }) => id) };
    terminal.out(JSON.stringify({ run: run.id, isUnderWay: isAtWork, report, ...ids }, null, 2));
    return code;
  }
  // A run at work has nothing that should be started beside it.
  const next = isAtWork ? underWayLines(run, place) : nextLines(report);
  terminal.out([...statusLines(run, { report, isAtWork }), ...runLines('newer', newer), ...next, ...runLines('earlier', earlier)].join('\n'));
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

function underWayLines({ id }: ArchivedRun, place: RunPlace): readonly string[] {
  const lines = [
    [`npx stepgate status --follow --run ${id}`, 'follow it to its end'],
    [`npx stepgate stop --run ${id}`, 'stop it; it is then taken back, or brought to its end'],
  ];
  return ['', 'next', ...lines.map(([command = '', what]) => `  ${commandAt(place, command)}\n      ${what}`)];
}

function statusLines({ id }: ArchivedRun, { report, isAtWork }: { readonly report: Report; readonly isAtWork: boolean }): readonly string[] {
  const open = isAtWork ? 'no outcome yet: at work' : 'no outcome: it was stopped or killed, or its engine ended before it did';
  return [
    `run ${id}`,
    report.outcome === null ? open : `${report.outcome.outcome}: ${report.outcome.sentence}`,
    ...recoveryLines(report),
    '',
    ...report.stages.map(({ stage, status: word, detail }) => `  ${stage.padEnd(16)}${word.padEnd(9)}${detail}`.trimEnd()),
  ];
}

/** Who went on for a run that died. */
function recoveryLines({ recoveries }: Report): readonly string[] {
  const words = { begun: 'recovered by', left: 'left alone by', 'given-up': 'given up after' } as const;
  return recoveries.map(({ status: word, by, because }) => `${words[word]} ${by}: ${because}`);
}

/** A run and what it came to; a refusal with its reason, since nothing else tells of it. */
function runLines(heading: string, runs: readonly ArchivedRun[]): readonly string[] {
  const lines = runs.flatMap(({ id, journal }) => {
    const { outcome } = buildReport(journal);
    const isRefused = heading === 'newer' && outcome?.outcome === 'refused';
    return [`  ${id}  ${outcome?.outcome ?? 'no outcome'}`, ...(isRefused ? [`      ${outcome.sentence}`] : [])];
  });
  return lines.length === 0 ? [] : ['', heading, ...lines];
}
