-- The entries of the first list that the second lacks.
create or replace function stepgate.fence_except(p_entries jsonb, p_others jsonb) returns jsonb
language sql immutable as $fence_except$
  select coalesce(jsonb_agg(value), '[]') from (select value from jsonb_array_elements(p_entries) except select value from jsonb_array_elements(p_others)) entries
$fence_except$
