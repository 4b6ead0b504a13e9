import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { hazardsOf } from './example-plan.ts';
import { squawkRules } from './hazards-page.ts';

const corpus = join(import.meta.dirname, 'corpus');
const files = readdirSync(corpus).toSorted();
const squawk = [join(import.meta.dirname, '../../../../node_modules/.bin/squawk'), 'squawk'].find(
  (program) => (program === 'squawk' || existsSync(program)) && spawnSync(program, ['--version']).status === 0,
);

const Finding = z.object({ file: z.string(), rule_name: z.string() });

/** Each rule that Squawk names in a file, once; a phase is a transaction, which it is told. */
function squawkFindings(): readonly { readonly file: string; readonly rule: string }[] {
  const options = ['--assume-in-transaction', '--include=require-table-schema', '--include=prefer-repack', '--reporter=json'];
  const { stdout } = spawnSync(squawk ?? 'squawk', [...options, ...files.map((file) => join(corpus, file))], { encoding: 'utf8' });
  const found = z.array(Finding).parse(JSON.parse(stdout));
  const keys = new Set(found.map(({ file, rule_name }) => `${basename(file)} ${rule_name}`));
  return [...keys].map((key) => {
    const [file = '', rule = ''] = key.split(' ');
    return { file, rule };
  });
}

test.skipIf(squawk === undefined)('what Squawk finds in the corpus, the compiler finds too, or docs/hazards.md says why not', async () => {
  const rules = squawkRules();
  const found = squawkFindings();
  expect(found.length).toBeGreaterThan(50);
  for (const { file, rule } of found) {
    const said = rules.get(rule) ?? `docs/hazards.md does not name ${rule}`;
    if (said.startsWith('not reported: ')) continue;
    const ours = await hazardsOf(readFileSync(join(corpus, file), 'utf8'));
    const names = [...said.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name);
    const isFound = said.startsWith('refused: ') ? ours.some((one) => !/^[A-Z_]+$/.test(one)) : names.some((name) => ours.includes(name));
    expect.soft(isFound, `${file}: ${rule}: ${said}; found ${ours.join(', ')}`).toBe(true);
  }
});

test.skipIf(squawk === undefined)('the corpus makes Squawk name each rule that docs/hazards.md does not turn down', () => {
  const named = new Set(squawkFindings().map(({ rule }) => rule));
  const wanted = [...squawkRules()].flatMap(([rule, said]) => (said.startsWith('not reported: ') ? [] : [rule]));
  expect(wanted.filter((rule) => !named.has(rule))).toEqual([]);
});

test.skipIf(squawk === undefined)('the table of rules is that of the installed Squawk', () => {
  const version = execFileSync(squawk ?? 'squawk', ['--version'], { encoding: 'utf8' });
  expect(version).toMatch(/^squawk 2\.61\./);
});
