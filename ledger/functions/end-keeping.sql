-- A table that its undo leaves behind keeps nothing of ours.
create or replace function stepgate.end_keeping(p_plan text, p_phase text) returns void
language plpgsql as $end_keeping$
declare
  v_table oid;
begin
  for v_table in
    delete from stepgate.made m where m.plan = p_plan and m.phase = p_phase returning m.table_oid
  loop
    if exists (select from pg_trigger where tgrelid = v_table and tgname = 'stepgate_keep' and tgparentid = 0) then
      execute format('drop trigger stepgate_keep on %s', stepgate.full_name(v_table));
    end if;
  end loop;
end
$end_keeping$
