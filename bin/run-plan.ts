import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { s3Journal } from '../adapters/journal-store.ts';
import { assertNever } from '../core/assert-never.ts';
import { RunId } from '../core/ids.ts';
import type { JournalEntry } from '../core/run/journal.ts';
import type { Mode } from '../core/run/mode.ts';
import { buildReport, type Report } from '../core/run/report.ts';
import { commandFor, shownPath } from './data-folder.ts';
import { followRun, type RunEnd } from './follow-run.ts';
import { runFolder } from './local-runs.ts';
import { InterruptedError } from './no-run-error.ts';
import { type OpenEngine, s3Of, sfnOf } from './open-engine.ts';
import type { LoadedPlan } from './plans.ts';
import { progressTeller, type RunEvent } from './progress.ts';
import type { Shell } from './shell.ts';

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
 * @throws {InterruptedError} on Ctrl-C; an engine of ours stops the execution first, any other goes on with it.
 */
export async function runPlan(
  shell: Shell,
  engine: OpenEngine,
  { plan, digest, mode }: Pick<LoadedPlan, 'plan' | 'digest'> & { readonly mode: Mode },
): Promise<EndedRun> {
  const begun = shell.now();
  const id = newRunId(plan.id, mode, begun);
  const sfn = sfnOf(engine);
  const input = JSON.stringify({ plan: plan.id, mode, digest });
  const { executionArn = '' } = await sfn.send(new StartExecutionCommand({ stateMachineArn: engine.stack.stateMachineArn, name: id, input }));
  shell.terminal.say(`run ${id}`);
  const journal = s3Journal(engine.stack.reportBucket, s3Of(engine));
  const transfers = plan.phases.flatMap((phase) => (phase.kind === 'transfer' ? phase.transfers.map((transfer) => String(transfer.id)) : []));
  const onEvents = teller(shell, { readJournal: () => journal.readAll(id), transfers, begun });
  try {
    const end = await followRun(sfn, executionArn, { onEvents, signal: shell.signal });
    const page = shownPath(join(runFolder(shell.folder, { bucket: engine.stack.reportBucket, run: id }), 'report.md'));
    return { id, end, report: buildReport(await journal.readAll(id)), page, wallMs: shell.now().getTime() - begun.getTime() };
  } catch (error) {
    if (!shell.signal.aborted) throw error;
    if (engine.isOurs) await sfn.send(new StopExecutionCommand({ executionArn, error: 'Interrupted', cause: 'stopped at the terminal' }));
    throw new InterruptedError(whatInterruptionMeans(shell.folder, { engine, id, plan: plan.id, mode }), { cause: error });
  }
}

/** Lines as they become true; on a terminal also what is being done, and for how long. */
function teller(
  { terminal, now }: Shell,
  {
    readJournal,
    transfers,
    begun,
  }: { readonly readJournal: () => Promise<readonly JournalEntry[]>; readonly transfers: readonly string[]; readonly begun: Date },
) {
  const progress = progressTeller(transfers);
  return async (events: readonly RunEvent[]): Promise<void> => {
    const journal = events.some((event) => event.kind === 'exited') ? await readJournal() : [];
    const lines = events.flatMap((event) => progress.tell(event, journal));
    for (const line of lines) terminal.say(line);
    terminal.show(`${progress.doing} … ${Math.round((now().getTime() - begun.getTime()) / 1000)} s`);
  };
}

function whatInterruptionMeans(
  folder: string,
  { engine, id, plan, mode }: { readonly engine: OpenEngine; readonly id: string; readonly plan: string; readonly mode: Mode },
): string {
  if (!engine.isOurs) return `interrupted; run ${id} goes on in the engine: ${commandFor(folder, `npx stepgate status ${plan}`)}`;
  const kept = `interrupted; run ${id} is stopped. Its ledger keeps what is committed`;
  const goOn = (verb: Mode) => commandFor(folder, `npx stepgate ${verb} ${plan}`);
  switch (mode) {
    case 'dry-run':
    case 'backup':
    case 'verify':
      return `interrupted; run ${id} is stopped; the database is as it was`;
    case 'execute':
      return `${kept}: ${goOn('execute')} goes on from there, ${goOn('rollback')} takes it back`;
    case 'rollback':
      return `${kept}: ${goOn('rollback')} goes on from there`;
    default:
      return assertNever(mode);
  }
}
