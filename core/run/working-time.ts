/** Ten minutes of work: a Lambda dies at 15, and a stopped run must let go soon. */
const WORK_MS = 600_000;

export interface WorkingTime {
  readonly isOver: () => boolean;
}

/** Says whether a state that works over many batches should hand over to its next visit. */
export function workingTime(clockMs: () => number): WorkingTime {
  const begunMs = clockMs();
  return { isOver: () => clockMs() - begunMs > WORK_MS };
}
