--! into: customers
--! from: contacts
--! key: cst_id
--! sync: both
--! deletes: soft deleted_at
-- country, dateadded, lastchanged and migrated_from_contact_id go forward only: README.md, "What goes which way".
select
  c.id as cst_id,
  c.workspace_id,
  c.firstname::text as firstname,
  c.lastname::text as lastname,
  c.email::text as email,
  c.phone_number::text as phone1,
  c.st_address::text as address1,
  c.city::text as city,
  c.state::text as state,
  c.zip::text as zip,
  'US'::text as country,
  c.created_at as dateadded,
  c.updated_at as lastchanged,
  c.created_at,
  c.updated_at,
  c.created_by,
  c.id as migrated_from_contact_id
from contacts c
