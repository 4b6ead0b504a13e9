import { randomBytes } from 'node:crypto';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { RunId } from '../core/ids.ts';
import type { CompiledPlan } from '../core/plan/compiled-plan.ts';
import type { Mode } from '../core/run/mode.ts';
import { buildReport, type Report } from '../core/run/report.ts';
import { followRecovery } from './follow-recovery.ts';
import { followRun, type RunEnd } from './follow-run.ts';
import { rowWatch, watchedTransfers } from './moved-rows.ts';
import { InterruptedError } from './no-run-error.ts';
import type { LoadedPlan } from './plans.ts';
import { progressTeller, type RunEvent } from './progress.ts';
import type { RunSite } from './run-site.ts';
import type { RunUnderWay } from './runs-under-way.ts';
import type { Shell } from './shell.ts';
import { whatStopKeeps } from './stopped-run.ts';

/** A run that has ended, and what is known of it. */
export interface EndedRun {
  readonly id: RunId;
  readonly end: RunEnd;
  readonly report: Report;
  /** The Markdown page; the JSON document lies beside it. */
  readonly page: string;
  /** As a clock on the wall has it; the run's own time counts waits that the local engine skips. */
  readonly wallMs: number;
}

/** `lead-centric-execute-20261129T020000-1f3a`: at most 70 characters, of 80 (StartExecution). */
export function newRunId(plan: string, mode: Mode, now: Date): RunId {
  const time = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return RunId.parse(`${plan}-${mode}-${time}-${randomBytes(2).toString('hex')}`);
}

/**
 * Starts a run, tells its progress and waits for its end.
 *
 * @throws {InterruptedError} on Ctrl-C; an engine of ours ends then, and the execution with it, any other goes on with it, and so does a stack.
 */
export async function runPlan(
  shell: Shell,
  site: RunSite,
  { plan, mode, input }: Pick<LoadedPlan, 'plan'> & { readonly mode: Mode; readonly input: Readonly<Record<string, string | number>> },
): Promise<EndedRun> {
  const begun = shell.now();
  const id = newRunId(plan.id, mode, begun);
  const { executionArn = '' } = await site.sfn.send(
    new StartExecutionCommand({ stateMachineArn: site.stateMachineArn, name: id, input: JSON.stringify(input) }),
  );
  return followToEnd(shell, site, { run: { id, executionArn, begun, plan: plan.id, mode }, plan });
}

/** Tells the progress of a run from its beginning; `plan` is null when it is not known here, and rows have no total then. */
export async function followToEnd(
  shell: Shell,
  site: RunSite,
  { run, plan }: { readonly run: RunUnderWay; readonly plan: CompiledPlan | null },
): Promise<EndedRun> {
  const { id, executionArn } = run;
  shell.terminal.say(`run ${id}`);
  try {
    const onEvents = teller(shell, site, { run, plan });
    const end = await followRun(site.sfn, executionArn, { onEvents, pollMs: site.pollMs, signal: shell.signal });
    const settled = end.outcome === null ? await settle(shell, site, { run, end, onEvents }) : end;
    return await endedRun(shell, site, { run, end: settled });
  } catch (error) {
    if (!shell.signal.aborted) {
      if (site.outlives === null) throw error;
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const what = site.isDeployed ? whatGoesOn(site, run) : `the engine has ended, and ${whatStopKeeps(run, site.asTyped)}`;
      throw new InterruptedError(`lost sight of it (${reason}); ${what}`, { cause: error });
    }
    // An engine of ours ends with this process, and its runs with it.
    throw new InterruptedError(whatInterruptionMeans(site, run), { cause: error });
  }
}

/** Follows what the stack does about a run that ended without an outcome. */
export function settle(
  { terminal, now, signal }: Shell,
  site: RunSite,
  {
    run: { id, executionArn },
    end,
    onEvents = async () => {},
  }: { readonly run: RunUnderWay; readonly end: RunEnd; readonly onEvents?: (events: readonly RunEvent[]) => Promise<void> },
): Promise<RunEnd> {
  return followRecovery(site, id, end, { executionArn, onEvents, say: (line) => terminal.say(line), now, signal });
}

/** What is known of a run by its end. */
export async function endedRun(
  { now }: Pick<Shell, 'now'>,
  site: RunSite,
  { run: { id, begun }, end }: { readonly run: RunUnderWay; readonly end: RunEnd },
): Promise<EndedRun> {
  const report = buildReport(await site.readJournal(id), site.place);
  return { id, end, report, page: site.pageOf(id), wallMs: now().getTime() - begun.getTime() };
}

/** Between two looks at moving rows: on a terminal, and in a log. */
const LIVE_ROWS_MS = 1_000;
const LOGGED_ROWS_MS = 5_000;

/** Lines as they become true; on a terminal also what is being done, and for how long. */
function teller({ terminal, now }: Shell, site: RunSite, { run, plan }: { readonly run: RunUnderWay; readonly plan: CompiledPlan | null }) {
  const transfers = plan === null ? [] : watchedTransfers(plan);
  const progress = progressTeller(transfers.map((transfer) => transfer.id));
  const readJournal = () => site.readJournal(run.id);
  const watch =
    site.session === null || run.plan === null
      ? null
      : rowWatch(site.session, {
          plan: run.plan,
          transfers,
          everyMs: terminal.isLive ? LIVE_ROWS_MS : LOGGED_ROWS_MS,
          readJournal,
          onRefused: (reason) => terminal.say(`  the rows that move are not shown: ${reason}`),
        });
  let rows = '';
  return async (events: readonly RunEvent[]): Promise<void> => {
    const journal = events.some((event) => event.kind === 'exited') ? await readJournal() : [];
    const lines = events.flatMap((event) => progress.tell(event, journal));
    for (const line of lines) terminal.say(line);
    const { moving } = progress;
    const looked = moving === null ? null : ((await watch?.look(moving, now().getTime())) ?? null);
    if (looked !== null && !terminal.isLive) terminal.say(`  ${looked}`);
    rows = moving === null ? '' : (looked ?? rows);
    const seconds = Math.round((now().getTime() - run.begun.getTime()) / 1000);
    terminal.show(rows === '' ? `${progress.doing} … ${seconds} s` : `${progress.doing} … ${rows}`);
  };
}

function whatInterruptionMeans(site: RunSite, run: RunUnderWay): string {
  return `interrupted; ${site.outlives === null ? whatStopKeeps(run, site.asTyped) : whatGoesOn(site, run)}`;
}

function whatGoesOn({ outlives, asTyped }: RunSite, { id }: RunUnderWay): string {
  return `run ${id} goes on ${outlives}
  ${asTyped(`npx stepgate status --follow --run ${id}`)}
      follow it
  ${asTyped(`npx stepgate stop --run ${id}`)}
      stop it; it is then taken back, or brought to its end`;
}
