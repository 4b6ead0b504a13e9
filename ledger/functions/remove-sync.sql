-- Takes away the triggers and functions of a phase's transfers, both sides, and gives keys their own defaults back; repeating it does nothing.
-- What stands is asked of the catalog, because a table may have been renamed meanwhile. p_keys: transfer, table, column of the target's key.
create or replace function stepgate.remove_sync(p_run text, p_token bigint, p_plan text, p_phase text, p_keys jsonb) returns text
language plpgsql as $remove_sync$
declare
  called oid[];
  thing record;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' sync');
  -- Of two visits at once the second finds nothing left.
  perform from stepgate.sync s where s.plan = p_plan and s.phase = p_phase for update;
  called := array(
    select distinct to_regprocedure(f || '()')::oid from stepgate.sync s cross join unnest(s.functions) f
    where s.plan = p_plan and s.phase = p_phase and to_regprocedure(f || '()') is not null);
  perform stepgate.lock_soon(array(
    select stepgate.full_name(c) from (
      select t.tgrelid as c from pg_trigger t where t.tgfoid = any (called)
      union select to_regclass(k ->> 'table')::oid from jsonb_array_elements(p_keys) k
        join stepgate.sync s on (s.plan, s.transfer, s.side) = (p_plan, k ->> 'transfer', 'target') and s.old_default is not null
    ) tables (c) where c is not null order by 1), 'access exclusive');
  for thing in select t.tgname, stepgate.full_name(t.tgrelid) as name from pg_trigger t where t.tgfoid = any (called) and t.tgparentid = 0 loop
    execute format('drop trigger %I on %s', thing.tgname, thing.name);
  end loop;
  for thing in select f::regprocedure::text as name from unnest(called) f loop
    execute 'drop function ' || thing.name;
  end loop;
  for thing in
    select s.old_default, k ->> 'table' as name, k ->> 'column' as key from jsonb_array_elements(p_keys) k
    join stepgate.sync s on (s.plan, s.transfer, s.side) = (p_plan, k ->> 'transfer', 'target')
    where s.old_default is not null and to_regclass(k ->> 'table') is not null
  loop
    execute format('alter table %s alter column %I %s', thing.name, thing.key,
      case thing.old_default when '' then 'drop default' else 'set default ' || thing.old_default end);
  end loop;
  if stepgate.is_undoing(p_plan, p_phase) then
    -- Nothing derives these keys any more: one side of them is gone.
    delete from stepgate.sync_journal j using stepgate.sync s
    where s.plan = p_plan and s.phase = p_phase and (j.plan, j.transfer) = (s.plan, s.transfer) and j.reason <> 'not-carried';
  end if;
  delete from stepgate.sync s where s.plan = p_plan and s.phase = p_phase;
  return 'removed';
end
$remove_sync$
