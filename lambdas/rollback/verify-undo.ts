import * as z from 'zod';
import { baselines } from '../../adapters/baselines.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { UndoFailedError } from '../../core/errors.ts';
import { rangeEnd } from '../../core/run/block-ranges.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const VerifyUndoInput = ChangingEnvelope.extend({ progress: z.unknown() });

/**
 * Proves that the database is as before: the schema's fingerprint and every table's digest equal the baseline. Then nothing of the plan is in force.
 *
 * @throws {UndoFailedError} with what differs.
 * @throws {StaleTokenError} when a newer run took the lock over.
 */
export function verifyUndo(deps: StatePorts): Work<z.infer<typeof VerifyUndoInput>, { done: boolean }> {
  const measured = baselines(deps.session);
  const plans = planLedger(deps.session);
  return async ({ run, now }) => {
    await plans.holdsOrFails(run);
    const baseRun = (await plans.inForce(run.plan))?.baseRun ?? null;
    if (baseRun === null) {
      return { done: await plans.isUndoVerified(run.id) };
    }
    const time = workingTime(deps.clockMs);
    await measured.begin(run, run.id, 'after');
    for (let gap = await measured.gap(run.id, 'after'); gap !== null; gap = await measured.gap(run.id, 'after')) {
      if (time.isOver()) {
        return { done: false };
      }
      await measured.measure(run, run.id, { ...gap, moment: 'after', toBlock: rangeEnd(gap) });
    }
    const [differences, tables] = await Promise.all([measured.differences(baseRun, run.id), measured.tables(run.id, 'after')]);
    await deps.journal.write(run.id, 'undo-verified', {
      kind: 'undo-verified',
      at: now.toISOString(),
      schemaEqual: !differences.some((one) => one.before === 'there' || one.after === 'there'),
      tables: tables.length,
      rows: tables.reduce((sum, table) => sum + table.rows, 0),
      differences: [...differences],
    });
    if (differences.length > 0) {
      const said = differences.slice(0, 5).map((one) => `${one.what}: before ${one.before}, now ${one.after}`);
      throw new UndoFailedError(`the database is not as before: ${said.join(' · ')}`);
    }
    await plans.forget(run);
    return { done: true };
  };
}

export const handler = stateHandler(VerifyUndoInput, (environment) => verifyUndo(statePorts(environment)));
