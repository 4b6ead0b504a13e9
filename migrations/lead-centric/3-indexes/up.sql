-- After the copy, since an index that exists slows every insert. Free text of the old tables is hashed, or cut by left(): it may be
-- longer than the 2,704 bytes that a B-tree can hold. A hash of the text itself, not of lower(), since below row-level security an
-- index serves only comparisons that are leakproof; and without '', since equal texts make a hash slow.
create index concurrently customers_workspace_added on customers (workspace_id, dateadded desc);
create index concurrently customers_workspace_changed on customers (workspace_id, lastchanged desc);
create index concurrently customers_workspace_name on customers (workspace_id, left(lastname, 100), left(firstname, 100));
create index concurrently customers_workspace_deleted on customers (workspace_id, deleted_at) where deleted_at is not null;
create index concurrently customers_email on customers using hash (email) where email <> '';
create index concurrently customers_phone1 on customers using hash (phone1) where phone1 <> '';
create index concurrently customers_phone2 on customers using hash (phone2) where phone2 <> '';
create index concurrently customers_zip on customers using hash (zip) where zip <> '';
create index concurrently customers_created_by on customers (created_by);
create index concurrently customers_updated_by on customers (updated_by);

create index concurrently leads_workspace_stage on leads (workspace_id, stg_id, priority);
create index concurrently leads_workspace_entered on leads (workspace_id, entrydate desc);
create index concurrently leads_workspace_changed on leads (workspace_id, lastchangedon desc);
create index concurrently leads_workspace_appointment on leads (workspace_id, apptdate) where apptdate is not null;
create index concurrently leads_workspace_product on leads (workspace_id, productid, entrydate desc);
create index concurrently leads_workspace_deleted on leads (workspace_id, deleted_at) where deleted_at is not null;
create index concurrently leads_created_by on leads (created_by);
create index concurrently leads_updated_by on leads (updated_by);

create index concurrently appointments_workspace_day on appointments (workspace_id, apptdate);
create index concurrently appointments_workspace_disposition on appointments (workspace_id, disposition, apptdate);
create index concurrently appointments_workspace_unconfirmed on appointments (workspace_id, apptdate) where not confirmed;
create index concurrently appointments_workspace_changed on appointments (workspace_id, lastchangeddate desc);

create index concurrently customer_custom_fields_field on customer_custom_fields (field_id);
create index concurrently lead_custom_fields_field on lead_custom_fields (field_id);
create index concurrently appointment_custom_fields_field on appointment_custom_fields (field_id);
