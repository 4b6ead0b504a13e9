import { expect, test } from 'vitest';
import { compilePlan } from '../../../core/plan/compile-plan.ts';
import type { CompiledPlan } from '../../../core/plan/compiled-plan.ts';
import { planAfter, planInForce } from '../../../core/transfer/plan-in-force.ts';
import { RENAME_PLAN } from '../../support/rename-plan.ts';

const ALLOWED = '--! allow: RENAMED_IN_USE because the application switches with it\n';
const UP = `${ALLOWED}${RENAME_PLAN['3-cutover/up.sql']}`;
const YAML = RENAME_PLAN['plan.yaml'] ?? '';
const CUSTOMERS = RENAME_PLAN['2-copy/customers.sql'] ?? '';

/** The faults of the plan with some files changed, but for hazards, which other plans are about. */
async function faults(changes: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const result = await compilePlan({ id: 'renaming', files: new Map(Object.entries({ ...RENAME_PLAN, '3-cutover/up.sql': UP, ...changes })) });
  return result.ok ? [] : result.faults.filter(({ hazard }) => hazard == null).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

async function compiled(changes: Readonly<Record<string, string>> = {}): Promise<CompiledPlan> {
  const files: Record<string, string> = { ...RENAME_PLAN, '3-cutover/up.sql': UP, ...changes };
  for (let round = 0; ; round += 1) {
    const result = await compilePlan({ id: 'renaming', files: new Map(Object.entries(files)) });
    if (result.ok) return result.plan;
    if (round > 0) throw new Error(result.faults.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'));
    for (const file of new Set(result.faults.map((fault) => fault.file))) {
      const hazards = new Set(result.faults.flatMap((fault) => (fault.file === file && fault.hazard != null ? [fault.hazard] : [])));
      files[file] = [...hazards].map((name) => `--! allow: ${name} because the database is a test's\n`).join('') + files[file];
    }
  }
}

test.each<{ name: string; changes: Record<string, string>; said: string }>([
  {
    name: 'no fence',
    changes: { 'plan.yaml': YAML.replace(', fence: true', '') },
    said: 'plan.yaml:6: phase 3: under a name that now means another table the application would write where it does not mean to; add "fence: true", which keeps it out meanwhile',
  },
  {
    name: 'undo: none',
    changes: { 'plan.yaml': YAML.replace('fence: true', 'fence: true, undo: none, because: so') },
    said: 'plan.yaml:6: phase 3: a way back that keeps every write needs the names of before; write an undo.sql that renames back, and remove undo and because',
  },
  {
    name: 'protect',
    changes: { 'plan.yaml': YAML.replace('fence: true', 'fence: true, protect: [people]') },
    said: 'plan.yaml:6: phase 3: "protect" is for rows that up.sql changes, and with "cutover: rename" it changes none; remove it',
  },
  {
    name: 'an undo that forgets a table',
    changes: { '3-cutover/undo.sql': (RENAME_PLAN['3-cutover/undo.sql'] ?? '').replace('alter table places rename to towns;\n', '') },
    said: '3-cutover/undo.sql:1: the undo has to rename back exactly what up.sql renames: people_legacy to people, people to customers, places to towns, customer_calls to calls, calls to customer_calls; write these renames',
  },
  {
    name: 'a DO block',
    changes: { '3-cutover/up.sql': `${UP}do $$ begin alter table leads rename to prospects; end $$;\n` },
    said: '3-cutover/up.sql:9: nobody can read from this statement which tables it renames or writes, and live sync has to follow; write the renames as statements, and do the rest in another phase',
  },
  {
    name: 'a function call',
    changes: { '3-cutover/up.sql': `${UP}select rename_tables();\n` },
    said: '3-cutover/up.sql:9: nobody can read from this statement which tables it renames or writes, and live sync has to follow; write the renames as statements, and do the rest in another phase',
  },
  {
    name: 'an UPDATE',
    changes: { '3-cutover/up.sql': `${UP}update people set phone = '1';\n` },
    said: '3-cutover/up.sql:9: this statement writes rows while live sync changes over to other names; write them in a phase before or behind this one',
  },
  {
    name: 'IF EXISTS',
    changes: { '3-cutover/up.sql': UP.replace('alter table towns', 'alter table if exists towns') },
    said: '3-cutover/up.sql:4: live sync has to follow this rename, and IF EXISTS leaves open whether it happens; remove it',
  },
  {
    name: 'SET SCHEMA',
    changes: { '3-cutover/up.sql': UP.replace('alter table towns rename to places', 'alter table towns set schema old') },
    said: '3-cutover/up.sql:4: live sync follows names of tables, and not of their schemas; leave towns where it is, and rename it',
  },
  {
    name: 'a renamed schema',
    changes: { '3-cutover/up.sql': `${UP}alter schema shop rename to store;\n` },
    said: '3-cutover/up.sql:9: live sync follows names of tables, and not of their schemas; rename the tables only',
  },
  {
    name: 'a renamed column',
    changes: { '3-cutover/up.sql': `${UP}alter table people rename full_name to name;\n` },
    said: '3-cutover/up.sql:9: RENAME changes a column of people, which the live sync of transfer customers needs as it is until cleanup; do it in a phase with "when: cleanup", or before the transfer',
  },
  {
    name: 'a table that goes by its new name later',
    changes: { '4-comment/up.sql': 'drop table people_legacy;\n' },
    said: '4-comment/up.sql:1: DROP takes people_legacy, which the live sync of transfer customers needs as it is until cleanup; do it in a phase with "when: cleanup", or before the transfer',
  },
  {
    name: 'a second rename later',
    changes: { '4-comment/up.sql': 'alter table people_legacy rename to people_old;\n' },
    said: '4-comment/up.sql:1: RENAME changes the name of people_legacy, which the live sync of transfer customers needs as it is until cleanup; do it in a phase with "when: cleanup", or before the transfer',
  },
  {
    name: 'no table of a transfer',
    changes: {
      '3-cutover/up.sql': 'alter table other rename to others;\n',
      '3-cutover/undo.sql': 'alter table others rename to other;\n',
    },
    said: '3-cutover/up.sql:1: with "cutover: rename" up.sql renames tables of the transfers, such as people; write "alter table … rename to …", or use "cutover: flag"',
  },
  {
    name: 'a mapping that names a table as a type',
    changes: { '2-copy/customers.sql': CUSTOMERS.replace('p.seen from', 'p.seen, (null::people)::text as phone from') },
    said: '3-cutover/up.sql:2: transfer customers (2-copy/customers.sql:6) names a table as a type or in a text, people, where a rename does not reach; write the mapping without it, or use "cutover: flag"',
  },
  {
    name: 'a transfer behind it',
    changes: {
      'plan.yaml': YAML.replace('  - { id: comment }', '  - { id: comment, transfers: [more] }'),
      '4-comment/more.sql': '--! into: more\n--! from: places\n--! key: city\nselect p.city from places p;\n',
    },
    said: 'plan.yaml:7: phase 4: rows are copied before tables get other names; put it before phase 3, the cutover',
  },
  {
    name: 'a statement that refuses transactions',
    changes: { '3-cutover/up.sql': 'create index concurrently people_name on people (name);\n' },
    said: 'plan.yaml:6: "cutover: rename" needs the phase to be one transaction, and its up.sql holds statements that refuse one; do them in another phase',
  },
])('a cutover by rename with $name is refused', async ({ changes, said }) => {
  expect(await faults(changes)).toContain(said);
});

test('the plan with a cutover by rename compiles', async () => {
  expect(await faults({})).toEqual([]);
});

test('names follow a swap, keep what the SELECT calls a table, and stay what they are until the phase is applied', async () => {
  const leads =
    '--! into: leads\n--! from: people\n--! key: id\n--! sync: both\nselect people.id, people.id as customer_id, people.tag from "people" where people.tag is not null;\n';
  const plan = await compiled({ '2-copy/leads.sql': leads });
  expect(planInForce(plan, ['schema', 'copy'])).toBe(plan);
  const [copy] = planInForce(plan, ['schema', 'copy', 'cutover']).phases.flatMap((phase) => (phase.kind === 'transfer' ? [phase] : []));
  expect(copy?.transfers.map(({ id, from, into, select }) => ({ id, from: from.name, into: into.name, select }))).toEqual([
    {
      id: 'customers',
      from: 'people_legacy',
      into: 'people',
      select:
        'select p.id, p.name as full_name, p.email::text as email, t.zip, p.seen from "public"."people_legacy" p left join "public"."places" t on t.city = p.city',
    },
    {
      id: 'leads',
      from: 'people_legacy',
      into: 'leads',
      select: 'select people.id, people.id as customer_id, people.tag from "public"."people_legacy" as "people" where people.tag is not null',
    },
    {
      id: 'customer-calls',
      from: 'customer_calls',
      into: 'calls',
      select: 'select c.id, c.person_id as customer_id, c.said from "public"."customer_calls" c',
    },
  ]);
  const [customers] = copy?.transfers ?? [];
  expect(customers?.lookups).toMatchObject([{ table: { schema: 'public', name: 'places' }, on: ['city'], probe: '"t"."city"' }]);
  expect(customers?.driving.after).toMatch(/^ p left join "public"."places" t on/);
});

test('a changed cutover leaves the digest of the copy as it was, so that an interrupted run may go on with it', async () => {
  const [one, other] = [
    await compiled(),
    await compiled({
      '3-cutover/up.sql': UP.replaceAll('people_legacy', 'people_old'),
      '3-cutover/undo.sql': (RENAME_PLAN['3-cutover/undo.sql'] ?? '').replaceAll('people_legacy', 'people_old'),
    }),
  ];
  expect(other.phases.slice(0, 3).map(({ digest }, index) => digest === one.phases[index]?.digest)).toEqual([true, true, false]);
  const renaming = one.phases.flatMap((phase) => (phase.kind === 'transaction' && phase.renaming ? [phase.renaming] : []))[0];
  expect(renaming === undefined ? null : planAfter(one, renaming).phases.map(({ digest }) => digest)).toEqual(one.phases.map(({ digest }) => digest));
});
