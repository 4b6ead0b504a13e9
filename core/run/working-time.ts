/** Ten minutes of work: a Lambda dies at 15, and a stopped run must let go soon. */
const WORK_MS = 600_000;

export interface WorkingTime {
  readonly isOver: () => boolean;
}

/** Says whether a state that works over many batches should hand over to its next visit; `mostMs`: what a window leaves it. */
export function workingTime(clockMs: () => number, mostMs = WORK_MS): WorkingTime {
  const begunMs = clockMs();
  return { isOver: () => clockMs() - begunMs > Math.min(mostMs, WORK_MS) };
}
