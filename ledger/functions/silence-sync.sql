-- Ends what the triggers of a phase's transfers do, both sides at once, without a lock on any table: beside many writers the locks that their
-- removal needs come for one table at a time at best. Gives, as a json text, the tables that triggers stand on or whose key draws from another one's sequence.
-- Repeating it does nothing.
create or replace function stepgate.silence_sync(p_run text, p_token bigint, p_plan text, p_phase text, p_keys jsonb) returns text
language plpgsql as $silence_sync$
declare
  name text;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' sync');
  -- Two visits at once would change the same function.
  perform from stepgate.sync s where s.plan = p_plan and s.phase = p_phase for update;
  for name in
    select distinct f from stepgate.sync s cross join unnest(s.functions) f
    where s.plan = p_plan and s.phase = p_phase and s.silenced_at is null and to_regprocedure(f || '()') is not null
  loop
    -- What a row's BEFORE trigger gives back goes on; of a statement both are null.
    execute format('create or replace function %s() returns trigger language plpgsql as $silent$ begin return coalesce(new, old); end $silent$', name);
  end loop;
  update stepgate.sync s set silenced_at = clock_timestamp() where s.plan = p_plan and s.phase = p_phase and s.silenced_at is null;
  return (
    select coalesce(json_agg(stepgate.full_name(c) order by c), '[]') from (
      select t.tgrelid as c from stepgate.sync s cross join unnest(s.functions) f join pg_trigger t on t.tgfoid = to_regprocedure(f || '()')
      where s.plan = p_plan and s.phase = p_phase and t.tgparentid = 0
      union select to_regclass(k ->> 'table')::oid from jsonb_array_elements(p_keys) k
        join stepgate.sync s on (s.plan, s.transfer, s.side) = (p_plan, k ->> 'transfer', 'target') and s.old_default is not null
    ) tables (c) where c is not null)::text;
end
$silence_sync$
