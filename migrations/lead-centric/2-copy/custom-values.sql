--! into: customer_custom_fields
--! from: contact_custom_fields
--! key: id
--! sync: both
--! deletes: hard
--! inverse: value = value #>> '{}'
-- to_jsonb makes a JSON string of a text, whatever the text looks like, and leaves jsonb as it is. #>> '{}' is the text in it again; a column
-- of type jsonb takes no text, so that its values go forward only.
select
  v.id,
  v.contact_id as customer_id,
  v.field_id,
  to_jsonb(v.value) as value,
  v.created_at,
  v.updated_at,
  v.created_by
from contact_custom_fields v
