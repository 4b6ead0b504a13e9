import type { Invoked, NotedCall } from '../../local/faults/fault-desk.ts';
import { type Case, casesOf, nameOf } from './cases.ts';
import { type Checked, faultsOfAbsorbed, faultsOfEnded, faultsOfNext, type Reference } from './check.ts';
import { groupsOf } from './groups.ts';
import { needsOf } from './rights.ts';
import type { Scenario } from './scenarios.ts';
import type { Ended, Site } from './site.ts';

export interface Share {
  /** Calls of the scenarios before, by mode. */
  readonly known: Map<string, Set<string>>;
  /** From 0. */
  readonly shard: number;
  readonly shards: number;
  /** Which of all cases are run, by their number; alike in every process. */
  readonly pick: (one: Case, index: number) => boolean;
  /** Is given what the functions' calls needed, in every run. */
  readonly needs: Set<string>;
  /** Hears of each case that fails, at once. */
  readonly tell: (failed: FailedCase) => void;
  /** Whether one case that fails is enough to know. @default - all are wanted */
  readonly isFirstOnly?: boolean;
  /** Hears of each run. @default - nobody does */
  readonly trace?: ((line: string) => void) | undefined;
}

export interface FailedCase {
  readonly name: string;
  readonly faults: readonly string[];
}

export interface Found {
  readonly passed: number;
  readonly failed: readonly FailedCase[];
  readonly runs: number;
  readonly seconds: number;
}

/** All cases of a scenario that are this process's share. */
export async function faultsOfScenario(
  site: Site,
  scenario: Scenario,
  { known, shard, shards, pick, needs, tell, trace, isFirstOnly = false }: Share,
): Promise<Found> {
  const begun = performance.now();
  const found = await referenceOf(site, scenario).catch((error: unknown) => ({ faults: [String(error)] }));
  if ('faults' in found) {
    tell({ name: 'without a fault', faults: found.faults });
    return { passed: 0, failed: [{ name: 'without a fault', faults: found.faults }], runs: 1, seconds: 0 };
  }
  const { reference, calls, allCalls, late } = found;
  for (const need of needsOf(allCalls)) needs.add(need);
  const { isSettled = false } = scenario.start;
  const mode = isSettled ? 'recover' : scenario.start.mode;
  const elsewhere = ['execute', 'rollback', 'recover'].includes(mode) ? [known.get(mode)] : [...known.values()];
  const cases = casesOf(calls, { known: (call) => elsewhere.some((some) => some?.has(call)), late, halfWay: site.halfWay })
    // What a recovery cannot do the next one does, and then a person: its own tests tell.
    .filter(({ absorption }) => !isSettled || absorption !== 'ends')
    .filter(pick)
    .filter((_, index) => index % shards === shard);
  known.set(mode, new Set([...(known.get(mode) ?? []), ...calls.map(nameOf)]));
  const trial = trials(site, { scenario, reference }, { needs, trace, isFirstOnly });
  const failed: FailedCase[] = [];
  let waiting = cases;
  // What the faults of others kept a run from coming to is tried with fewer of them, at last alone.
  for (let isTogether = true; waiting.length > 0; ) {
    const again: Case[] = [];
    for (const group of isTogether ? groupsOf(waiting) : waiting.map((one) => [one])) {
      const { failed: some, unmet } = await trial(group);
      for (const one of some) tell(one);
      failed.push(...some);
      again.push(...unmet);
      if (isFirstOnly && failed.length > 0) return foundBy(trial, { cases, failed, begun });
    }
    isTogether = again.length < waiting.length;
    waiting = again;
  }
  for (const one of await trial.finish()) {
    tell(one);
    failed.push(one);
  }
  return foundBy(trial, { cases, failed, begun });
}

function foundBy(
  { runs }: { runs(): number },
  { cases, failed, begun }: { readonly cases: readonly Case[]; readonly failed: readonly FailedCase[]; readonly begun: number },
): Found {
  return { passed: cases.length - failed.length, failed, runs: runs(), seconds: (performance.now() - begun) / 1000 };
}

interface Prepared {
  readonly reference: Reference;
  readonly calls: readonly NotedCall[];
  readonly allCalls: readonly NotedCall[];
  readonly late: readonly Invoked[];
}

async function referenceOf(site: Site, scenario: Scenario): Promise<Prepared> {
  const late = await scenario.prepare(site);
  await site.save();
  const before = await site.look();
  const { error, cause, calls, allCalls } = await site.run(scenario.start, []);
  if (error !== scenario.error) throw new Error(`${scenario.name} without faults ends ${error}: ${cause}`);
  const after = await site.look();
  const next = await site.run(scenario.next, []);
  if (next.error !== null) throw new Error(`the run behind ${scenario.name} without faults ends ${next.error}: ${next.cause}`);
  return { reference: { before, after, next: await site.look() }, calls, allCalls, late };
}

interface Tried {
  readonly failed: readonly FailedCase[];
  readonly unmet: readonly Case[];
}

/** Runs groups of cases; one that does not end as it should is taken apart until each case that fails is named. */
function trials(site: Site, checked: Checked, { needs, trace, isFirstOnly }: Pick<Share, 'needs' | 'trace' | 'isFirstOnly'>) {
  let runs = 0;
  // The case behind which the next one begins as if nothing had been: it is the run that has to work afterwards.
  let before: Case | null = null;

  const end = async (cases: readonly Case[], isAnew: boolean): Promise<{ readonly faults: readonly string[]; readonly unmet: readonly Case[] }> => {
    runs += 1;
    const begunMs = performance.now();
    if (isAnew) await site.restore();
    const ended = await site.run(
      checked.scenario.start,
      cases.map(({ fault }) => fault),
    );
    for (const need of needsOf(ended.allCalls)) needs.add(need);
    const unmet = cases.filter(({ fault }) => ended.unmet.includes(fault));
    const [only] = cases;
    const isEnd = cases.length === 1 && only?.absorption === 'ends';
    const faults = isEnd ? await faultsOfEnded(site, ended, { ...checked, case: only }) : await faultsOfAbsorbed(site, ended, checked);
    const hasChangedNothing = isEnd && faults.length === 0 && unmet.length === 0 && isAsBefore(ended, checked.scenario);
    before = hasChangedNothing ? only : null;
    const runMs = performance.now() - begunMs;
    const next = hasChangedNothing ? [] : await faultsOfNext(site, checked);
    const tookMs = `${Math.round(runMs)} ms and ${Math.round(performance.now() - begunMs - runMs)} ms`;
    trace?.(
      `${cases.length} cases, ${unmet.length} not met, ${ended.calls.length} calls, ${tookMs}, ${ended.error ?? 'well'}, from ${only?.name}${faults.length + next.length > 0 ? `\n  ${[...faults, ...next].join('\n  ').slice(0, 700)}` : ''}`,
    );
    return { faults: [...faults, ...next], unmet };
  };

  const trial = async (cases: readonly Case[]): Promise<Tried> => {
    const [only] = cases;
    const isAlone = cases.length === 1;
    const earlier = isAlone && only?.absorption === 'ends' ? before : null;
    let { faults, unmet } = await end(cases, earlier === null);
    if (earlier !== null && (faults.length > 0 || unmet.length > 0)) {
      const behind = { name: earlier.name, faults: [`behind it, ${only?.name}:`, ...faults, ...(unmet.length > 0 ? ['was not met'] : [])] };
      ({ faults, unmet } = await end(cases, true));
      if (faults.length === 0 && unmet.length === 0) return { failed: [behind], unmet };
    }
    if (faults.length === 0) {
      if (!isAlone || only === undefined || unmet.length === 0) return { failed: [], unmet };
      return { failed: [{ name: only.name, faults: ['the fault was not met'] }], unmet: [] };
    }
    if (isAlone && only !== undefined) return { failed: [{ name: only.name, faults }], unmet: [] };
    const middle = Math.ceil(cases.length / 2);
    const one = await trial(cases.slice(0, middle));
    if (isFirstOnly && one.failed.length > 0) return one;
    const two = await trial(cases.slice(middle));
    const both = { failed: [...one.failed, ...two.failed], unmet: [...one.unmet, ...two.unmet] };
    if (both.failed.length > 0 || both.unmet.length > 0) return both;
    // Only together do they fail, which is a failure all the same.
    return { failed: [{ name: `${cases.length} cases together, from ${only?.name}`, faults }], unmet: [] };
  };

  /** For the last one of a row that nothing came behind. */
  const finish = async (): Promise<readonly FailedCase[]> => {
    const faults = before === null ? [] : await faultsOfNext(site, checked);
    return before === null || faults.length === 0 ? [] : [{ name: before.name, faults }];
  };
  return Object.assign(trial, { finish, runs: () => runs });
}

/** Where the run begins anew and nothing of it is left, another one may begin in the same database. */
function isAsBefore({ error }: Ended, { error: usual, start, isInterrupted = false }: Scenario): boolean {
  return !isInterrupted && usual === null && (error === 'refused' || (start.mode === 'execute' && error === 'rolled-back'));
}
