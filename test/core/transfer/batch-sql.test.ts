import { expect, test } from 'vitest';
import { copySql, rangesSql, undoSql } from '../../../core/transfer/batch-sql.ts';
import { keyFaults } from '../../../core/transfer/key-faults.ts';
import { parentsFirst } from '../../../core/transfer/parents-first.ts';
import { TRANSFER, UNMAPPED } from '../../support/a-transfer.ts';

const PLACE = { plan: 'people-to-customers', phase: 'copy' };

test('a batch moves a key range through the mapping', () => {
  expect(copySql(TRANSFER, PLACE)).toMatchInlineSnapshot(`
    {
      "apart": null,
      "boundary": "select coalesce((select nth."id"::text from (select "id" from "crm"."people" where [[range "id"]] order by "id" offset $1 - 1 limit 1) as nth),
    (select last."id"::text from (select "id" from "crm"."people" where [[range "id"]] order by "id" desc limit 1) as last))",
      "contested": null,
      "later": null,
      "move": "insert into "public"."customers" ("id", "full name")
    select "id", "full name" from (
    select p.id, p.name as "full name" from people p
    ) as mapped where [[range mapped."id"]]",
    }
  `);
});

test('an undo archives what is not the mapping’s own and deletes the range', () => {
  expect(undoSql(TRANSFER, PLACE, UNMAPPED)).toMatchInlineSnapshot(`
    {
      "boundary": "select coalesce((select nth."id"::text from (select "id" from "public"."customers" where [[range "id"]] order by "id" offset $1 - 1 limit 1) as nth),
    (select last."id"::text from (select "id" from "public"."customers" where [[range "id"]] order by "id" desc limit 1) as last))",
      "lock": "select from "public"."customers" as t where [[range t."id"]] for update",
      "move": "with mapped as (
    select * from (
    select p.id, p.name as "full name" from people p
    ) as m where [[range m."id"]]
    ), gone as (
    delete from "public"."customers" as t where [[range t."id"]] returning t.*
    ), archived as (
    insert into stepgate_archive.row (run_id, plan, transfer, table_name, key, image)
    select $1, 'people-to-customers', 'customers', 'public.customers', t."id"::text, row_to_json(t.*)
    from gone as t left join mapped on mapped."id" = t."id"
    where mapped."id" is null or row(mapped."id", mapped."full name")::record *<> row(t."id", t."full name")::record or row(t."country")::record *<> row(('DE'::character varying)::character varying(2))::record or t."note" is not null or (t."seen_at" between (select p.begun_at from stepgate.phase p where p.plan = 'people-to-customers' and p.phase = 'copy') and coalesce((select case when bool_and(r.done_at is not null) then max(r.done_at) end from stepgate.transfer r where r.plan = 'people-to-customers' and r.phase = 'copy' and r.transfer = 'customers' and r.direction = 'up'), clock_timestamp())) is not true
    )
    select from gone",
      "undoing": ""public"."customers"",
    }
  `);
});

test('brackets and quotes of the plan stay the plan’s', () => {
  const odd = { ...TRANSFER, select: 'select p.id, \'[[range x]]\' as "full name" from people p', into: { schema: 'a"b', name: '[[c]]' } };
  const { move } = copySql(odd, PLACE);
  expect(move).toContain(`insert into "a""b"."[[open]]c]]"`);
  expect(move).toContain("'[[open]]range x]]'");
  expect(move.match(/\[\[range /g)).toHaveLength(1);
});

test('beside a sync a batch leaves what is there, and finds it by all columns of its key', () => {
  const pair = {
    ...TRANSFER,
    keys: [
      { target: 'id', source: 'id' },
      { target: 'full name', source: 'name' },
    ],
    sync: 'forward',
  } as const;
  expect(copySql(pair, PLACE)).toMatchInlineSnapshot(`
    {
      "apart": null,
      "boundary": "select coalesce((select json_build_array(nth."id"::text, nth."name"::text)::text from (select "id", "name" from "crm"."people" where [[ranges "id", "name"]] order by "id", "name" offset $1 - 1 limit 1) as nth),
    (select json_build_array(last."id"::text, last."name"::text)::text from (select "id", "name" from "crm"."people" where [[ranges "id", "name"]] order by "id" desc, "name" desc limit 1) as last))",
      "contested": "insert into "public"."customers" ("id", "full name")
    select "id", "full name" from (
    select p.id, p.name as "full name" from people p
    ) as mapped where [[ranges mapped."id", mapped."full name"]]
    on conflict ("id", "full name") do nothing",
      "later": "insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, sql_state)
    select 'people-to-customers', 'customers', 'source', json_build_array(d."id"::text, d."name"::text)::text, 'update', 'failed', '{}', '23503'
    from "crm"."people" as d where [[ranges d."id", d."name"]] and not exists (select from "public"."customers" as t where t."id" = d."id" and t."full name" = d."name")",
      "move": "insert into "public"."customers" ("id", "full name")
    select "id", "full name" from (
    select p.id, p.name as "full name" from people p
    ) as mapped where [[ranges mapped."id", mapped."full name"]] and (exists (
    select from "public"."customers" as there where there."id" = mapped."id" and there."full name" = mapped."full name" and [[ranges there."id", there."full name"]])) is not true",
    }
  `);
});

test('where rows may be bad a batch sorts them, and can be taken apart', () => {
  expect(copySql({ ...TRANSFER, quarantine: [{ condition: '"full name" = \'[[x\'', line: 5 }] }, PLACE)).toMatchInlineSnapshot(`
    {
      "apart": {
        "keys": "select array_agg(d."id"::text order by d."id") from (
    select "id" from "crm"."people" where [[range "id"]] order by "id" limit $1) as d",
        "move": "with mapped as materialized (
    select m.*, case when ("full name" = '[[open]]x'
    ) then '"full name" = ''[[open]]x''' end as stepgate_reason from (
    select p.id, p.name as "full name" from people p
    ) as m where [[keys m."id"]]
    ), bad as (
    insert into stepgate.quarantine (plan, transfer, key, reason, original)
    select 'people-to-customers', 'customers', mapped."id"::text, stepgate_reason, row_to_json(d.*)
    from mapped join "crm"."people" as d on d."id" = mapped."id" where stepgate_reason is not null
    on conflict (plan, transfer, key) do nothing
    ), moved as (
    insert into "public"."customers" ("id", "full name")
    select "id", "full name" from mapped where stepgate_reason is null
    returning 1
    )
    select count(*) as mapped, count(stepgate_reason) as quarantined, (select count(*) from moved) as moved from mapped",
        "original": "select row_to_json(d.*) from "crm"."people" as d where [[keys d."id"]]",
      },
      "boundary": "select coalesce((select nth."id"::text from (select "id" from "crm"."people" where [[range "id"]] order by "id" offset $1 - 1 limit 1) as nth),
    (select last."id"::text from (select "id" from "crm"."people" where [[range "id"]] order by "id" desc limit 1) as last))",
      "contested": null,
      "later": null,
      "move": "with mapped as materialized (
    select m.*, case when ("full name" = '[[open]]x'
    ) then '"full name" = ''[[open]]x''' end as stepgate_reason from (
    select p.id, p.name as "full name" from people p
    ) as m where [[range m."id"]]
    ), bad as (
    insert into stepgate.quarantine (plan, transfer, key, reason, original)
    select 'people-to-customers', 'customers', mapped."id"::text, stepgate_reason, row_to_json(d.*)
    from mapped join "crm"."people" as d on d."id" = mapped."id" where stepgate_reason is not null
    on conflict (plan, transfer, key) do nothing
    ), moved as (
    insert into "public"."customers" ("id", "full name")
    select "id", "full name" from mapped where stepgate_reason is null
    returning 1
    )
    select count(*) as mapped, count(stepgate_reason) as quarantined, (select count(*) from moved) as moved from mapped",
    }
  `);
});

test('keys are cut by the values of their first column', () => {
  expect(
    rangesSql({
      ...TRANSFER,
      keys: [
        { target: 'id', source: 'id' },
        { target: 'full name', source: 'name' },
      ],
    }),
  ).toMatchInlineSnapshot(`
    {
      "boundary": "select coalesce((select json_build_array(nth."id"::text, nth."name"::text)::text from (select "id", "name" from "crm"."people" where [[ranges "id", "name"]] order by "id", "name" offset $1 - 1 limit 1) as nth),
    (select json_build_array(last."id"::text, last."name"::text)::text from (select "id", "name" from "crm"."people" where [[ranges "id", "name"]] order by "id" desc, "name" desc limit 1) as last))",
      "first": "select json_build_array(f."id"::text, f."name"::text)::text from (select "id", "name" from "crm"."people" where [[range "id"]]
    order by "id", "name" limit 1) as f",
      "into": ""public"."customers"",
      "leading": "id",
      "table": ""crm"."people"",
    }
  `);
});

const COLUMN = { name: 'id', isNotNull: true, collation: null };
const KEY = { columns: [COLUMN], isUnique: true };
const PAIR = { columns: [COLUMN, { ...COLUMN, name: 'name' }], isUnique: true };
const key = (more: object) => ({ ...KEY, columns: [{ ...COLUMN, ...more }] });

test.each([
  { what: 'keys', source: KEY, target: KEY, faults: [] },
  { what: 'a source that is not unique', source: { ...KEY, isUnique: false }, target: KEY, faults: [] },
  { what: 'a source that may be null', source: key({ isNotNull: false }), target: KEY, faults: ['crm.people.id may be null; declare it not null'] },
  {
    what: 'a target that may be null',
    source: KEY,
    target: key({ isNotNull: false }),
    faults: ["public.customers.id is not the table's key; make it"],
  },
  { what: 'a target that is not unique', source: KEY, target: { ...KEY, isUnique: false }, faults: ["public.customers.id is not the table's key"] },
  {
    what: 'two collations',
    source: key({ collation: 'C' }),
    target: key({ collation: 'de' }),
    faults: ['crm.people.id has collation C and public.customers.id has de'],
  },
  { what: 'tables that are not there', source: { columns: [], isUnique: false }, target: { columns: [], isUnique: false }, faults: [] },
])('$what: $faults', ({ source, target, faults }) => {
  const found = keyFaults(TRANSFER, source, target);
  expect(found).toHaveLength(faults.length);
  for (const [index, fault] of faults.entries()) expect(found[index]).toContain(fault);
});

test('a key of several columns is named with all of them, and what is wrong with one of them by it', () => {
  const pair = {
    ...TRANSFER,
    keys: [
      { target: 'id', source: 'id' },
      { target: 'name', source: 'name' },
    ],
  } as const;
  expect(keyFaults(pair, PAIR, PAIR)).toEqual([]);
  expect(keyFaults(pair, { ...PAIR, columns: [COLUMN, { ...COLUMN, name: 'name', isNotNull: false }] }, { ...PAIR, isUnique: false })).toEqual([
    '2-copy/customers.sql:5: crm.people.name may be null; declare it not null, or take another key',
    "2-copy/customers.sql:5: public.customers (id, name) are not the table's key; make them the primary key, or unique and not null, these columns and no other",
  ]);
});

test.each([
  { tables: 'abc', references: [], order: 'abc' },
  { tables: 'abc', references: ['ab', 'bc'], order: 'cba' },
  { tables: 'abc', references: ['aa', 'bb', 'ac'], order: 'bca' },
  { tables: 'abcd', references: ['ab', 'ba', 'cd'], order: 'dcab' },
  { tables: 'ab', references: ['az'], order: 'ab' },
])('tables $tables with references $references come as $order', ({ tables, references, order }) => {
  const found = parentsFirst(
    [...tables],
    (table) => table,
    references.map(([from = '', to = '']) => ({ from, to })),
  );
  expect(found.join('')).toBe(order);
});
