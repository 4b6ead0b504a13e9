-- Writes one side of what a repair decided: rows first, then an update for each set of columns, so that each column's assignment is cast by itself.
create or replace function stepgate.repair_side(p_texts jsonb, p_side text, p_keys text[], p_decisions jsonb) returns void
language plpgsql as $repair_side$
declare
  line text;
  columns jsonb;
  assignments text;
begin
  for line in select jsonb_array_elements_text(p_texts -> p_side) loop
    execute stepgate.in_range(line, null, null, p_keys) using null::text, null::text, p_keys, p_decisions;
  end loop;
  for columns in select distinct d -> p_side from jsonb_array_elements(p_decisions) d where d -> p_side <> '[]' loop
    select string_agg(distinct s, ', ') into assignments
    from jsonb_array_elements_text(columns) c, jsonb_array_elements_text(p_texts -> (p_side || 'Set') -> c) s;
    execute stepgate.in_range(replace(p_texts ->> (p_side || 'Update'), '[[set]]', assignments), null, null, p_keys)
      using null::text, null::text, p_keys, p_decisions, null::text[], null::text[], columns;
  end loop;
  -- What waits for the commit would fail there, for all keys.
  set constraints all immediate;
end
$repair_side$
