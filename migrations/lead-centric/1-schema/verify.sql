--! check: new-tables-are-empty, fail, zero
select
  (select count(*) from customers)
  + (select count(*) from leads)
  + (select count(*) from appointments)
  + (select count(*) from customer_custom_fields)
  + (select count(*) from lead_custom_fields)
  + (select count(*) from appointment_custom_fields);

--! check: existing-fields-belong-to-contacts, fail, no rows
select id from custom_fields where context_type <> 'contact' or context_config <> '{}';
