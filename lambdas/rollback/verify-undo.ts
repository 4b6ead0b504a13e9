import * as z from 'zod';
import { type BaselineDifferences, baselines } from '../../adapters/baselines.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { UndoFailedError } from '../../core/errors.ts';
import type { PlanDigest } from '../../core/ids.ts';
import { rangeEnd } from '../../core/run/block-ranges.ts';
import { ChangingEnvelope, type ChangingRun } from '../../core/run/envelope.ts';
import { Asked } from '../../core/run/run-input.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const VerifyUndoInput = ChangingEnvelope.extend({ progress: z.unknown(), asked: Asked });
type Input = z.infer<typeof VerifyUndoInput>;

/** `meanwhile` and `accepted` count what differs from before: by others' writes, and because the operator accepted it. */
export interface UndoProof {
  readonly done: boolean;
  readonly meanwhile: number;
  readonly accepted: number;
}

/**
 * Proves that the database is as before: the schema's fingerprint and every table's digest equal the baseline, except where others wrote:
 * in tables that no transaction of the plan wrote, and objects that no statement of it names. Then nothing of the plan is in force.
 *
 * @throws {UndoFailedError} with what differs, unless the operator accepted exactly that.
 * @throws {StaleTokenError} when a newer run took the lock over.
 */
export function verifyUndo(deps: StatePorts): Work<Input, UndoProof> {
  const plans = planLedger(deps.session);
  return async (input) => {
    const { run } = input;
    await plans.holdsOrFails(run);
    const { digest, baseRun } = (await plans.inForce(run.plan)) ?? { digest: run.digest, baseRun: null };
    if (baseRun === null) {
      return { done: await plans.isUndoVerified(run.id), meanwhile: 0, accepted: 0 };
    }
    if (!(await measureAfter(deps, run))) {
      return { done: false, meanwhile: 0, accepted: 0 };
    }
    const found = await proof(deps, input, { digest, baseRun });
    if (found.oursCount > 0 && input.asked.accept !== found.acceptance) {
      await plans.refute(run);
      throw new UndoFailedError(notAsBefore(found, input.asked.accept));
    }
    await plans.forget(run);
    return { done: true, meanwhile: found.othersCount, accepted: found.oursCount };
  };
}

/** Whether every table is measured. */
async function measureAfter(deps: StatePorts, run: ChangingRun): Promise<boolean> {
  const measured = baselines(deps.session);
  const time = workingTime(deps.clockMs);
  await measured.begin(run, run.id, 'after');
  for (let gap = await measured.gap(run.id, 'after'); gap !== null; gap = await measured.gap(run.id, 'after')) {
    if (time.isOver()) return false;
    await measured.measure(run, run.id, { ...gap, moment: 'after', toBlock: rangeEnd(gap) });
  }
  return true;
}

async function proof(
  deps: StatePorts,
  { run, now }: Input,
  inForce: { readonly digest: PlanDigest; readonly baseRun: string },
): Promise<BaselineDifferences> {
  const measured = baselines(deps.session);
  // An undo that was corrected goes by another plan than the phases did.
  const [undoing, applied] = await Promise.all([deps.plans.read(run.digest), deps.plans.read(inForce.digest)]);
  const reach = {
    names: [...new Set([...undoing.reach.names, ...applied.reach.names])],
    exact: [undoing, applied].flatMap(({ reach: { names, exact } }) => exact ?? names),
    isOpaque: undoing.reach.isOpaque || applied.reach.isOpaque,
  };
  const [found, tables] = await Promise.all([
    measured.differences({ plan: run.plan, id: run.id, base: inForce.baseRun }, reach),
    measured.tables(run.id, 'after'),
  ]);
  await deps.journal.write(run.id, 'undo-verified', {
    kind: 'undo-verified',
    at: now.toISOString(),
    schemaEqual: !found.ours.some((one) => one.before === 'there' || one.after === 'there'),
    tables: tables.length,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    differences: [...found.ours],
    meanwhile: [...found.others],
    acceptance: found.acceptance,
  });
  return found;
}

function notAsBefore({ ours, oursCount, acceptance }: BaselineDifferences, accept: string | null): string {
  const said = ours.slice(0, 5).map((one) => `${one.what}: before ${one.before}, now ${one.after}`);
  const more = oursCount > said.length ? ` · and ${oursCount - said.length} more` : '';
  const other = accept === null ? '' : `; ${accept} was accepted, which is not this`;
  return `everything is undone, but the database is not as before: ${said.join(' · ')}${more}${other}; to accept that as it is, roll back with accept ${acceptance}`;
}

export const handler = stateHandler(VerifyUndoInput, (environment) => verifyUndo(statePorts(environment)));
