--! into: customer_custom_fields
--! from: contact_custom_fields
--! key: id
--! sync: none
-- to_jsonb makes a JSON string of a text, whatever the text looks like, and leaves jsonb as it is.
select
  v.id,
  v.contact_id as customer_id,
  v.field_id,
  to_jsonb(v.value) as value,
  v.created_at,
  v.updated_at,
  v.created_by
from contact_custom_fields v
