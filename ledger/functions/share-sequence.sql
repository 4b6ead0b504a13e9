-- Lets a target's key draw from the sequence that feeds the source's, so that the two sides never make the same key. It is moved only beyond keys
-- of the target that are higher than any of the source's: where an application gives keys of its own far ahead of its sequence, it may go on to count up
-- to them, and a sequence that is set while others draw from it may give a value twice.
create or replace function stepgate.share_sequence(p_plan text, p_transfer text, p_table text, p_column text, p_sequence text) returns void
language plpgsql as $share_sequence$
declare
  v_default text;
  v_highest bigint;
  v_source_highest bigint;
  feeds record;
begin
  select coalesce(pg_get_expr(d.adbin, d.adrelid), '') into v_default
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = to_regclass(p_table) and a.attname = p_column;
  execute format('select max(%I) from %s', p_column, p_table) into v_highest;
  for feeds in
    select stepgate.full_name(a.attrelid) as name, a.attname as key from pg_depend d
    join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.objid = p_sequence::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
  loop
    execute format('select max(%I) from %s', feeds.key, feeds.name) into v_source_highest;
  end loop;
  if v_highest > coalesce(v_source_highest, 0) then
    execute format('select setval(%L, %L) from %s where last_value < %L', p_sequence, v_highest, p_sequence, v_highest);
  end if;
  execute format('alter table %s alter column %I set default stepgate.next_key(%L::regclass)', p_table, p_column, p_sequence);
  update stepgate.sync s set old_default = v_default where (s.plan, s.transfer, s.side) = (p_plan, p_transfer, 'target');
end
$share_sequence$
