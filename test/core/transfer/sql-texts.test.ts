import { expect, test } from 'vitest';
import { compareBoundarySql, compareSql } from '../../../core/transfer/compare-sql.ts';
import { typeFaults } from '../../../core/transfer/type-faults.ts';
import { TRANSFER, UNMAPPED } from '../../support/a-transfer.ts';

test('a comparison holds both sides of a range against each other in one statement', () => {
  expect(compareBoundarySql(TRANSFER, "O'Hara", 'run-1')).toMatchInlineSnapshot(`
    "select "k1"::text as key, case when pg_typeof(k1) in ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype, 'pg_catalog.uuid'::regtype, 'pg_catalog.name'::regtype, 'pg_catalog.regclass'::regtype) then (k1)::text else 'md5:' || left(md5('run-1' || (k1)::text), 12) end as shown, :rows::int as rows
    from (select "id" as k1 from "crm"."people" where "id" > 'O''Hara' order by "id" offset :rows::int - 1 limit 1) as nth"
  `);
  expect(compareSql(TRANSFER, { after: '7', upto: "O'Hara" }, { unmapped: UNMAPPED, salt: 'run-1', ledger: null })).toMatchInlineSnapshot(`
    "with joined as (
    select count(s.stepgate_key_1) as source, count(t.stepgate_key_1) as target,
    array_agg(json_build_array(case when s.stepgate_key_1 is null then 'extra' when t.stepgate_key_1 is null then 'missing' else 'different' end, (coalesce(s.stepgate_key_1, t.stepgate_key_1))::text, case when pg_typeof(coalesce(s.stepgate_key_1, t.stepgate_key_1)) in ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype, 'pg_catalog.uuid'::regtype, 'pg_catalog.name'::regtype, 'pg_catalog.regclass'::regtype) then (coalesce(s.stepgate_key_1, t.stepgate_key_1))::text else 'md5:' || left(md5('run-1' || (coalesce(s.stepgate_key_1, t.stepgate_key_1))::text), 12) end) order by coalesce(s.stepgate_key_1, t.stepgate_key_1)) filter (where s.stepgate_key_1 is null or t.stepgate_key_1 is null or row(s."id", s."full name")::record *<> row(t."id", t."full name")::record or row(t."country")::record *<> row(('DE'::character varying)::character varying(2))::record or t."note" is not null) as differences
    from (select m."id" as stepgate_key_1, m.* from (
    select p.id, p.name as "full name" from people p
    ) as m where m."id" > '7' and m."id" <= 'O''Hara') as s
    full join (select x."id" as stepgate_key_1, x.* from "public"."customers" as x where x."id" > '7' and x."id" <= 'O''Hara') as t on s.stepgate_key_1 = t.stepgate_key_1
    ), judged as (
    select one ->> 0 as verdict, one ->> 2 as shown, n from joined, unnest(differences) with ordinality as d (one, n)
    )
    select (select count(*) from "crm"."people" as d where d."id" > '7' and d."id" <= 'O''Hara')::text as driving, source::text, target::text, '0' as quarantined,
    (select count(*) from judged where verdict = 'missing')::text as missing, (select count(*) from judged where verdict = 'extra')::text as extra, (select count(*) from judged where verdict = 'different')::text as different, (select count(*) from judged where verdict = 'lagging')::text as lagging, (select count(*) from judged where verdict = 'changed')::text as changed,
    (select coalesce(json_agg(shown order by n), '[]') from (
    select shown, n from judged where verdict in ('missing', 'extra', 'different') order by n limit 5) as sample)::text as samples
    from joined"
  `);
});

test('a comparison of a live transfer asks the journal for what differs, and the quarantine for what is not in the target', () => {
  const ledger = { plan: 'people-to-customers', hasJournal: true, hasQuarantined: true };
  const live = { ...TRANSFER, sync: 'both' as const, quarantine: [{ condition: 'id < 0', line: 4 }] };
  expect(compareSql(live, { after: null, upto: null }, { unmapped: [], salt: 'run-1', ledger })).toMatchInlineSnapshot(`
    "with joined as (
    select count(s.stepgate_key_1) as source, count(t.stepgate_key_1) as target,
    array_agg(json_build_array(case when s.stepgate_key_1 is null then 'extra' when s.stepgate_bad and t.stepgate_key_1 is null then 'missing' when s.stepgate_bad then 'extra' when t.stepgate_key_1 is null then 'missing' else 'different' end, (coalesce(s.stepgate_key_1, t.stepgate_key_1))::text, case when pg_typeof(coalesce(s.stepgate_key_1, t.stepgate_key_1)) in ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype, 'pg_catalog.uuid'::regtype, 'pg_catalog.name'::regtype, 'pg_catalog.regclass'::regtype) then (coalesce(s.stepgate_key_1, t.stepgate_key_1))::text else 'md5:' || left(md5('run-1' || (coalesce(s.stepgate_key_1, t.stepgate_key_1))::text), 12) end, to_json(array_remove(array[case when row(s."id")::record *<> row(t."id")::record then 'id' end, case when row(s."full name")::record *<> row(t."full name")::record then 'full name' end]::text[], null))) order by coalesce(s.stepgate_key_1, t.stepgate_key_1)) filter (where s.stepgate_key_1 is null or t.stepgate_key_1 is null or s.stepgate_bad or row(s."id", s."full name")::record *<> row(t."id", t."full name")::record) as differences
    from (select m."id" as stepgate_key_1, coalesce((id < 0), false) as stepgate_bad, m.* from (
    select p.id, p.name as "full name" from people p
    ) as m where true and m."id"::text not in (select q.key from stepgate.quarantine as q where q.plan = 'people-to-customers' and q.transfer = 'customers')) as s
    full join (select x."id" as stepgate_key_1, x.* from "public"."customers" as x where true) as t on s.stepgate_key_1 = t.stepgate_key_1
    ), judged as (
    select case when j.is_pending then 'lagging'
      when one ->> 0 = 'different' and (j.is_every or array(select json_array_elements_text(one -> 3)) <@ coalesce(j.columns, '{}')) then 'changed'
      when one ->> 0 <> 'different' and (j.is_whole) then 'changed'
      else one ->> 0 end as verdict, one ->> 2 as shown, n
    from joined, unnest(differences) with ordinality as d (one, n) left join lateral (
    select bool_or(e.reason <> 'not-carried') as is_pending, bool_or(e.reason = 'not-carried' and (e.op <> 'update' or e.columns is null)) as is_whole,
      bool_or(e.reason = 'not-carried' and e.op in ('insert', 'update') and e.columns is null) as is_every,
      array_agg(c.name) filter (where e.reason = 'not-carried' and c.name is not null) as columns
    from stepgate.sync_journal as e left join lateral unnest(e.columns) as c (name) on true
    where e.plan = 'people-to-customers' and e.transfer = 'customers' and (e.key = one ->> 1 or e.key is null)
    ) as j on true
    )
    select (select count(*) from "crm"."people" as d where true)::text as driving, source::text, target::text, (select count(*) from "crm"."people" as d where true and d."id"::text in (select q.key from stepgate.quarantine as q where q.plan = 'people-to-customers' and q.transfer = 'customers'))::text as quarantined,
    (select count(*) from judged where verdict = 'missing')::text as missing, (select count(*) from judged where verdict = 'extra')::text as extra, (select count(*) from judged where verdict = 'different')::text as different, (select count(*) from judged where verdict = 'lagging')::text as lagging, (select count(*) from judged where verdict = 'changed')::text as changed,
    (select coalesce(json_agg(shown order by n), '[]') from (
    select shown, n from judged where verdict in ('missing', 'extra', 'different') order by n limit 5) as sample)::text as samples
    from joined"
  `);
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
