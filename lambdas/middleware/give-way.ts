import { serverLoad } from '../../adapters/server-load.ts';
import type { Pause } from '../../adapters/transfer-ledger.ts';
import { DatabaseBusyError } from '../../core/errors.ts';
import { kept, reasonToPause, type ServerLoad } from '../../core/run/server-load.ts';
import type { StatePorts } from './ports.ts';

/** Long enough for a burst of the application's to end, short enough to look again soon. */
const PAUSE_MS = 1_000;

/** A server that is always busy is never done: after so long a small batch goes all the same. */
const LONGEST_MS = 30_000;

/** How batches beside a live application wait for it; each pause is noted before it begins, and given back. */
export interface GiveWay {
  /** Waits as long as the server has other work, 30 s at most; null when it had none. */
  beforeBatch(place: Place): Promise<Pause | null>;
  /**
   * Waits once after a batch that gave way to a row that others hold.
   *
   * @throws {unknown} the error itself, when it is another one, or that batch has waited 30 s already.
   */
  afterError(place: Place, error: unknown, waitedMs: number): Promise<Pause>;
  /** Waits for the last look at the server, so that no call outlives its state. */
  end(): Promise<void>;
}

interface Place {
  readonly isOver: () => boolean;
  readonly notePause: (pause: Pause) => Promise<void>;
}

/**
 * One cheap query for each batch, beside it, so that nothing waits for its answer; what it finds is asked again before a pause, since who
 * waited for the batch has gone on with its commit. Batches that run beside one another share what is known of the server.
 */
export function giveWay(deps: Pick<StatePorts, 'session' | 'pause'>): GiveWay {
  let before: ServerLoad | null = null;
  let besideBatch: Promise<ServerLoad> | null = null;
  const look = () => serverLoad(deps.session.query);
  const reason = (now: ServerLoad) => {
    const because = reasonToPause(now, before);
    before = kept(now, before);
    return because;
  };
  const pause = async ({ notePause }: Place, because: string): Promise<Pause> => {
    await notePause({ because, ms: PAUSE_MS });
    await deps.pause(PAUSE_MS);
    return { because, ms: PAUSE_MS };
  };
  return {
    beforeBatch: async (place) => {
      const earlier = await besideBatch;
      besideBatch = null;
      let now = earlier === null || earlier.waiting > 0 ? await look() : earlier;
      if (earlier !== null) now = { ...earlier, waiting: now.waiting };
      let pausedMs = 0;
      let last: string | null = null;
      for (let because = reason(now); because !== null && !place.isOver() && pausedMs < LONGEST_MS; because = reason(await look())) {
        pausedMs += (await pause(place, because)).ms;
        last = because;
      }
      besideBatch = look();
      // Whoever awaits it hears of its error; a batch that fails first has its own.
      besideBatch.catch(() => undefined);
      return last === null ? null : { because: last, ms: pausedMs };
    },
    afterError: (place, error, waitedMs) => {
      if (!(error instanceof DatabaseBusyError) || waitedMs >= LONGEST_MS || place.isOver()) throw error;
      return pause(place, 'a row that somebody holds');
    },
    end: async () => {
      await besideBatch?.catch(() => undefined);
    },
  };
}
