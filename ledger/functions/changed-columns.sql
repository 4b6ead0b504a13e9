-- The columns in which two images of a row differ; null, which is all, where one is missing.
create or replace function stepgate.changed_columns(p_old json, p_new json) returns text[]
language sql immutable as $changed_columns$
  select array_agg(o.key order by o.key) from json_each_text(p_old) o join json_each_text(p_new) n on n.key = o.key
  where p_old is not null and p_new is not null and o.value is distinct from n.value
$changed_columns$
