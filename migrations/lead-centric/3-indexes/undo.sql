drop index concurrently if exists appointment_custom_fields_field;
drop index concurrently if exists lead_custom_fields_field;
drop index concurrently if exists customer_custom_fields_field;

drop index concurrently if exists appointments_workspace_changed;
drop index concurrently if exists appointments_workspace_unconfirmed;
drop index concurrently if exists appointments_workspace_disposition;
drop index concurrently if exists appointments_workspace_day;

drop index concurrently if exists leads_updated_by;
drop index concurrently if exists leads_created_by;
drop index concurrently if exists leads_workspace_deleted;
drop index concurrently if exists leads_workspace_product;
drop index concurrently if exists leads_workspace_appointment;
drop index concurrently if exists leads_workspace_changed;
drop index concurrently if exists leads_workspace_entered;
drop index concurrently if exists leads_workspace_stage;

drop index concurrently if exists customers_updated_by;
drop index concurrently if exists customers_created_by;
drop index concurrently if exists customers_zip;
drop index concurrently if exists customers_phone2;
drop index concurrently if exists customers_phone1;
drop index concurrently if exists customers_email;
drop index concurrently if exists customers_workspace_deleted;
drop index concurrently if exists customers_workspace_name;
drop index concurrently if exists customers_workspace_changed;
drop index concurrently if exists customers_workspace_added;
