import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planSchema } from '../../../core/plan/plan-schema.ts';
import { HEADERS } from '../../../core/plan/transfer-headers.ts';
import { compileAccepting, faultsOf, shownFaultsOf, WITHOUT_LATER_PHASES } from './small-plan.ts';

const page = await readFile(join(import.meta.dirname, '../../../docs/plan-format.md'), 'utf8');

function examples(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
}

const [plan = '', livePlan = '', ...otherPlans] = examples('yaml');
const [check = '', transfer = '', liveTransfer = '', ...otherSql] = examples('sql');

test('the examples of docs/plan-format.md make a plan that compiles', async () => {
  expect([...otherPlans, ...otherSql]).toEqual([]);
  expect(await faultsOf({ 'plan.yaml': plan, 'before.sql': check, '2-copy/books.sql': transfer })).toEqual([]);
});

test('the example of live sync in docs/plan-format.md compiles', async () => {
  const result = await compileAccepting({
    ...WITHOUT_LATER_PHASES,
    'plan.yaml': livePlan,
    'before.sql': null,
    '2-copy/books.sql': liveTransfer,
    '3-titles/up.sql': 'update shop.books set title = trim(title);\n',
    '4-cutover/up.sql': 'grant insert, update, delete on shop.books to shop_application;\n',
    '4-cutover/undo.sql': 'revoke insert, update, delete on shop.books from shop_application;\n',
    '5-drop-old-books/up.sql': 'drop table old_books;\n',
  });
  expect(result.ok ? [] : result.faults.map(({ message }) => message)).toEqual([]);
});

test('docs/plan-format.md has a line for every key and header', () => {
  const schema = JSON.parse(planSchema()) as { properties: { phases: { items: { properties: object } } } };
  const keys = [...Object.keys(schema.properties), ...Object.keys(schema.properties.phases.items.properties).map((key) => `phases[].${key}`)];
  const told = (key: string): boolean =>
    page.split('\n').some((line) => line.startsWith('| `') && line.split(' | ')[0]?.includes(`\`${key}\``) === true);
  expect([...keys, ...HEADERS].filter((key) => !told(key) && !told(key.replace('phases[].', '')))).toEqual(['allow']);
  expect(page).toContain('--! allow: ');
});

test('the fault that docs/plan-format.md shows is one', async () => {
  const shown = await shownFaultsOf({ '1-schema/up.sql': '-- books\ncreate table a (\n  id bigint primary kee\n)' });
  expect(page).toContain(shown.replaceAll(/^/gm, '    '));
});
