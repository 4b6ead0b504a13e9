import type { CompileResult } from '../../../core/plan/compile-plan.ts';
import { compilePlan } from '../../../core/plan/compile-plan.ts';
import { describeFault } from '../../../core/plan/plan-fault.ts';

/** A good plan with one phase of each kind. */
const SMALL_PLAN: Readonly<Record<string, string>> = {
  'plan.yaml': `title: Books into a shop
quality: 99.5%
notes:
  - The shop is closed
phases:
  - { id: schema }
  - { id: copy, transfers: [books] }
  - { id: indexes }
  - { id: statistics, undo: none, because: statistics go with their table }
`,
  'before.sql': `--! check: titles-are-there, warn, quality
select 'all' as scope, count(*) filter (where title <> '') as valid, count(*) as total from old_books;

-- counted again when all is done
--! check: how-many-before, info, measure
select 'books', count(*)::text from old_books;
`,
  'after.sql': `--! check: nobody-is-lost, fail, no rows
select b.id from old_books b where not exists (select from shop.books n where n.id = b.id);
`,
  '1-schema/up.sql': `-- The shop's own schema.
create schema shop;
create table shop.books (id bigint primary key, title text not null);
alter table old_books add column moved boolean not null default false;
`,
  '1-schema/undo.sql': `alter table old_books drop column moved;
drop table shop.books;
drop schema shop;
`,
  '1-schema/verify.sql': `--! check: shop-is-empty, fail, zero
select count(*) from shop.books;
`,
  '2-copy/books.sql': `--! into: shop.books
--! from: old_books            -- the driving table
--! key: id
select b.id, coalesce(b.title, a.title) as title
from old_books b
left join archive a on a.id = b.id
`,
  '3-indexes/up.sql': `create index concurrently books_title on shop.books (title); -- for the search box
`,
  '3-indexes/undo.sql': `drop index concurrently if exists shop.books_title;
`,
  '4-statistics/up.sql': `vacuum (analyze) shop.books;
`,
  'README.md': 'Why we do this.\n',
  'demo/source.sql': '\\echo psql only\n',
};

/** Changes that leave the first phase of the small plan only. */
export const WITHOUT_LATER_PHASES: Readonly<Record<string, null>> = {
  '2-copy/books.sql': null,
  '3-indexes/up.sql': null,
  '3-indexes/undo.sql': null,
  '4-statistics/up.sql': null,
};

/** The small plan with some of its files replaced, or taken away by null. */
export function smallPlan(changes: Readonly<Record<string, string | null>> = {}): ReadonlyMap<string, string> {
  const files = Object.entries({ ...SMALL_PLAN, ...changes });
  return new Map(files.flatMap(([path, text]) => (text === null ? [] : [[path, text]])));
}

export async function compileSmall(changes: Readonly<Record<string, string | null>> = {}, id = 'books'): Promise<CompileResult> {
  return compilePlan({ id, files: smallPlan(changes) });
}

/** Compiles with every hazard accepted above the first statement of its file, for tests of something else. */
export async function compileAccepting(changes: Readonly<Record<string, string | null>>): Promise<CompileResult> {
  const first = await compileSmall(changes);
  const hazards = first.ok ? [] : first.faults.filter((fault) => typeof fault.hazard === 'string');
  const texts = smallPlan(changes);
  const accepting = [...new Set(hazards.map(({ file }) => file))].map((file) => {
    const names = new Set(hazards.filter((fault) => fault.file === file).map(({ hazard }) => hazard));
    return [file, `${[...names].map((name) => `--! allow: ${name} because another thing is tested\n`).join('')}${texts.get(file) ?? ''}`];
  });
  return hazards.length === 0 ? first : compileSmall({ ...changes, ...Object.fromEntries(accepting) });
}

/** What a terminal would show, one entry for each fault, without the excerpts. */
export async function faultsOf(changes: Readonly<Record<string, string | null>>): Promise<readonly string[]> {
  const result = await compileSmall(changes);
  return result.ok ? [] : result.faults.map((fault) => describeFault({ ...fault, excerpt: null }));
}

/** As a terminal shows it, excerpts included. */
export async function shownFaultsOf(changes: Readonly<Record<string, string | null>>): Promise<string> {
  const result = await compileSmall(changes);
  return result.ok ? '' : result.faults.map(describeFault).join('\n');
}
