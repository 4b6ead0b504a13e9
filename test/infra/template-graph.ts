import type { Resource } from './synthesized.ts';

/** What each resource refers to: Ref, Fn::GetAtt, Fn::Sub, DependsOn. */
export function references(resources: Readonly<Record<string, Resource>>): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    Object.entries(resources).map(([id, { DependsOn = [], ...resource }]) => {
      const named = [...namedIn(resource), ...(typeof DependsOn === 'string' ? [DependsOn] : DependsOn)];
      return [id, new Set(named.filter((name) => name in resources))];
    }),
  );
}

function namedIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') {
      return [String(inner)];
    }
    if (key === 'Fn::GetAtt') {
      return [String(Array.isArray(inner) ? inner[0] : inner).split('.')[0] ?? ''];
    }
    if (key === 'Fn::Sub') {
      const text = String(Array.isArray(inner) ? inner[0] : inner);
      return [...[...text.matchAll(/\$\{([A-Za-z0-9]+)/g)].map((match) => match[1] ?? ''), ...namedIn(inner)];
    }
    return namedIn(inner);
  });
}

/** The first way found that leads back to where it began. */
export function findCycle(graph: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const finished = new Set<string>();
  const walk = (id: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(id)) {
      return [...path.slice(path.indexOf(id)), id];
    }
    if (finished.has(id)) {
      return undefined;
    }
    for (const next of graph.get(id) ?? []) {
      const cycle = walk(next, [...path, id]);
      if (cycle !== undefined) {
        return cycle;
      }
    }
    finished.add(id);
    return undefined;
  };
  return [...graph.keys()].map((id) => walk(id, [])).find((cycle) => cycle !== undefined);
}
