import { expect, test } from 'vitest';
import type { TransferId } from '../../../core/ids.ts';
import type { Transfer } from '../../../core/plan/compiled-plan.ts';
import { copySql, undoSql } from '../../../core/transfer/batch-sql.ts';
import { compareBoundarySql, compareSql } from '../../../core/transfer/compare-sql.ts';
import { keyFaults } from '../../../core/transfer/key-faults.ts';
import { typeFaults } from '../../../core/transfer/type-faults.ts';

const TRANSFER: Transfer = {
  id: 'customers' as TransferId,
  file: '2-copy/customers.sql',
  line: 5,
  select: 'select p.id, p.name as "full name" from people p',
  into: { schema: 'public', name: 'customers' },
  from: { schema: 'crm', name: 'people' },
  key: { target: 'id', source: 'id' },
  columns: ['id', 'full name'],
  sync: 'none',
};
const UNMAPPED = [
  { name: 'country', type: 'character varying(2)', default: "'DE'::character varying", isConstant: true, isGenerated: false },
  { name: 'note', type: 'text', default: null, isConstant: true, isGenerated: false },
  { name: 'seen_at', type: 'timestamp with time zone', default: 'now()', isConstant: false, isGenerated: false },
];

test('a batch moves a key range through the mapping', () => {
  expect(copySql(TRANSFER)).toMatchInlineSnapshot(`
    {
      "boundary": "select coalesce((select nth.k::text from (select "id" as k from "crm"."people" where [[range "id"]] order by "id" offset $1 - 1 limit 1) as nth),
    (select last.k::text from (select "id" as k from "crm"."people" where [[range "id"]] order by "id" desc limit 1) as last))",
      "move": "insert into "public"."customers" ("id", "full name")
    select "id", "full name" from (
    select p.id, p.name as "full name" from people p
    ) as mapped where [[range mapped."id"]]",
    }
  `);
});

test('an undo archives what is not the mapping’s own and deletes the range', () => {
  expect(undoSql(TRANSFER, { plan: 'people-to-customers', phase: 'copy' }, UNMAPPED)).toMatchInlineSnapshot(`
    {
      "boundary": "select coalesce((select nth.k::text from (select "id" as k from "public"."customers" where [[range "id"]] order by "id" offset $1 - 1 limit 1) as nth),
    (select last.k::text from (select "id" as k from "public"."customers" where [[range "id"]] order by "id" desc limit 1) as last))",
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
    where mapped."id" is null or row(mapped."id", mapped."full name")::record *<> row(t."id", t."full name")::record or row(t."country")::record *<> row(('DE'::character varying)::character varying(2))::record or t."note" is not null or (t."seen_at" between (select p.begun_at from stepgate.phase p where p.plan = 'people-to-customers' and p.phase = 'copy') and coalesce((select r.done_at from stepgate.transfer r where r.plan = 'people-to-customers' and r.phase = 'copy' and r.transfer = 'customers' and r.direction = 'up'), clock_timestamp())) is not true
    )
    select from gone",
      "undoing": ""public"."customers"",
    }
  `);
});

test('a comparison holds both sides of a range against each other in one statement', () => {
  expect(compareBoundarySql(TRANSFER, "O'Hara")).toMatchInlineSnapshot(`
    "with batch as (select "id" as k from "crm"."people" where "id" > 'O''Hara' order by "id" limit :rows)
    select k::text as key, case when pg_typeof(k) in ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype, 'pg_catalog.uuid'::regtype, 'pg_catalog.name'::regtype, 'pg_catalog.regclass'::regtype) then (k)::text else 'md5:' || left(md5((k)::text), 12) end as shown, (select count(*) from batch)::int as rows from batch order by k desc limit 1"
  `);
  expect(compareSql(TRANSFER, { after: '7', upto: "O'Hara" }, UNMAPPED)).toMatchInlineSnapshot(`
    "select (select count(*) from "crm"."people" where "id" > '7' and "id" <= 'O''Hara')::text as driving,
    count(s.stepgate_key)::text as source, count(t.stepgate_key)::text as target,
    count(*) filter (where t.stepgate_key is null)::text as missing, count(*) filter (where s.stepgate_key is null)::text as extra,
    count(*) filter (where s.stepgate_key is not null and t.stepgate_key is not null and (row(s."id", s."full name")::record *<> row(t."id", t."full name")::record or row(t."country")::record *<> row(('DE'::character varying)::character varying(2))::record or t."note" is not null))::text as different,
    coalesce(array_to_json((array_agg(case when pg_typeof(coalesce(s.stepgate_key, t.stepgate_key)) in ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype, 'pg_catalog.uuid'::regtype, 'pg_catalog.name'::regtype, 'pg_catalog.regclass'::regtype) then (coalesce(s.stepgate_key, t.stepgate_key))::text else 'md5:' || left(md5((coalesce(s.stepgate_key, t.stepgate_key))::text), 12) end order by coalesce(s.stepgate_key, t.stepgate_key))
      filter (where s.stepgate_key is null or t.stepgate_key is null or row(s."id", s."full name")::record *<> row(t."id", t."full name")::record or row(t."country")::record *<> row(('DE'::character varying)::character varying(2))::record or t."note" is not null))[1:5]), '[]')::text as samples
    from (select m."id" as stepgate_key, m.* from (
    select p.id, p.name as "full name" from people p
    ) as m where m."id" > '7' and m."id" <= 'O''Hara') as s
    full join (select "id" as stepgate_key, x.* from "public"."customers" as x where x."id" > '7' and x."id" <= 'O''Hara') as t on s.stepgate_key = t.stepgate_key"
  `);
});

test('brackets and quotes of the plan stay the plan’s', () => {
  const odd = { ...TRANSFER, select: 'select p.id, \'[[range x]]\' as "full name" from people p', into: { schema: 'a"b', name: '[[c]]' } };
  const { move } = copySql(odd);
  expect(move).toContain(`insert into "a""b"."[[open]]c]]"`);
  expect(move).toContain("'[[open]]range x]]'");
  expect(move.match(/\[\[range /g)).toHaveLength(1);
});

test.each([
  { selected: ['bigint', 'text'], target: [], faults: ['has no column id', 'has no column full name'] },
  { selected: ['bigint', 'text'], target: [column('id', 'bigint'), column('full name', 'text')], faults: [] },
  {
    selected: ['integer', 'text'],
    target: [column('id', 'bigint'), column('full name', 'text')],
    faults: ['id is integer in the SELECT and bigint'],
  },
  { selected: ['bigint', 'text'], target: [column('id', 'bigint'), { ...column('full name', 'text'), isGenerated: true }], faults: ['is generated'] },
])('columns that an insert would change are named: $faults', ({ selected, target, faults }) => {
  const found = typeFaults(TRANSFER, selected, target);
  expect(found).toHaveLength(faults.length);
  for (const [index, fault] of faults.entries()) expect(found[index]).toContain(fault);
});

function column(name: string, type: string) {
  return { name, type, isGenerated: false };
}

const KEY = { isThere: true, isNotNull: true, isUnique: true, collation: null };

test.each([
  { what: 'keys', source: KEY, target: KEY, faults: [] },
  { what: 'a source that is not unique', source: { ...KEY, isUnique: false }, target: KEY, faults: [] },
  { what: 'a source that may be null', source: { ...KEY, isNotNull: false }, target: KEY, faults: ['crm.people.id may be null'] },
  { what: 'a target that may be null', source: KEY, target: { ...KEY, isNotNull: false }, faults: ["public.customers.id is not the table's key"] },
  { what: 'a target that is not unique', source: KEY, target: { ...KEY, isUnique: false }, faults: ["public.customers.id is not the table's key"] },
  {
    what: 'two collations',
    source: { ...KEY, collation: 'C' },
    target: { ...KEY, collation: 'de' },
    faults: ['crm.people.id has collation C and public.customers.id has de'],
  },
  {
    what: 'tables that are not there',
    source: { ...KEY, isThere: false, isNotNull: false },
    target: { ...KEY, isThere: false, isUnique: false },
    faults: [],
  },
])('$what: $faults', ({ source, target, faults }) => {
  const found = keyFaults(TRANSFER, source, target);
  expect(found).toHaveLength(faults.length);
  for (const [index, fault] of faults.entries()) expect(found[index]).toContain(fault);
});
