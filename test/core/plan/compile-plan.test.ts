import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { CompiledPlan } from '../../../core/plan/compiled-plan.ts';
import { describeFault } from '../../../core/plan/plan-fault.ts';
import { compileSmall, faultsOf, shownFaultsOf, smallPlan } from './small-plan.ts';

async function digestOf(changes: Readonly<Record<string, string | null>>): Promise<string> {
  const result = await compileSmall(changes);
  return result.ok ? result.digest : result.faults.map(describeFault).join('\n');
}

async function planOf(changes: Readonly<Record<string, string | null>> = {}): Promise<CompiledPlan> {
  const result = await compileSmall(changes);
  if (!result.ok) throw new Error(result.faults.map(describeFault).join('\n'));
  return result.plan;
}

test('a small plan compiles to the document that is kept beside this test', async () => {
  await expect(`${JSON.stringify(await planOf(), null, 2)}\n`).toMatchFileSnapshot('./small-plan.golden.txt');
});

test("the digest is the SHA-256 of the document's bytes", async () => {
  const result = await compileSmall();
  expect(result.ok && createHash('sha256').update(Buffer.from(result.json, 'utf8')).digest('hex')).toBe(result.ok && result.digest);
});

test('the document holds the whole plan, with sorted keys', async () => {
  const result = await compileSmall();
  expect(result.ok && JSON.parse(result.json)).toEqual(await planOf());
  expect(result.ok && result.json.slice(0, 80)).toMatch(/^\{"accepted":\[\],"after":\[\{"expects":"no rows","file":"after.sql","line":2,/);
});

test.each([
  { name: 'CRLF line ends', change: (text: string) => text.replaceAll('\n', '\r\n') },
  { name: 'byte order marks', change: (text: string) => `\uFEFF${text}` },
])('the digest does not depend on $name', async ({ change }) => {
  const changed = [...smallPlan()].map(([path, text]) => [path, change(text)]);
  expect(await digestOf(Object.fromEntries(changed))).toBe(await digestOf({}));
});

test.each([
  { name: 'README.md', files: { 'README.md': 'Another reason.\n' } },
  { name: 'a missing README.md', files: { 'README.md': null } },
  { name: 'demo files', files: { 'demo/more.sql': 'not SQL', 'demo/plan.yaml': '- not a plan' } },
  { name: 'other files', files: { '1-schema/drawing.svg': '<svg/>', 'notes.txt': 'x' } },
  { name: 'comments in plan.yaml', files: { 'plan.yaml': `# ours\n${smallPlan().get('plan.yaml')}` } },
  { name: 'comments around the last statement', files: { '1-schema/undo.sql': `${smallPlan().get('1-schema/undo.sql')}\n-- done\n` } },
])('the digest does not depend on $name', async ({ files }) => {
  expect(await digestOf(files)).toBe(await digestOf({}));
});

test("a change of one phase changes its digest and the plan's, and no other phase's", async () => {
  const before = await planOf();
  const after = await planOf({ '3-indexes/up.sql': 'create index concurrently books_title on shop.books (lower(title));' });
  expect(after.phases.map(({ digest }, index) => digest === before.phases[index]?.digest)).toEqual([true, true, false, true]);
  expect(await digestOf({ '3-indexes/up.sql': 'create index concurrently books_title on shop.books (lower(title));' })).not.toBe(await digestOf({}));
});

test.each([
  { quality: '', fraction: { numerator: 99, denominator: 100 } },
  { quality: 'quality: 100%', fraction: { numerator: 1, denominator: 1 } },
  { quality: 'quality: 99.5%', fraction: { numerator: 199, denominator: 200 } },
  { quality: 'quality: 99.999999%', fraction: { numerator: 99_999_999, denominator: 100_000_000 } },
  { quality: 'quality: 0.5%', fraction: { numerator: 1, denominator: 200 } },
])('the share of "$quality" is exact', async ({ quality, fraction }) => {
  const plan = await planOf({ 'plan.yaml': smallPlan().get('plan.yaml')?.replace('quality: 99.5%', quality) ?? '' });
  expect(plan.quality).toEqual(fraction);
});

test('all faults of a plan are named together, plan.yaml first, then in the order of the phases', async () => {
  const plan = smallPlan()
    .get('plan.yaml')
    ?.replace('title: Books into a shop', 'titel: Books')
    .replace('{ id: indexes }', '{ id: indexes, fence: high }');
  const faults = await faultsOf({
    'plan.yaml': plan ?? '',
    'before.sql': 'select 1;\nselect 2;\n',
    '1-schema/up.sql': 'create table a (b int);\nbegin;\nset work_mem = 1;\n',
    '2-copy/books.sql': 'selec 1',
    '3-indexes/up.sql': 'create index concurrently a on b (c',
    '10-more/README.md': 'later',
  });
  expect(faults.map((fault) => fault.slice(0, fault.indexOf(': ')))).toEqual([
    'plan.yaml:1:1',
    'plan.yaml:1:1',
    'plan.yaml:8:27',
    '1-schema/up.sql:2:1',
    '1-schema/up.sql:3:1',
    '2-copy/books.sql:1:1',
    '3-indexes/up.sql:1:36',
    '10-more:1:1',
    'before.sql:1:1',
    'before.sql:2:1',
  ]);
});

test("the plan's folder needs a name that is an id", async () => {
  const result = await compileSmall({}, 'My Plan');
  expect(!result.ok && result.faults.map(describeFault)).toEqual([
    'plan.yaml:1:1: the plan\'s folder must be called lower-case words joined by single hyphens, at most 40 characters, such as "copy-customers"; got "My Plan"',
  ]);
});

test('a fault shows a window of a long line, with the caret under its place', async () => {
  const shown = await shownFaultsOf({ '1-schema/up.sql': `\tselect ${'1, '.repeat(100)}), ${'1, '.repeat(100)}1;` });
  const [head, line, caret] = shown.split('\n');
  expect(head).toBe('1-schema/up.sql:1:309: syntax error at or near ")"; correct the statement');
  expect(line?.[caret?.indexOf('^') ?? 0]).toBe(')');
  expect(line).toHaveLength(144);
});

test('a caret stands under its character behind tabs', async () => {
  expect(await shownFaultsOf({ '1-schema/up.sql': '\tselect\tfrom\t);' })).toBe(
    '1-schema/up.sql:1:14: syntax error at or near ")"; correct the statement\n  \tselect\tfrom\t);\n  \t      \t    \t^',
  );
});
