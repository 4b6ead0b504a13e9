-- Keeps which tables this transaction wrote since p_before.
create or replace function stepgate.note_written(p_plan text, p_before jsonb) returns void
language plpgsql as $note_written$
declare
  changed oid[];
begin
  select coalesce(array_agg(key::oid), '{}') into changed from jsonb_each_text(stepgate.write_counts())
  where split_part(value, ':', 2) is distinct from split_part(p_before ->> key, ':', 2);
  insert into stepgate.written (plan, table_oid) select p_plan, unnest(changed) on conflict do nothing;
  update stepgate.made m set rows = -1
  where m.plan = p_plan and m.rows <> -1 and (m.table_oid = any (changed) or exists (select from pg_partition_tree(m.table_oid) t where t.relid = any (changed)));
end
$note_written$
