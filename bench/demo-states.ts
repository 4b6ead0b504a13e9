import { seedIfEmpty } from '../bin/seed-database.ts';
import { figure, type Result, type Size } from './figure.ts';
import { runExecution } from './run-execution.ts';
import type { Stage } from './stage.ts';

/** States that take less than this in the median are shown as one line. */
const SHOWN_MS = 20;

/** Where the time of one whole `execute` goes, state by state. */
export async function measureStates(stage: Stage, plan: string, { rounds }: Pick<Size, 'rounds'>): Promise<Result> {
  const wholes: number[] = [];
  const byState = new Map<string, number[]>();
  for (let round = 0; round < rounds; round += 1) {
    await stage.empty();
    await seedIfEmpty(stage.engine.psqlUrl, stage.plan(plan));
    const { wholeMs, states } = await timeStates(stage, plan);
    wholes.push(wholeMs);
    for (const [state, ms] of states) byState.set(state, [...(byState.get(state) ?? []), ms]);
  }
  const figures = [...byState].map(([name, samples]) => figure({ name, unit: 'ms' }, samples));
  const small = new Set(figures.filter(({ median }) => median < SHOWN_MS).map(({ name }) => name));
  const smallMs = wholes.map((_, round) => [...small].reduce((sum, name) => sum + (byState.get(name)?.[round] ?? 0), 0));
  return {
    name: 'demo',
    about: `One \`execute\` of ${plan} on its demo database, by state in running order, from a state's entry to its exit, all visits of it together; \
waits are skipped by the virtual clock. The first execution of an engine starts every function cold, the others find them warm.`,
    figures: [
      figure({ name: 'whole execution, the first one', unit: 'ms' }, wholes.slice(0, 1)),
      figure({ name: 'whole execution', unit: 'ms' }, wholes),
      ...figures.filter(({ name }) => !small.has(name)),
      figure({ name: `${small.size} states of less than ${SHOWN_MS} ms each, together`, unit: 'ms' }, smallMs),
    ],
    skipped: [],
  };
}

/** By the engine's own word on each exit: the history's times are the virtual clock's, which jumps. */
async function timeStates(stage: Stage, plan: string): Promise<{ readonly wholeMs: number; readonly states: ReadonlyMap<string, number> }> {
  const states = new Map<string, number>();
  let last = performance.now();
  const stop = stage.onStateExited((state) => {
    const now = performance.now();
    states.set(state, (states.get(state) ?? 0) + now - last);
    last = now;
  });
  const wholeMs = await runExecution(stage, plan).finally(stop);
  return { wholeMs, states };
}
