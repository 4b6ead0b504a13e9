/** One measured quantity: its median over the rounds, and how far the rounds lay apart. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'µs' | 'ratio' | 'KB' | 'count';
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly goal?: Goal;
}

export interface Goal {
  readonly kind: 'at least' | 'at most';
  readonly value: number;
}

/** What one measurement found. */
export interface Result {
  readonly name: string;
  /** Sentences for the page: what was done, beside what, and how a number was taken. */
  readonly about: string;
  readonly figures: readonly Figure[];
  /** What could not be measured here, and why. */
  readonly skipped: readonly string[];
}

export interface Size {
  /** How often everything is measured. */
  readonly rounds: number;
  /** Rows of the copies in place of their own numbers; goals hold for those only. */
  readonly rows: number | null;
}

/** @throws when nothing was measured. */
export function figure(what: Pick<Figure, 'name' | 'unit' | 'goal'>, samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  const [lowest, highest] = [sorted[0], sorted.at(-1)];
  if (lowest === undefined || highest === undefined) throw new Error(`${what.name} was not measured`);
  return { ...what, median: median(sorted), lowest, highest };
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, sample) => sum + sample, 0) / middle.length;
}

/** What `over` takes for one of `under`, round by round, so that noise that lasts hits both. */
export function ratios(over: readonly number[], under: readonly number[]): readonly number[] {
  return over.map((sample, round) => sample / (under[round] ?? Number.NaN));
}

export function isMissed({ goal, median: found }: Figure): boolean {
  if (goal === undefined) return false;
  return goal.kind === 'at least' ? found < goal.value : found > goal.value;
}

/** How long `work` takes. */
export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
