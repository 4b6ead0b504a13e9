import { DescribeExecutionCommand, ListExecutionsCommand } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { PlanId, RunId } from '../core/ids.ts';
import { Mode } from '../core/run/mode.ts';
import { RecoverInput } from '../core/run/recovery.ts';
import { NoRunError } from './no-run-error.ts';
import type { RunSite } from './run-site.ts';

/** A run that has not ended. */
export interface RunUnderWay {
  readonly id: RunId;
  /** Its own, or that of a recovery of it. */
  readonly executionArn: string;
  readonly begun: Date;
  /** Null when the input leaves it to the stack, which has one plan then. */
  readonly plan: PlanId | null;
  readonly mode: Mode;
}

const Input = z.object({ plan: PlanId.nullish(), mode: Mode.default('dry-run') });

/** Newest first. */
export async function runsUnderWay({ sfn, stateMachineArn, readJournal }: RunSite): Promise<readonly RunUnderWay[]> {
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
  const runs = executions.map(async ({ executionArn = '', name, startDate = new Date(0) }) => {
    const id = RunId.safeParse(name);
    if (!id.success) return [];
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const given: unknown = JSON.parse(described.input ?? '{}');
    const recovered = RecoverInput.safeParse(given);
    if (recovered.success) return runRecovered(recovered.data, { executionArn, begun: startDate, readJournal });
    const input = Input.safeParse(given);
    // An input that no run begins with is refused by the run itself in a moment.
    if (!input.success) return [];
    const known = input.data.plan ?? (await readJournal(id.data)).find((entry) => entry.kind === 'run')?.plan ?? null;
    return [{ id: id.data, executionArn, begun: startDate, plan: known, mode: input.data.mode }];
  });
  return (await Promise.all(runs)).flat();
}

/** A run that died, and that an execution brings to its end. */
async function runRecovered(
  { run: id, plan }: RecoverInput,
  { readJournal, ...execution }: Pick<RunUnderWay, 'executionArn' | 'begun'> & Pick<RunSite, 'readJournal'>,
): Promise<readonly RunUnderWay[]> {
  const mode = (await readJournal(id)).find((entry) => entry.kind === 'run')?.mode;
  return mode === undefined ? [] : [{ id, ...execution, plan, mode }];
}

export interface WhichRun {
  readonly plan: string | undefined;
  readonly run: string | undefined;
}

/** Those that are asked for; all, when nothing is said. */
export async function runsAskedFor(site: RunSite, { plan, run }: WhichRun): Promise<readonly RunUnderWay[]> {
  const all = await runsUnderWay(site);
  return all.filter((one) => (run === undefined || one.id === run) && (plan === undefined || one.plan === plan));
}

/** @throws {NoRunError} when none is under way, or several are and none is named. */
export async function theRunAskedFor(site: RunSite, which: WhichRun): Promise<RunUnderWay> {
  const found = await runsAskedFor(site, which);
  const [only] = found;
  const asked = which.run === undefined ? (which.plan === undefined ? 'no run' : `no run of plan ${which.plan}`) : `run ${which.run}`;
  if (only === undefined)
    throw new NoRunError(
      `${asked} is ${which.run === undefined ? '' : 'not '}under way ${site.archive.where}; see "${site.asTyped('npx stepgate status')}"`,
    );
  if (found.length > 1)
    throw new NoRunError(`${found.length} runs are under way ${site.archive.where}, name one with --run: ${found.map(({ id }) => id).join(', ')}`);
  return only;
}
