-- Gives back what the fence took and takes what it gave, of all objects or of one. What others changed meanwhile stays. A grant on which others rest comes
-- first, whatever its place: each round gives what can be given. Answers what could not be, statement by statement.
create or replace function stepgate.fence_restore(p_plan text, p_object oid default null) returns text[]
language plpgsql as $fence_restore$
declare
  v_given jsonb;
  v_missing jsonb;
  v_before jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(g)), '[]') into v_given from (
    select * from stepgate.fence_noted(p_plan, '{given}', p_object) intersect select * from stepgate.fence_now(p_plan, p_object)) g;
  perform stepgate.fence_say(v_given, false);
  loop
    select coalesce(jsonb_agg(to_jsonb(m)), '[]') into v_missing from (
      select * from stepgate.fence_noted(p_plan, '{taken}', p_object) except select * from stepgate.fence_now(p_plan, p_object) order by 1, 2, 3, 4, 5, 6, 7) m;
    exit when v_missing = '[]' or v_missing is not distinct from v_before;
    v_before := v_missing;
    perform stepgate.fence_say(v_missing, true);
  end loop;
  return array(select statement from stepgate.fence_statements(v_missing, true));
end
$fence_restore$
