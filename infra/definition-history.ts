import type { Definition } from './definition-graph.ts';

/** A run stops when its history is full (Step Functions, quotas). */
export const HISTORY_EVENTS_MAX = 25_000;

/** Entered, scheduled, started, succeeded, exited. */
const EVENTS_OF_TASK = 5;

/** Entered, exited. */
const EVENTS_OF_OTHERS = 2;

/** ExecutionStarted and the event that ends the run. */
const EVENTS_OF_RUN = 2;

/** Counts the events that a run writes which visits each state so often; a state that is not named is visited once. */
export function historyEvents({ States }: Definition, visits: Readonly<Record<string, number>>): number {
  const events = Object.entries(States).map(([name, { Type }]) => (visits[name] ?? 1) * (Type === 'Task' ? EVENTS_OF_TASK : EVENTS_OF_OTHERS));
  return events.reduce((sum, count) => sum + count, EVENTS_OF_RUN);
}
