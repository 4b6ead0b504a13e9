-- Puts the keeping trigger on the plan's tables; it does nothing outside a batch of an undo, and goes with its table.
-- A batch deletes its own table's rows itself; what a cascade takes there (depth above 0) it does not see.
create or replace function stepgate.keep_cascades(p_plan text) returns void
language plpgsql as $keep_cascades$
declare
  v_table oid;
begin
  for v_table in
    select c.oid from stepgate.made m join pg_class c on c.oid = m.table_oid
    where m.plan = p_plan and m.columns = '{}' and c.relkind in ('r', 'p')
    and not exists (select from pg_trigger where tgrelid = c.oid and tgname = 'stepgate_keep')
  loop
    execute format('create trigger stepgate_keep after delete or update on %1$s for each row
      when (current_setting(''stepgate.undoing'', true) <> '''' and (current_setting(''stepgate.undoing'', true) <> %2$L or pg_trigger_depth() > 0))
      execute function stepgate.keep_deleted()', stepgate.full_name(v_table), v_table);
  end loop;
end
$keep_cascades$
