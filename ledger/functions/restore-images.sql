-- After an undo's statements: puts back what the phase changed and nobody else did, and holds the result against the images.
-- The application's triggers do not fire for it: what they did when the phase wrote is put back, too, or is not protected. Live sync's do.
create or replace function stepgate.restore_images(p_run text, p_plan text, p_phase text) returns void
language plpgsql as $restore_images$
declare
  v_image stepgate.image;
  v_images stepgate.image[];
  v_switches text[] := '{}';
  v_statement text;
  v_is_hindered boolean;
begin
  select array_agg(i order by i.table_oid) into v_images from stepgate.image i where i.plan = p_plan and i.phase = p_phase;
  if v_images is null then
    return;
  end if;
  foreach v_image in array v_images loop
    v_switches := v_switches || stepgate.quiet_table(v_image.table_oid);
  end loop;
  v_is_hindered := stepgate.restore_rows(v_images);
  foreach v_image in array v_images loop
    perform stepgate.keep_unrestored(v_image, p_run, v_is_hindered);
  end loop;
  foreach v_statement in array v_switches loop
    execute v_statement;
  end loop;
end
$restore_images$
