-- Before an undo's statements: what of a phase's changes is still the phase's, by the binary image of each value, and what somebody wrote since.
-- stepgate.net_<id> gets a row for each key that the phase changed: its row as it was, as the phase left it, and what is done about it:
-- 'restore'; 'same', nothing is left to do; 'kept', the row stays as others left it; `stepgate_kept` are columns that do, by number. Later: 'hindered'.
-- Writers wait until the undo commits.
create or replace function stepgate.weigh_images(p_run text, p_plan text, p_phase text) returns void
language plpgsql as $weigh_images$
declare
  v_image stepgate.image;
  v_is_forced boolean;
begin
  -- Whole tables are paired here, mostly in memory; only for this transaction.
  perform set_config('work_mem', '32MB', true) where exists (select from stepgate.image where plan = p_plan and phase = p_phase);
  for v_image in select * from stepgate.image where plan = p_plan and phase = p_phase order by table_oid loop
    if stepgate.full_name(v_image.table_oid) is null then
      raise exception using errcode = 'SG004', message = format('phase %s protected a table that somebody dropped since; its row images are in stepgate.image_%s', p_phase, v_image.id);
    end if;
    execute format('lock table %s in share row exclusive mode', stepgate.full_name(v_image.table_oid));
    perform stepgate.drop_image_triggers(v_image.table_oid);
    v_is_forced := stepgate.lift_row_security(v_image.table_oid);
    execute format('analyze stepgate.image_%s', v_image.id);
    execute stepgate.net_images(v_image);
    execute format('analyze stepgate.net_%s', v_image.id);
    perform stepgate.keep_others_values(v_image, p_run, 'kept');
    if v_is_forced then
      execute format('alter table %s force row level security', stepgate.full_name(v_image.table_oid));
    end if;
  end loop;
end
$weigh_images$
