-- Keeps which tables this transaction wrote since p_before, and what it left in those that the plan made.
create or replace function stepgate.note_written(p_plan text, p_before jsonb, p_made jsonb) returns void
language plpgsql as $note_written$
declare
  counts jsonb := stepgate.write_counts();
  thing jsonb;
begin
  insert into stepgate.written (plan, table_name)
  select p_plan, stepgate.full_name(key::oid) from jsonb_each_text(counts)
  where value is distinct from p_before ->> key
  on conflict do nothing;
  for thing in select value from jsonb_array_elements(p_made) where to_regclass(value ->> 'name') is not null loop
    if counts ->> (to_regclass(thing ->> 'name')::oid::text) is distinct from p_before ->> (to_regclass(thing ->> 'name')::oid::text) then
      perform stepgate.note_made(p_plan, thing, stepgate.made_digest(thing));
    elsif not exists (select from stepgate.made where plan = p_plan and table_name = thing ->> 'name' and columns = thing ->> 'columns') then
      -- Made and not written: a column holds its default everywhere, and nobody need read a large table to know.
      perform stepgate.note_made(p_plan, thing, '{"rows": 0, "hash": 0}');
    end if;
  end loop;
end
$note_written$
