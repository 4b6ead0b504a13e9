--! check: new-tables-are-empty, fail, zero
select
  (select count(*) from customers)
  + (select count(*) from leads)
  + (select count(*) from appointments)
  + (select count(*) from customer_custom_fields)
  + (select count(*) from lead_custom_fields)
  + (select count(*) from appointment_custom_fields);

--! check: roles-that-may-write-already, warn, no rows
-- Default privileges gave them what the cutover is there to give: until then what they write is compared with the old side, and undone.
select distinct r.rolname
from pg_class c
cross join lateral aclexplode(c.relacl) a
join pg_roles r on r.oid = a.grantee
where c.oid in (
  to_regclass('customers'), to_regclass('leads'), to_regclass('appointments'),
  to_regclass('customer_custom_fields'), to_regclass('lead_custom_fields'), to_regclass('appointment_custom_fields')
)
and a.grantee <> c.relowner and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');

--! check: existing-fields-belong-to-contacts, fail, no rows
select id from custom_fields where context_type <> 'contact' or context_config <> '{}';
