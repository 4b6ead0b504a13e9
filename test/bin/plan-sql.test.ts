import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import { planSql, renderSql } from '../../bin/plan-sql.ts';
import type { SqlText } from '../../bin/plan-sql-text.ts';
import { compilePlan } from '../../core/plan/compile-plan.ts';

beforeAll(async () => loadModule());

/** Two sides that both stay current: a composite key, a lookup, a quarantine, soft deletes, an inverse. */
const LIVE: Readonly<Record<string, string>> = {
  'plan.yaml': `title: Stock moves
phases:
  - { id: schema }
  - { id: copy, transfers: [stock, places] }
  - { id: cutover, cutover: flag }
  - { id: tidy, when: cleanup, undo: none, because: the old side goes }
`,
  '1-schema/up.sql': `create table stock (room text, number bigint, title text, cents integer, label text, gone_at timestamptz, primary key (room, number));
create table places (id bigint primary key, name text);
`,
  '1-schema/undo.sql': 'drop table places;\ndrop table stock;\n',
  '2-copy/stock.sql': `--! into: stock
--! from: old_stock
--! key: room, number
--! sync: both
--! deletes: soft gone_at
--! parallel: 2
--! quarantine when: title = ''
--! inverse: price = cents / 100.0
select s.room, s.no as number, s.title, (s.price * 100)::integer as cents, k.label
from old_stock s left join kinds k on k.id = s.kind_id;
`,
  '2-copy/places.sql': '--! into: places\n--! from: old_places\n--! key: id\nselect p.id, p.name from old_places p;\n',
  '3-cutover/up.sql': 'grant insert on stock to shop;\n',
  '3-cutover/undo.sql': 'revoke insert on stock from shop;\n',
  '4-tidy/up.sql': '--! allow: DROPPED_IN_USE because nobody reads it\ndrop table old_stock;\n',
};

async function sections() {
  const result = await compilePlan({ id: 'stock', files: new Map(Object.entries(LIVE)) });
  expect(result.ok ? [] : result.faults).toEqual([]);
  return result.ok ? planSql(result.plan) : [];
}

test('what is generated for live sync is shown where it runs', async () => {
  const shown = await sections();
  expect(shown.map(({ title }) => title)).toEqual([
    expect.stringMatching(/^phase 1 schema: one transaction/),
    expect.stringMatching(/^phase 1 schema: undo/),
    expect.stringMatching(/^phase 2 copy: live sync of the old side/),
    expect.stringMatching(/^phase 2 copy: transfer stock/),
    expect.stringMatching(/^phase 2 copy: transfer places/),
    expect.stringMatching(/^phase 2 copy: catch-up/),
    expect.stringMatching(/^phase 2 copy: end of live sync/),
    expect.stringMatching(/^phase 3 cutover: live sync of the new side/),
    expect.stringMatching(/^phase 3 cutover: one transaction/),
    expect.stringMatching(/^phase 3 cutover: undo/),
    expect.stringMatching(/^phase 4 tidy, in mode cleanup: one transaction/),
  ]);
  const tables = (title: string): ReadonlySet<string> =>
    new Set(
      shown
        .filter((one) => one.title.includes(title))
        .flatMap(({ texts }) => texts.flatMap(({ sql }) => /^create trigger .* on (\S+)/.exec(sql)?.[1] ?? [])),
    );
  expect(tables('old side')).toEqual(new Set(['"public"."old_stock"', '"public"."kinds"']));
  expect(tables('new side')).toEqual(new Set(['"public"."stock"']));
  const [catchUp] = shown.filter(({ title }) => title.includes('catch-up'));
  expect(new Set(catchUp?.texts.map(({ what }) => /^repair (\S+):/.exec(what)?.[1]))).toEqual(new Set(['stock']));
  const rows = shown.flatMap(({ texts }) => texts).find(({ what }) => what === 'copy stock: the rows of a range');
  expect(rows?.sql).toContain(`("m"."room", "m"."number") > ('AFTER', 'AFTER')`.replaceAll('"m".', 'm.'));
  expect(rows?.sql).toContain(`("m"."room", "m"."number") <= ('UPTO', 'UPTO')`.replaceAll('"m".', 'm.'));
});

test('PostgreSQL reads every text that is shown', async () => {
  const shown = await sections();
  expect(renderSql(shown)).not.toContain('[[');
  const texts = shown.flatMap((section) => section.texts);
  const unread = texts.flatMap((text) => (isRead(text) ? [] : [text]));
  expect(unread).toEqual([]);
  expect(texts.filter(({ at }) => !/^[^:]+\.sql:\d+$/.test(at))).toEqual([]);
});

/** A function's body, too. */
function isRead({ sql }: SqlText): boolean {
  try {
    parseSync(sql.replaceAll(/:(rows|shown)\b/g, '1'));
    if (/^create or replace function/.test(sql)) parsePlPgSQLSync(sql);
    return true;
  } catch {
    return false;
  }
}

test('what follows a rename is shown where it runs, by the names of before and after', async () => {
  const files = {
    ...LIVE,
    'plan.yaml': LIVE['plan.yaml']?.replace('cutover: flag', 'cutover: rename, fence: true') ?? '',
    '3-cutover/up.sql': `--! allow: RENAMED_IN_USE because the application switches with it
alter table old_stock rename to former_stock;
alter table stock rename to old_stock;
`,
    '3-cutover/undo.sql': 'alter table old_stock rename to stock;\nalter table former_stock rename to old_stock;\n',
    '4-tidy/up.sql': '--! allow: DROPPED_IN_USE because nobody reads it\ndrop table former_stock;\n',
  };
  const result = await compilePlan({ id: 'stock', files: new Map(Object.entries(files)) });
  expect(result.ok ? [] : result.faults).toEqual([]);
  const shown = (result.ok ? planSql(result.plan) : []).filter(({ phase }) => phase === 'cutover');
  expect(shown.map(({ title }) => title.replace('phase 3 cutover: ', ''))).toEqual([
    'live sync of the new side, in one transaction for each phase of transfers, before this phase',
    'before its statements, in the same transaction',
    'one transaction with its row in stepgate.phase, by one call of stepgate.run_phase',
    'behind its statements, in the same transaction: live sync by the other names',
    'repair and comparison by the other names, until it is undone',
    "before its undo's statements, in the same transaction",
    'undo, one transaction, by one call of stepgate.undo_phase',
    "behind its undo's statements, in the same transaction: live sync by the other names",
  ]);
  const [installed, lock, , after, , undoLock, , back] = shown.map(({ texts }) => texts);
  expect(lock?.[0]?.sql).toBe('lock table "public"."kinds", "public"."old_stock", "public"."stock" in access exclusive mode');
  expect(undoLock?.[0]?.sql).toBe('lock table "public"."former_stock", "public"."kinds", "public"."old_stock" in access exclusive mode');
  const functions = (texts: readonly SqlText[] | undefined, name: RegExp) => (texts ?? []).filter(({ what }) => name.test(what));
  const target = /sync: function stepgate."sync_stock_copy_target_stock_update"/;
  expect(functions(installed, target)[0]?.sql).toContain('update "public"."old_stock" as s');
  expect(functions(after, target)[0]?.sql).toContain('update "public"."former_stock" as s');
  expect(functions(back, target)[0]?.sql).toBe(functions(installed, target)[0]?.sql);
  for (const { sql } of functions(after, /_source_/)) expect(sql).not.toContain('"public"."stock"');
});
