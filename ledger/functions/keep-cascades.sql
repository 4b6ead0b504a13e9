-- Puts the keeping trigger on the plan's tables; it does nothing outside a batch of an undo, and goes with its table.
create or replace function stepgate.keep_cascades(p_made jsonb) returns void
language plpgsql as $keep_cascades$
declare
  v_name text;
begin
  for v_name in
    select value ->> 'name' from jsonb_array_elements(p_made) join pg_class c on c.oid = to_regclass(value ->> 'name')
    where value ->> 'columns' = '[]' and c.relkind in ('r', 'p') and not c.relispartition
    and not exists (select from pg_trigger where tgrelid = c.oid and tgname = 'stepgate_keep')
  loop
    execute format('create trigger stepgate_keep after delete on %s for each row
      when (coalesce(current_setting(''stepgate.undoing'', true), '''') not in ('''', %L)) execute function stepgate.keep_deleted()', v_name, v_name);
  end loop;
end
$keep_cascades$
