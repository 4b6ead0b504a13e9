import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stepgate } from './test-shell.ts';

const PLANS = ['--plans', 'test/support/plans'];
const root = mkdtempSync(join(tmpdir(), 'stepgate-check-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const DROPS = 'create table products (id bigint primary key, title text not null);\ndrop table items;\n';

/** The plan shop, with another phase 1. */
function shopWith(name: string, up: string): string {
  const plans = join(root, name);
  cpSync('test/support/plans', plans, { recursive: true });
  writeFileSync(join(plans, 'shop', '1-schema', 'up.sql'), up);
  return plans;
}

test('check --sql prints what a run sends, the same every time', async () => {
  const { exitCode, out } = await stepgate(['check', '--sql', ...PLANS]);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^-- plan shop: Items become products\n-- digest [0-9a-f]{64}\n/);
  expect(out).toContain('--- phase 1 schema: one transaction with its row in stepgate.phase');
  expect(out).toContain(`-- copy products: the rows of a range, 2-copy/products.sql:5
insert into "public"."products" ("id", "title")
select "id", "title" from (
select i.id, i.name as title from items i
) as mapped where mapped."id" > 'AFTER' and mapped."id" <= 'UPTO';`);
  const [, boundary = ''] = /-- undo products: where the next range ends, .*\n([^;]*);/.exec(out) ?? [];
  expect(boundary).toContain(`"id" > 'AFTER'`);
  expect(boundary).not.toContain('UPTO');
  for (const what of ['compare products: both sides of a range', 'statement 1, 3-indexes/up.sql:1', 'check named-items, fail, quality, before.sql:2'])
    expect(out).toContain(`-- ${what}`);
  expect(out).not.toContain('[[');
  expect((await stepgate(['check', '--sql', ...PLANS])).out).toBe(out);
});

test('check --sql --phase prints one phase, and --json the same as a document', async () => {
  const { out } = await stepgate(['check', '--sql', '--phase', 'indexes', ...PLANS]);
  expect(out.match(/^--- .*$/gm)).toEqual([
    expect.stringContaining('phase 3 indexes: one after another'),
    expect.stringContaining('phase 3 indexes: undo, one after another'),
  ]);
  const [document] = JSON.parse((await stepgate(['check', '--sql', '--phase', 'indexes', '--json', ...PLANS])).out);
  expect(document.sql).toMatchObject([
    { phase: 'indexes', texts: [{ at: '3-indexes/up.sql:1', sql: 'create index concurrently products_title on products (title)' }] },
    { phase: 'indexes', texts: [{ what: 'statement 1', at: '3-indexes/undo.sql:1' }] },
  ]);
});

test('check --json gives each fault with its place, its hazard and the line', async () => {
  const plans = shopWith('hazard', DROPS);
  const { exitCode, out } = await stepgate(['check', '--json', '--plans', plans]);
  expect(exitCode).toBe(1);
  const [{ faults }] = JSON.parse(out);
  expect(faults).toContainEqual({
    file: `${plans}/shop/1-schema/up.sql`,
    line: 2,
    column: 1,
    message: expect.stringMatching(/^DROPPED_IN_USE: /),
    hazard: 'DROPPED_IN_USE',
    excerpt: expect.stringMatching(/^drop table items;\n\^/),
  });
  const [broken] = JSON.parse((await stepgate(['check', '--json', '--plans', 'test/support/broken-plans'])).out);
  expect(broken.faults).toMatchObject([{ file: 'test/support/broken-plans/no-phases/plan.yaml', line: 2, hazard: null }]);
});

test('check --annotations github gives a line that GitHub shows beside the fault', async () => {
  const plans = shopWith('annotated', DROPS);
  const { exitCode, out } = await stepgate(['check', '--annotations', 'github', '--plans', plans]);
  expect(exitCode).toBe(1);
  expect(out).toMatch(/^::error file=[^,]*shop\/1-schema\/up\.sql,line=2,col=1,title=DROPPED_IN_USE::DROPPED_IN_USE: [^\n]*$/m);
});

test('what a plan accepts is shown by check, in the question of execute and to GitHub, with the reason', async () => {
  const plans = shopWith('accepted', DROPS.replace('drop', '--! allow: DROPPED_IN_USE because nobody reads it: 100% sure\ndrop'));
  const accepted = 'accepted: DROPPED_IN_USE on items (1-schema/up.sql:3) because nobody reads it: 100% sure';
  expect((await stepgate(['check', '--plans', plans])).out).toContain(accepted);
  expect((await stepgate(['execute', '--plans', plans, '--data', join(root, 'none')], { answer: 'no' })).err).toContain(accepted);
  expect((await stepgate(['check', '--annotations', 'github', '--plans', plans])).out).toMatch(
    /^::notice file=.*up\.sql,line=3,title=DROPPED_IN_USE is accepted::nobody reads it: 100%25 sure$/m,
  );
});
