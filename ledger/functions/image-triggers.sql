-- Where the catalog holds the triggers that copy a table's rows; whoever switches one off and on again moves it.
create or replace function stepgate.image_triggers(p_table oid) returns text
language sql stable
set search_path = pg_catalog
as $image_triggers$
  select coalesce(string_agg(tgname || ' ' || ctid::text, ' ' order by tgname), '') from pg_trigger where tgrelid = p_table and starts_with(tgname::text, 'stepgate_image_')
$image_triggers$
