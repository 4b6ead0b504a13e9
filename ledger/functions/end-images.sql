-- Drops triggers of a phase's images that readers kept from going with it; how many tables still have some.
create or replace function stepgate.end_images(p_run text, p_token bigint, p_plan text, p_phase text) returns integer
language plpgsql as $end_images$
declare
  v_table oid;
  v_left integer := 0;
begin
  perform stepgate.enter(p_run, p_token, p_phase);
  for v_table in
    select i.table_oid from stepgate.image i where i.plan = p_plan and i.phase = p_phase and stepgate.image_triggers(i.table_oid) <> '' order by i.table_oid
  loop
    v_left := v_left + (not stepgate.drop_image_triggers(v_table))::integer;
  end loop;
  return v_left;
end
$end_images$
