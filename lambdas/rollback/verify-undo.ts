import * as z from 'zod';
import { type BaselineDifference, baselines } from '../../adapters/baselines.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { UndoFailedError } from '../../core/errors.ts';
import { acceptanceOf } from '../../core/run/acceptance.ts';
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
    const base = (await plans.inForce(run.plan))?.baseRun ?? null;
    if (base === null) {
      return { done: await plans.isUndoVerified(run.id), meanwhile: 0, accepted: 0 };
    }
    if (!(await measureAfter(deps, run))) {
      return { done: false, meanwhile: 0, accepted: 0 };
    }
    const { ours, meanwhile } = await proof(deps, input, base);
    if (ours.length > 0 && input.asked.accept !== acceptanceOf(ours)) {
      await plans.refute(run);
      throw new UndoFailedError(notAsBefore(ours, input.asked.accept));
    }
    await plans.forget(run);
    return { done: true, meanwhile: meanwhile.length, accepted: ours.length };
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

async function proof(deps: StatePorts, { run, now }: Input, base: string) {
  const measured = baselines(deps.session);
  const { reach } = await deps.plans.read(run.digest);
  const [found, tables] = await Promise.all([measured.differences({ plan: run.plan, id: run.id, base }, reach), measured.tables(run.id, 'after')]);
  const ours = found.filter(({ isOurs }) => isOurs).map(withoutOwner);
  const meanwhile = found.filter(({ isOurs }) => !isOurs).map(withoutOwner);
  await deps.journal.write(run.id, 'undo-verified', {
    kind: 'undo-verified',
    at: now.toISOString(),
    schemaEqual: !ours.some((one) => one.before === 'there' || one.after === 'there'),
    tables: tables.length,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    differences: ours,
    meanwhile,
    acceptance: acceptanceOf(ours),
  });
  return { ours, meanwhile };
}

function withoutOwner({ what, before, after }: BaselineDifference) {
  return { what, before, after };
}

function notAsBefore(ours: readonly { readonly what: string; readonly before: string; readonly after: string }[], accept: string | null): string {
  const said = ours.slice(0, 5).map((one) => `${one.what}: before ${one.before}, now ${one.after}`);
  const more = ours.length > 5 ? ` · and ${ours.length - 5} more` : '';
  const other = accept === null ? '' : `; ${accept} was accepted, which is not this`;
  return `everything is undone, but the database is not as before: ${said.join(' · ')}${more}${other}; to accept that as it is, roll back with accept ${acceptanceOf(ours)}`;
}

export const handler = stateHandler(VerifyUndoInput, (environment) => verifyUndo(statePorts(environment)));
