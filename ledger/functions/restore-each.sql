-- One row after another, each of which may fail by itself; how many were restored.
create or replace function stepgate.restore_each(p_image stepgate.image, p_act text) returns bigint
language plpgsql as $restore_each$
declare
  v_sql text := stepgate.restore_sql(p_image, p_act, 'n.ctid = $1');
  v_place tid;
  v_rows bigint;
  v_all bigint := 0;
begin
  -- From the end: a statement that moved values along moves them back in the other direction.
  for v_place in execute format('select n.ctid from stepgate.net_%s n where n.stepgate_state = ''restore'' and (n.stepgate_old).stepgate_sign is not null order by n.ctid desc', p_image.id) loop
    begin
      execute v_sql using v_place;
      get diagnostics v_rows = row_count;
      v_all := v_all + v_rows;
    exception
      when integrity_constraint_violation then null;
    end;
  end loop;
  return v_all;
end
$restore_each$
