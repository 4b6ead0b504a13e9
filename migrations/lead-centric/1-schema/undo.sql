drop table appointment_custom_fields;
drop table lead_custom_fields;
drop table customer_custom_fields;
drop table appointments;
drop table leads;
drop table customers;
alter table custom_fields drop column context_config, drop column context_type;
