-- A trigger on the plan's tables while they are undone: rows that go, or lose a reference, because a row goes that they refer to are kept as they were.
-- As its owner, because a cascade works as the owner of the table (PostgreSQL, ri_triggers).
create or replace function stepgate.keep_deleted() returns trigger
language plpgsql security definer
set search_path = pg_catalog
as $keep_deleted$
begin
  insert into stepgate_archive.row (run_id, plan, phase, table_name, image)
  select current_setting('stepgate.run'), current_setting('stepgate.plan'), current_setting('stepgate.phase'), format('%I.%I', tg_table_schema, tg_table_name),
    row_to_json(old);
  return null;
end
$keep_deleted$
