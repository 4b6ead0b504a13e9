import * as z from 'zod';
import { baselines } from '../../adapters/baselines.ts';
import { planLedger } from '../../adapters/plan-ledger.ts';
import { rangeEnd } from '../../core/run/block-ranges.ts';
import { ChangingEnvelope } from '../../core/run/envelope.ts';
import type { JournalEntry } from '../../core/run/journal.ts';
import { workingTime } from '../../core/run/working-time.ts';
import { type StatePorts, statePorts } from '../middleware/ports.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const MeasureBeforeInput = ChangingEnvelope.extend({ progress: z.unknown() });

/** Takes the baseline: the schema's fingerprint and every table's digest, by which an undo is proven. A run that goes on keeps the first one. */
export function measureBefore(deps: StatePorts): Work<z.infer<typeof MeasureBeforeInput>, { done: boolean }> {
  const measured = baselines(deps.session);
  const plans = planLedger(deps.session);
  return async ({ run, now }) => {
    const time = workingTime(deps.clockMs);
    const inForce = await plans.inForce(run.plan);
    const baseRun = inForce?.baseRun ?? run.id;
    if (inForce?.baseRun == null) {
      await measured.begin(run, run.id, 'before');
      for (let gap = await measured.gap(run.id, 'before'); gap !== null; gap = await measured.gap(run.id, 'before')) {
        if (time.isOver()) {
          return { done: false };
        }
        await measured.measure(run, run.id, { ...gap, moment: 'before', toBlock: rangeEnd(gap) });
      }
      await deps.journal.write(run.id, 'baseline', await entry(null));
      await plans.holdsOrFails(run);
      await measured.finishBefore(run);
    } else if (inForce.baseRun !== run.id) {
      await deps.journal.write(run.id, 'baseline', await entry(inForce.baseRun));
    }
    return { done: true };

    async function entry(adoptedFrom: string | null): Promise<JournalEntry> {
      const [tables, schemaDigest] = await Promise.all([measured.tables(baseRun, 'before'), measured.schemaDigest(baseRun)]);
      return { kind: 'baseline', at: now.toISOString(), schemaDigest, tables: [...tables], adoptedFrom };
    }
  };
}

export const handler = stateHandler(MeasureBeforeInput, (environment) => measureBefore(statePorts(environment)));
