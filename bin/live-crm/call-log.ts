/** What the calls of a while were like. */
export interface CallFigures {
  readonly calls: number;
  readonly failed: number;
  /** Messages of failed calls, each once, with how often; the first ten. */
  readonly failures: readonly string[];
  /** Transactions that began again, as the application's own handling of 40001 and 40P01 has it. */
  readonly retries: number;
  /** Calls that came before the other side's row, and found it by asking again. */
  readonly late: number;
  /** Rows written by transactions that were committed. */
  readonly committedWrites: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface CallLog {
  add(call: {
    readonly ms: number;
    readonly retries: number;
    readonly isLate: boolean;
    readonly writes: number;
    readonly failure: string | null;
  }): void;
  /** Of the calls since the last time, or the beginning. */
  take(): CallFigures;
}

const SHOWN_FAILURES = 10;

export function callLog(): CallLog {
  let log = emptyLog();
  return {
    add({ ms, retries, isLate, writes, failure }) {
      log.ms.push(ms);
      log.retries += retries;
      log.late += isLate ? 1 : 0;
      log.committedWrites += writes;
      if (failure !== null) log.failures.set(failure, (log.failures.get(failure) ?? 0) + 1);
    },
    take() {
      const { ms, failures, retries, late, committedWrites } = log;
      log = emptyLog();
      const sorted = ms.toSorted((a, b) => a - b);
      const quantile = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
      return {
        calls: ms.length,
        failed: [...failures.values()].reduce((sum, times) => sum + times, 0),
        failures: [...failures].slice(0, SHOWN_FAILURES).map(([message, times]) => `${times} × ${message}`),
        ...{ retries, late, committedWrites },
        ...{ p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: sorted.at(-1) ?? 0 },
      };
    },
  };
}

function emptyLog() {
  return { ms: [] as number[], failures: new Map<string, number>(), retries: 0, late: 0, committedWrites: 0 };
}
