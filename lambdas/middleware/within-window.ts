import { measuredWork } from '../../adapters/measured-work.ts';
import type { ChangingRun } from '../../core/run/envelope.ts';
import { allowanceMs, timeNeeded } from '../../core/run/window.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import type { StatePorts } from './ports.ts';

/**
 * How long this visit may work, in milliseconds; without a window as long as it likes.
 *
 * @throws {WindowClosedError} when what is left of the window is less than the rest and its undo take: nothing more is begun.
 */
export async function withinWindow(
  deps: Pick<StatePorts, 'plans' | 'session'>,
  { run, now, deadline }: { readonly run: Pick<ChangingRun, 'plan' | 'digest'>; readonly now: Date; readonly deadline?: Date | null | undefined },
): Promise<number> {
  if (deadline == null) return Number.POSITIVE_INFINITY;
  const plan = await deps.plans.read(run.digest);
  const sources = transfersOf(plan.phases).map(({ from }) => from);
  const work = await measuredWork(deps.session, run.plan, { sources, onlyHalf: plan.onFailure === 'keep-verified' });
  return allowanceMs(deadline, now, timeNeeded(work));
}
