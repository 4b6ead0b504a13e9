-- Switches a table's triggers off, all but our own, and its FORCE ROW LEVEL SECURITY; gives the statements that put them back.
create or replace function stepgate.quiet_table(p_table oid) returns text[]
language plpgsql as $quiet_table$
declare
  v_table text := stepgate.full_name(p_table);
  v_switches text[] := '{}';
  v_trigger record;
begin
  if stepgate.lift_row_security(p_table) then
    v_switches := array[format('alter table %s force row level security', v_table)];
  end if;
  for v_trigger in
    select tgname, tgenabled from pg_trigger where tgrelid = p_table and not tgisinternal and tgenabled in ('O', 'A') and not starts_with(tgname::text, 'stepgate_')
  loop
    execute format('alter table %s disable trigger %I', v_table, v_trigger.tgname);
    v_switches := v_switches || format('alter table %s enable %s trigger %I', v_table, case v_trigger.tgenabled when 'A' then 'always' else '' end, v_trigger.tgname);
  end loop;
  return v_switches;
end
$quiet_table$
