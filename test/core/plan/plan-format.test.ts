import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultsOf, shownFaultsOf } from './small-plan.ts';

const page = await readFile(join(import.meta.dirname, '../../../docs/plan-format.md'), 'utf8');

function examples(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
}

test('the examples of docs/plan-format.md make a plan that compiles', async () => {
  const [plan = '', ...others] = examples('yaml');
  const [check = '', transfer = '', ...rest] = examples('sql');
  expect([...others, ...rest]).toEqual([]);
  expect(await faultsOf({ 'plan.yaml': plan, 'before.sql': check, '2-copy/books.sql': transfer })).toEqual([]);
});

test('the fault that docs/plan-format.md shows is one', async () => {
  const shown = await shownFaultsOf({ '1-schema/up.sql': '-- books\ncreate table a (\n  id bigint primary kee\n)' });
  expect(page).toContain(shown.replaceAll(/^/gm, '    '));
});
