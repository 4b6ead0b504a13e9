import { LIVE_PLAN } from './live-plan.ts';

const { '4-drop-people/up.sql': _, ...KEPT } = LIVE_PLAN;

/** As LIVE_PLAN, but that its cutover gives the new side the old side's names; leads and their names stay, a view stands under a name that became free. */
export const RENAME_PLAN: Readonly<Record<string, string>> = {
  ...KEPT,
  'plan.yaml': `title: Customers become people while the application writes
rollbackFor: 48h
phases:
  - { id: schema }
  - { id: copy, transfers: [customers, leads, customer-calls] }
  - { id: cutover, cutover: rename, fence: true }
  - { id: comment }
  - { id: drop-people, when: cleanup, undo: none, because: the old tables go }
`,
  'before.sql': `--! check: names-are-there, warn, quality
select 'all' as scope, count(*) filter (where name <> '') as valid, count(*) as total from people;

--! check: no-empty-names, fail, no rows
select id from people where name = '';
`,
  'after.sql': "--! check: no-empty-names-left, fail, no rows\nselect id from people where full_name = '';\n",
  '3-cutover/up.sql': `alter table people rename to people_legacy;
alter table customers rename to people;
alter table towns rename to places;
alter table calls rename to calls_swap;
alter table customer_calls rename to calls;
alter table calls_swap rename to customer_calls;
create view customers as with read_only as (select) select id, full_name, email from people;
`,
  '3-cutover/undo.sql': `drop view customers;
alter table people rename to customers;
alter table people_legacy rename to people;
alter table places rename to towns;
alter table calls rename to calls_swap;
alter table customer_calls rename to calls;
alter table calls_swap rename to customer_calls;
`,
  '4-comment/up.sql': "comment on table people is 'in use';\n",
  '4-comment/undo.sql': 'comment on table people is null;\n',
  '5-drop-people/up.sql': 'drop table customer_calls;\ndrop table people_legacy;\n',
};
