-- Drops the triggers that copy a table's rows; false when readers hold the table for longer than lock_timeout.
create or replace function stepgate.drop_image_triggers(p_table oid) returns boolean
language plpgsql as $drop_image_triggers$
declare
  v_name text;
begin
  for v_name in select tgname from pg_trigger where tgrelid = p_table and starts_with(tgname::text, 'stepgate_image_') loop
    execute format('drop trigger %I on %s', v_name, stepgate.full_name(p_table));
  end loop;
  return true;
exception
  when lock_not_available or deadlock_detected then
    return false;
end
$drop_image_triggers$
