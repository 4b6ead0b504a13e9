/** A table whose rows refer to another's. */
export interface Reference {
  readonly from: string;
  readonly to: string;
}

/**
 * Tables that are referred to before those that refer to them; otherwise as they were given.
 *
 * Where tables refer to one another in a circle, the first of them as given begins; a table that refers to itself waits for nothing.
 */
export function parentsFirst<Item>(items: readonly Item[], tableOf: (item: Item) => string, references: readonly Reference[]): readonly Item[] {
  const left = [...items];
  const ordered: Item[] = [];
  while (left.length > 0) {
    const waitsFor = (item: Item) =>
      left.some((other) => references.some(({ from, to }) => from === tableOf(item) && to === tableOf(other) && from !== to));
    const next = Math.max(
      0,
      left.findIndex((item) => !waitsFor(item)),
    );
    ordered.push(...left.splice(next, 1));
  }
  return ordered;
}
