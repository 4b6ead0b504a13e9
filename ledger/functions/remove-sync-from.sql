-- Takes the triggers of a phase's transfers away from one table, and gives its key its own default back; repeating it does nothing.
-- p_table is what silence_sync gave; p_keys: transfer, table, column of the target's key.
create or replace function stepgate.remove_sync_from(p_run text, p_token bigint, p_plan text, p_phase text, p_table text, p_keys jsonb) returns text
language plpgsql as $remove_sync_from$
declare
  called oid[];
  thing record;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' sync');
  if to_regclass(p_table) is null then
    return 'gone';
  end if;
  called := array(
    select distinct to_regprocedure(f || '()')::oid from stepgate.sync s cross join unnest(s.functions) f
    where s.plan = p_plan and s.phase = p_phase and to_regprocedure(f || '()') is not null);
  -- A row's trigger of a partitioned table stands on its partitions, too.
  perform stepgate.lock_soon(array(
    select p_table union all
    select stepgate.full_name(t.tgrelid) from pg_trigger t join pg_trigger parent on parent.oid = t.tgparentid and parent.tgrelid = to_regclass(p_table)
    where t.tgfoid = any (called)), 'access exclusive');
  for thing in select t.tgname from pg_trigger t where t.tgfoid = any (called) and t.tgparentid = 0 and t.tgrelid = to_regclass(p_table) loop
    execute format('drop trigger %I on %s', thing.tgname, p_table);
  end loop;
  for thing in
    select s.transfer, s.old_default, k ->> 'column' as key from jsonb_array_elements(p_keys) k
    join stepgate.sync s on (s.plan, s.transfer, s.side) = (p_plan, k ->> 'transfer', 'target')
    where s.old_default is not null and to_regclass(k ->> 'table') = to_regclass(p_table)
  loop
    execute format('alter table %s alter column %I %s', p_table, thing.key,
      case thing.old_default when '' then 'drop default' else 'set default ' || thing.old_default end);
    update stepgate.sync s set old_default = null where (s.plan, s.transfer, s.side) = (p_plan, thing.transfer, 'target');
  end loop;
  return 'removed';
end
$remove_sync_from$
