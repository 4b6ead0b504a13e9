-- Whether a table has triggers that are neither a constraint's nor a sync's.
create or replace function stepgate.has_triggers(p_table oid) returns boolean
language sql stable as $has_triggers$
  select exists (select from pg_trigger t where t.tgrelid = p_table and not t.tgisinternal and t.tgname !~ '^stepgate_')
$has_triggers$
