import { namingHolders } from '../../adapters/lock-holders.ts';
import { DatabaseBusyError } from '../../core/errors.ts';
import type { Transfer } from '../../core/plan/compiled-plan.ts';
import { quoteName } from '../../core/transfer/identifier.ts';
import type { StatePorts } from './ports.ts';

/** Shorter than a function's 120 s, with a proof of 45 s before it. The state is entered again eight times: with those waits eight minutes in all. */
const PATIENCE_MS = 40_000;

/** What an application under load holds, it lets go for a moment, again and again: 250, 500 ms … 4 s. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/**
 * Tries again, for 40 s, what needs every table of some transfers at once; each try makes others wait 200 ms at most.
 *
 * @throws {DatabaseBusyError} with who holds which table then; nothing was done.
 */
export async function waitForLocks(
  deps: Pick<StatePorts, 'session' | 'clockMs' | 'pause'>,
  transfers: readonly Transfer[],
  attempt: () => Promise<void>,
): Promise<void> {
  const begunMs = deps.clockMs();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof DatabaseBusyError) || deps.clockMs() - begunMs + pauseMs > PATIENCE_MS) {
        throw await namingHolders(deps.session, tablesOf(transfers), error);
      }
      await deps.pause(pauseMs);
    }
  }
}

function tablesOf(transfers: readonly Transfer[]): string {
  return transfers.flatMap(({ from, into, lookups }) => [from, into, ...lookups.map(({ table }) => table)].map(quoteName)).join('\n');
}
