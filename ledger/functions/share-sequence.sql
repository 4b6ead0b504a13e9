-- Lets a target's key draw from the sequence that feeds the source's, so that the two sides never make the same key; the sequence is first
-- moved beyond every key that the target has.
create or replace function stepgate.share_sequence(p_plan text, p_transfer text, p_table text, p_column text, p_sequence text) returns void
language plpgsql as $share_sequence$
declare
  v_default text;
  v_highest bigint;
begin
  select coalesce(pg_get_expr(d.adbin, d.adrelid), '') into v_default
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = to_regclass(p_table) and a.attname = p_column;
  execute format('select max(%I) from %s', p_column, p_table) into v_highest;
  execute format('select setval(%L, greatest(%L, last_value), is_called or %L > last_value) from %s', p_sequence, v_highest, v_highest, p_sequence);
  execute format('alter table %s alter column %I set default stepgate.next_key(%L::regclass)', p_table, p_column, p_sequence);
  update stepgate.sync s set old_default = v_default where (s.plan, s.transfer, s.side) = (p_plan, p_transfer, 'target');
end
$share_sequence$
