import type { PlanId } from '../core/ids.ts';

/** A plan to begin with: it compiles without an accepted hazard, and runs on a database that holds nothing. */
export function starterPlan(id: PlanId, { schemaComment }: { readonly schemaComment: string | null }): Readonly<Record<string, string>> {
  const table = `${id.replaceAll('-', '_')}_items`;
  return {
    'plan.yaml': planFile(id, schemaComment),
    'before.sql': `-- Checks that must hold before anything changes: a header, and one SELECT below it.
-- "no rows": each row that the query gives is a violation; its first column is a key that the report may show.
--! check: every-index-is-valid, fail, no rows
select i.indexrelid::regclass::text from pg_catalog.pg_index i where not i.indisvalid;
`,
    '1-schema/up.sql': `-- All statements of this file are one transaction; the checks of verify.sql run inside it.
create table ${table} (id bigint primary key, label text not null, created_at timestamptz not null default now());
`,
    '1-schema/undo.sql': `-- What takes up.sql back, newest first. A run that fails later comes by here.
drop table ${table};
`,
    '1-schema/verify.sql': `-- A phase whose checks fail never commits.
--! check: ${id}-starts-empty, fail, no rows
select id from ${table};
`,
    '2-indexes/up.sql': `-- An index on a table that is in use is built CONCURRENTLY; no transaction can hold that, so it has a phase of its own.
create index concurrently ${table}_label on ${table} (label);
`,
    '2-indexes/undo.sql': `drop index concurrently ${table}_label;
`,
    'after.sql': `-- Checks that must hold when every phase is done. "zero": one number, and 0 is right.
--! check: ${id}-has-its-index, fail, zero
select 1 - count(*) from pg_catalog.pg_indexes where schemaname = 'public' and indexname = '${table}_label';
`,
    'demo/source.sql': `-- What an empty local database is filled with, so that the plan can be tried; no run against a database of your own reads this.
create table ${table.replace(/_items$/, '_source')} (id bigint primary key, name text not null);
`,
    'README.md': readme(id, table),
  };
}

function planFile(id: PlanId, schemaComment: string | null): string {
  return `${schemaComment === null ? '' : `${schemaComment}\n`}title: 'Say here what ${id} does, in one line'
# The share of valid rows that each "quality" check must reach.
quality: 99%
# What only people can judge; shown as not checked, at every gate.
notes:
  - Somebody has read the SQL of this plan
# In running order. Each phase is a folder: its number, a hyphen, its id.
phases:
  - { id: schema }
  - { id: indexes }
  # Rows that move from one table to another, in batches, every one compared; README.md has the file that goes with it.
  # - { id: copy, transfers: [items] }
`;
}

function readme(id: PlanId, table: string): string {
  return `# ${id}

Why this is done, what the application must know, how long it is expected to take.

    npx stepgate check ${id}       # compiles; reads files only
    npx stepgate dry-run ${id}     # gates and checks; writes nothing
    npx stepgate execute ${id}     # shows the plan and asks

## Rows that move

A phase of transfers has one SELECT for each of them, say \`3-copy/items.sql\` for \`- { id: copy, transfers: [items] }\` in plan.yaml:

    --! into: ${table}
    --! from: old_items           -- each target row comes from one of its rows
    --! key: id                   -- the target's key, carried unchanged
    --! sync: none                -- or "forward", "both": the application may go on writing
    select o.id, o.name as label, o.created_at
    from old_items o
`;
}
