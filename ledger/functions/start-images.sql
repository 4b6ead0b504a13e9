-- The copy of a table, typed and without an index, and the triggers that fill it: for whole statements, since they cost a third of triggers for each row.
create or replace function stepgate.start_images(p_image stepgate.image) returns void
language plpgsql as $start_images$
declare
  v_table text := stepgate.full_name(p_image.table_oid);
  v_copy text := 'stepgate.image_' || p_image.id;
  v_event text;
begin
  -- One of this number without its row in stepgate.image is nobody's.
  execute format('drop table if exists %s', v_copy);
  execute format('create table %s as select 1::smallint as stepgate_sign, %s from %s with no data', v_copy,
    (select string_agg(quote_ident(name), ', ' order by place) from unnest(p_image.names) with ordinality as u (name, place)), v_table);
  foreach v_event in array array['insert', 'update', 'delete', 'truncate'] loop
    execute format('create trigger stepgate_image_%1$s %2$s %1$s on %3$s %4$s for each statement execute function stepgate.image_rows(%5$L)',
      v_event, case v_event when 'truncate' then 'before' else 'after' end, v_table,
      case v_event when 'insert' then 'referencing new table as stepgate_new' when 'delete' then 'referencing old table as stepgate_old'
        when 'update' then 'referencing old table as stepgate_old new table as stepgate_new' else '' end, p_image.id);
    execute format('alter table %s enable always trigger stepgate_image_%s', v_table, v_event);
  end loop;
  update stepgate.image set triggers = stepgate.image_triggers(p_image.table_oid) where id = p_image.id;
end
$start_images$
