-- The run compares every row and column by value, both ways; these are the rules that a comparison does not show, and that hold for as long
-- as both sides are written to.

--! check: leads-away-from-their-customer, fail, no rows
select l.id from leads l
where not exists (select from customers c where c.cst_id = l.customer_id and c.workspace_id = l.workspace_id);

--! check: appointments-away-from-their-lead, fail, no rows
select a.id from appointments a
where not exists (select from leads l where l.id = a.lead_id and l.workspace_id = a.workspace_id);

--! check: customer-values-without-a-customer, fail, no rows
select v.id from customer_custom_fields v where not exists (select from customers c where c.cst_id = v.customer_id);

--! check: customer-values-without-a-field, fail, no rows
select v.id from customer_custom_fields v where not exists (select from custom_fields f where f.id = v.field_id);

--! check: badly-formed-emails-that-were-not-there-before, fail, zero
select greatest(0, (
  select count(*) from customers
  where deleted_at is null and email !~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'
) - (
  select count(*) from contacts where email !~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'
));

--! check: short-phones-that-were-not-there-before, warn, zero
select greatest(0, (
  select count(*) from customers where deleted_at is null and length(phone1) < 10
) - (
  select count(*) from contacts where length(phone_number) < 10
));

--! check: customers-without-name-and-email-that-were-not-there-before, warn, zero
select greatest(0, (
  select count(*) from customers where deleted_at is null and concat(firstname, lastname, email) !~ '\S'
) - (
  select count(*) from contacts where concat(firstname, lastname, email) !~ '\S'
));

--! check: foreign-keys-that-are-not-valid, fail, no rows
select k.conname as name
from pg_constraint k
where k.contype = 'f' and not k.convalidated
and k.conrelid in (
  to_regclass('customers'), to_regclass('leads'), to_regclass('appointments'),
  to_regclass('customer_custom_fields'), to_regclass('lead_custom_fields'), to_regclass('appointment_custom_fields')
);

--! check: indexes-that-are-not-valid, fail, no rows
select i.indexrelid::regclass as name
from pg_index i
where not (i.indisvalid and i.indisready)
and i.indrelid in (
  to_regclass('customers'), to_regclass('leads'), to_regclass('appointments'),
  to_regclass('customer_custom_fields'), to_regclass('lead_custom_fields'), to_regclass('appointment_custom_fields')
);

--! check: customers-and-their-leads, info, measure
select m.name, m.value::text as value
from (
  select count(*) as customers, count(*) filter (where l.leads is null) as without, coalesce(max(l.leads), 0) as most
  from customers c
  left join (select customer_id, count(*) as leads from leads group by customer_id) l on l.customer_id = c.cst_id
) t
cross join lateral (
  values ('customers', t.customers), ('customers without a lead', t.without), ('most leads of one customer', t.most)
) m (name, value);

--! check: what-the-mapping-decided, info, measure
select 'leads for an appointment alone' as name, count(*)::text as value
from leads l
join contacts c on c.id = l.migrated_from_contact_id
where c.lead_status is null
union all
select 'leads further on than stage 4, kept there', count(*)::text
from leads l
join contacts c on c.id = l.migrated_from_contact_id
where c.appointment_status_id > 4
union all
select 'leads without a product of their own', count(*)::text from leads where migrated_from_contact_id is not null and productid = 'DEFAULT'
union all
select 'leads without a source', count(*)::text
from leads l
join contacts c on c.id = l.migrated_from_contact_id
where c.lead_source is null
union all
select 'appointments with estimated dates', count(*)::text from appointments where migrated_from_contact_id is not null and dates_estimated
union all
select 'appointments with a result that has no name', count(*)::text
from appointments a
join contacts c on c.id = a.migrated_from_contact_id
where a.disposition is null and c.appointment_result_id is not null;
