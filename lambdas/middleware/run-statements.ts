import { sqlStateOf } from '../../adapters/aws-errors.ts';
import { describePlace, type LongPlace, longStatements } from '../../adapters/long-statements.ts';
import { takenNames } from '../../adapters/taken-names.ts';
import { DatabaseBusyError, StatementFailedError, StepgateError } from '../../core/errors.ts';
import type { LongStatement } from '../../core/plan/compiled-plan.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import type { StatePorts } from './ports.ts';

/** `wait`: a statement is at work; `run`: none is, and there is more to do; `next-step`: the phase is applied. */
export interface LongAnswer {
  readonly next: 'wait' | 'run' | 'next-step';
  readonly statement: number | null;
}

/** Five tries of one statement: a build that loses its connection five times will lose it again. */
const MOST_ATTEMPTS = 5;

/** 50 s of starting statements: one more may take the Data API's 45 s, and the function ends at 120. */
const START_MS = 50_000;

/** The statements of one direction of a phase, each until the catalog says that it is done. */
export async function runStatements(
  deps: StatePorts,
  run: ChangingRun,
  work: { readonly phase: string; readonly direction: 'up' | 'undo'; readonly statements: readonly LongStatement[] },
): Promise<LongAnswer> {
  const begunMs = deps.clockMs();
  for (const statement of work.statements) {
    const place = { phase: work.phase, direction: work.direction, statement };
    const state = await startUnlessDone(deps, run, place);
    if (state === 'running') {
      return { next: 'wait', statement: statement.number };
    }
    if (deps.clockMs() - begunMs > START_MS) {
      return { next: 'run', statement: statement.number };
    }
  }
  return { next: 'next-step', statement: null };
}

async function startUnlessDone(deps: StatePorts, run: ChangingRun, place: LongPlace): Promise<'done' | 'running'> {
  const long = longStatements(deps.session);
  const found = await long.state(run, place);
  if (found === 'done' || found === 'running') {
    return found;
  }
  if ((await long.attempts(run, place)) >= MOST_ATTEMPTS) {
    throw new StatementFailedError(`${describePlace(place)}: not done after ${MOST_ATTEMPTS} tries`);
  }
  if (found === 'broken') {
    await long.dropBroken(run, place);
  }
  try {
    await long.start(run, place);
  } catch (error) {
    // The return code is not believed: the catalog says what came of it.
    return afterError(deps, run, place, error);
  }
  const shown = await long.state(run, place);
  if (shown !== 'done' && shown !== 'running') {
    throw new StatementFailedError(`${describePlace(place)}: the server says that it ran, and the catalog does not show it`);
  }
  return shown;
}

async function afterError(deps: StatePorts, run: ChangingRun, place: LongPlace, error: unknown): Promise<'done' | 'running'> {
  const long = longStatements(deps.session);
  const found = await long.state(run, place);
  // At work under this label is either what timed out or the same state beside itself.
  if (found === 'done' || found === 'running') {
    return found;
  }
  if (found === 'broken') {
    await long.dropBroken(run, place);
  }
  if (await wasBesideItself(deps, place, error)) {
    throw new DatabaseBusyError(`${describePlace(place)}: another visit of this state was building the same index`, { cause: error });
  }
  // It names the statement already.
  throw error instanceof StepgateError ? error : new StatementFailedError(`${describePlace(place)}: ${String(error)}`, { cause: error });
}

/** The name was taken when the statement began (42P07) and is free now: what held it was a build of ours that failed and was dropped. */
async function wasBesideItself({ session }: StatePorts, { statement: { proof } }: LongPlace, error: unknown): Promise<boolean> {
  const wasTaken = error instanceof StatementFailedError && sqlStateOf(error.message) === '42P07';
  if (!wasTaken || proof.kind !== 'index-valid') {
    return false;
  }
  return (await takenNames(session.query, [{ kind: 'index', schema: proof.schema, name: proof.index }])).length === 0;
}
