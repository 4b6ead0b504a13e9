-- After a phase's statements and checks: the copies are whole or the phase fails, and the triggers go, so that nobody else's changes are copied.
-- A table that the plan writes under images only is not held against the whole table's digest: what the phase did there is known by row.
create or replace function stepgate.keep_images(p_plan text, p_phase text) returns void
language plpgsql as $keep_images$
declare
  v_image stepgate.image;
  v_changed text;
  v_event text;
begin
  for v_image in select * from stepgate.image where plan = p_plan and phase = p_phase order by table_oid loop
    select string_agg(u.name, ', ' order by u.number) into v_changed
    from unnest(v_image.columns, v_image.names) as u (number, name)
    join pg_attribute i on i.attrelid = to_regclass('stepgate.image_' || v_image.id) and i.attname = u.name
    left join pg_attribute a on a.attrelid = v_image.table_oid and a.attnum = u.number and not a.attisdropped
    where (a.atttypid, a.atttypmod, a.attcollation) is distinct from (i.atttypid, i.atttypmod, i.attcollation);
    if v_changed is not null then
      raise exception using errcode = 'SG004', message = format('phase %s protects %s, yet it dropped, or changed the type of: %s; row images hold neither', p_phase,
        coalesce(stepgate.full_name(v_image.table_oid), 'a table that it dropped'), v_changed);
    end if;
    if stepgate.image_triggers(v_image.table_oid) <> v_image.triggers then
      raise exception using errcode = 'SG004', message = format('phase %s protects %s, yet one of its statements switched all triggers of the table off or on, the images'' too; name the triggers that you mean',
        p_phase, stepgate.full_name(v_image.table_oid));
    end if;
    if not stepgate.drop_image_triggers(v_image.table_oid) then
      -- Readers hold the table: switched off the triggers need no more of a lock than the phase has. They are dropped when it has committed.
      foreach v_event in array array['insert', 'update', 'delete', 'truncate'] loop
        execute format('alter table %s disable trigger stepgate_image_%s', stepgate.full_name(v_image.table_oid), v_event);
      end loop;
    end if;
    delete from stepgate.written w where w.plan = p_plan and w.table_oid = v_image.table_oid and stepgate.is_own(w.xmin);
  end loop;
end
$keep_images$
