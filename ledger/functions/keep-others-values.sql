-- Puts what an undo leaves as it finds it into stepgate_archive.value, beside what was there before the phase: whole rows of a state, and, for
-- 'kept', the columns that others wrote.
create or replace function stepgate.keep_others_values(p_image stepgate.image, p_run text, p_state text) returns void
language plpgsql as $keep_others_values$
declare
  v_table text := stepgate.full_name(p_image.table_oid);
  v_key text := stepgate.image_key(p_image, null);
  v_shown text := stepgate.image_key(p_image, p_run);
  v_match text := stepgate.image_match(p_image, 't.', 'n.');
  v_old text;
  v_column record;
begin
  select string_agg(format('(n.stepgate_old).%s', name), ', ' order by number) into v_old from stepgate.image_columns(p_image);
  execute format('insert into stepgate_archive.value (run_id, plan, phase, table_name, key, shown_key, before, kept)
select $1, $2, $3, $4, %1$s, %2$s, case when (n.stepgate_old).stepgate_sign is not null then (select row_to_json(o) from (select %3$s) o) end, row_to_json(t.*)
from stepgate.net_%4$s n left join %5$s t on %6$s where n.stepgate_state = $5 order by n.ctid',
    v_key, v_shown, v_old, p_image.id, v_table, v_match) using p_run, p_image.plan, p_image.phase, v_table, p_state;
  if p_state <> 'kept' then
    return;
  end if;
  for v_column in execute format('select c.* from stepgate.image_columns($1) c where c.number in (select unnest(n.stepgate_kept) from stepgate.net_%s n)', p_image.id) using p_image loop
    execute format('insert into stepgate_archive.value (run_id, plan, phase, table_name, key, shown_key, column_name, before, kept)
select $1, $2, $3, $4, %1$s, %2$s, $5, to_json((n.stepgate_old).%3$s), to_json(t.%4$s)
from stepgate.net_%5$s n join %6$s t on %7$s where $6 = any (n.stepgate_kept) order by n.ctid',
      v_key, v_shown, v_column.name, v_column.now, p_image.id, v_table, v_match)
    using p_run, p_image.plan, p_image.phase, v_table, v_column.now, v_column.number;
  end loop;
end
$keep_others_values$
