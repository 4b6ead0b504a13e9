/** An Amazon States Language definition as plain JSON, read without trust: a rule must hold for whatever it gets. */
export interface Definition {
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, DefinitionState>>;
}

export interface DefinitionState extends Transition {
  readonly Type: string;
  readonly Resource?: string;
  readonly Arguments?: unknown;
  readonly TimeoutSeconds?: unknown;
  readonly End?: boolean;
  readonly Default?: string;
  readonly Choices?: readonly Transition[];
  readonly Catch?: readonly Transition[];
}

/** What may assign, answer and lead on: a state, a choice, a catcher. */
export interface Transition {
  readonly Next?: string;
  readonly Assign?: Readonly<Record<string, unknown>>;
  readonly Output?: unknown;
}

/** A way out of a state, with the variables that are set on it. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly sets: readonly string[];
}

/** Every way out, those to states that do not exist included. */
export function edges({ States }: Definition): readonly Edge[] {
  return Object.entries(States).flatMap(([from, state]) => {
    // A state's own Assign is left out when one of its choices or catchers is taken (Step Functions, variables).
    const own = [state.Next, state.Default].map((to) => ({ to, Assign: state.Assign }));
    const others = [...(state.Choices ?? []), ...(state.Catch ?? [])].map(({ Next, Assign }) => ({ to: Next, Assign }));
    return [...own, ...others].flatMap(({ to, Assign }) => (to === undefined ? [] : [{ from, to, sets: Object.keys(Assign ?? {}) }]));
  });
}

export function reachable(definition: Definition): ReadonlySet<string> {
  const seen = new Set<string>([definition.StartAt]);
  const all = edges(definition);
  for (const name of seen) {
    for (const { to } of all.filter(({ from }) => from === name)) {
      seen.add(to);
    }
  }
  return seen;
}

/** For each state, the variables that are set on every way into it. */
export function variablesAtEntry(definition: Definition): ReadonlyMap<string, ReadonlySet<string>> {
  const all = edges(definition);
  const everything = new Set(all.flatMap(({ sets }) => sets));
  const known = new Map<string, ReadonlySet<string>>(Object.keys(definition.States).map((name) => [name, everything]));
  known.set(definition.StartAt, new Set());
  let changed = true;
  while (changed) {
    changed = false;
    for (const { from, to, sets } of all) {
      const before = known.get(to);
      const onThisWay = new Set([...(known.get(from) ?? []), ...sets]);
      const after = new Set([...(before ?? [])].filter((name) => onThisWay.has(name)));
      if (before !== undefined && after.size < before.size) {
        known.set(to, after);
        changed = true;
      }
    }
  }
  return known;
}
