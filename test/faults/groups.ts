import type { Absorption, Case } from './cases.ts';

/** Fewer than the definition tries again after (infra/retries.ts), since a fault may cost more than one try. */
const MOST: Readonly<Record<Exclude<Absorption, 'ends'>, number>> = { within: 20, away: 8, busy: 6, death: 2, beside: 1 };

/** Lambda calls it twice more, whatever has befallen it (local/events/status-changes.ts). */
const DOOR = 'SettleRun';
const MOST_AT_DOOR = 2;

/** Few enough that a group that fails is soon taken apart. */
const MOST_OF_GROUP = 120;

/** Puts cases together that one run can meet and outlive: in one visit no more of a kind than it is tried again after. Those that end a run stay alone. */
export function groupsOf(cases: readonly Case[]): readonly (readonly Case[])[] {
  const groups: { readonly cases: Case[]; readonly taken: Map<string, number> }[] = [];
  const alone: (readonly Case[])[] = [];
  for (const one of cases) {
    if (one.absorption === 'ends') {
      alone.push([one]);
      continue;
    }
    const { place, absorption } = one;
    const isDoor = one.function === DOOR;
    const key = isDoor ? place : `${place} ${absorption}`;
    // Two of one function work by calls of which nobody knows whose they are.
    const fits = groups.find(
      ({ cases: others, taken }) =>
        others.length < MOST_OF_GROUP &&
        (taken.get(key) ?? 0) < (isDoor ? MOST_AT_DOOR : MOST[absorption]) &&
        (absorption === 'beside' ? !others.some((other) => other.place === place) : !taken.has(`${place} beside`)),
    );
    const group = fits ?? { cases: [], taken: new Map<string, number>() };
    if (fits === undefined) groups.push(group);
    group.cases.push(one);
    group.taken.set(key, (group.taken.get(key) ?? 0) + 1);
  }
  return [...groups.map((group) => group.cases), ...alone];
}
