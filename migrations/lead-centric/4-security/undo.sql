drop policy appointment_custom_fields_delete on appointment_custom_fields;
drop policy appointment_custom_fields_update on appointment_custom_fields;
drop policy appointment_custom_fields_insert on appointment_custom_fields;
drop policy appointment_custom_fields_select on appointment_custom_fields;
alter table appointment_custom_fields disable row level security;

drop policy lead_custom_fields_delete on lead_custom_fields;
drop policy lead_custom_fields_update on lead_custom_fields;
drop policy lead_custom_fields_insert on lead_custom_fields;
drop policy lead_custom_fields_select on lead_custom_fields;
alter table lead_custom_fields disable row level security;

drop policy customer_custom_fields_delete on customer_custom_fields;
drop policy customer_custom_fields_update on customer_custom_fields;
drop policy customer_custom_fields_insert on customer_custom_fields;
drop policy customer_custom_fields_select on customer_custom_fields;
alter table customer_custom_fields disable row level security;

drop policy appointments_delete on appointments;
drop policy appointments_update on appointments;
drop policy appointments_insert on appointments;
drop policy appointments_select on appointments;
alter table appointments disable row level security;

drop policy leads_delete on leads;
drop policy leads_update on leads;
drop policy leads_insert on leads;
drop policy leads_select on leads;
alter table leads disable row level security;

drop policy customers_delete on customers;
drop policy customers_update on customers;
drop policy customers_insert on customers;
drop policy customers_select on customers;
alter table customers disable row level security;
