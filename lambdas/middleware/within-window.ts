import { measuredWork } from '../../adapters/measured-work.ts';
import type { CompiledPlan } from '../../core/plan/compiled-plan.ts';
import { allowanceMs, timeNeeded } from '../../core/run/window.ts';
import { transfersOf } from '../../core/transfer/transfers-of.ts';
import type { StatePorts } from './ports.ts';

/**
 * How long this visit may work, in milliseconds; without a window as long as it likes.
 *
 * @throws {WindowClosedError} when what is left of the window is less than the rest and its undo take: nothing more is begun.
 */
export async function withinWindow(
  { session }: Pick<StatePorts, 'session'>,
  plan: CompiledPlan,
  { now, deadline }: { readonly now: Date; readonly deadline?: Date | null | undefined },
): Promise<number> {
  if (deadline == null) return Number.POSITIVE_INFINITY;
  const sources = transfersOf(plan.phases).map(({ from }) => from);
  const work = await measuredWork(session, plan.id, { sources, onlyHalf: plan.onFailure === 'keep-verified' });
  return allowanceMs(deadline, now, timeNeeded(work));
}
