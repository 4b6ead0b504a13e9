import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = readFileSync(join(import.meta.dirname, '../../../../docs/hazards.md'), 'utf8');

/** A hazard as docs/hazards.md shows it. */
export interface ShownHazard {
  readonly name: string;
  readonly text: string;
  readonly bad: Readonly<Record<string, string>>;
  readonly good: Readonly<Record<string, string>>;
}

export function shownHazards(): readonly ShownHazard[] {
  const [, ...parts] = page.split(/^### /m);
  return parts.map((part) => {
    const text = part.split(/^## /m)[0] ?? '';
    const blocks = [...text.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql = '']) => sql);
    const [bad = {}, good = {}] = blocks.map(filesOf);
    return { name: text.split('\n', 1)[0] ?? '', text, bad, good };
  });
}

/** The files of an example, each below a comment with its path. */
function filesOf(block: string): Readonly<Record<string, string>> {
  const [, ...parts] = block.split(/^-- (?:bad: |good: )?(\S+\.sql)\n/m);
  return Object.fromEntries(parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : [])));
}

/** By Squawk's rule, what docs/hazards.md says of it. */
export function squawkRules(): ReadonlyMap<string, string> {
  const table = page.slice(page.indexOf("## Squawk's rules"));
  return new Map([...table.matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm)].map(([, rule = '', said = '']) => [rule, said]));
}
